package service

import "github.com/rapport-crm/rapport/core/event"

// EntityCase is the name of cases in the schema registry.
const EntityCase = "case"

// TimerSLA is the kind of the timers that watch the clocks. [Module.Fire] handles them.
const TimerSLA event.Kind = "case.sla"

// The events of cases. Changes of state have the facts from and to.
const (
	CaseOpened    event.Kind = "case.opened"       // facts type, priority
	CaseUpdated   event.Kind = "case.updated"      // fields changed
	CaseStarted   event.Kind = "case.started"      // somebody has taken it up
	CaseReplied   event.Kind = "case.replied"      // the first response was given
	CasePaused    event.Kind = "case.paused"       // waits for the customer
	CaseResumed   event.Kind = "case.resumed"      // work goes on
	CaseResolved  event.Kind = "case.resolved"     // the agent has solved it
	CaseClosed    event.Kind = "case.closed"       // accepted by the customer
	CaseReopened  event.Kind = "case.reopened"     // it was not solved
	CaseAssigned  event.Kind = "case.assigned"     // another owner
	CaseEscalated event.Kind = "case.escalated"    // fact level
	CaseWarned    event.Kind = "case.sla_warned"   // a clock has run for three quarters of its time; fact clock
	CaseBreached  event.Kind = "case.sla_breached" // a clock has run out; fact clock
)
