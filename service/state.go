package service

import (
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
)

// State is where a case stands.
type State string

// The states.
const (
	StateNew      State = "new"      // came in, nobody has begun
	StateOpen     State = "open"     // is worked on
	StatePending  State = "pending"  // waits for the customer: the resolution clock stands still
	StateResolved State = "resolved" // resolved by the agent; not yet confirmed by the customer
	StateClosed   State = "closed"   // accepted by the customer
)

// verb is what can be done to a case.
type verb string

const (
	verbStart    verb = "start"
	verbReply    verb = "reply"
	verbPause    verb = "pause"
	verbResume   verb = "resume"
	verbResolve  verb = "resolve"
	verbClose    verb = "close"
	verbReopen   verb = "reopen"
	verbAssign   verb = "assign"
	verbEscalate verb = "escalate"
	verbUpdate   verb = "update"
)

// moves is the whole life of a case: where each verb leads from each state. The same state means that the state does
// not change; a missing entry means that the verb is refused.
//
//	          new       open      pending   resolved  closed
//	start     open      same      refused   refused   refused
//	reply     open      same      same      same      refused
//	pause     pending   pending   same      refused   refused
//	resume    refused   same      open      refused   refused
//	resolve   resolved  resolved  resolved  same      refused
//	close     refused   refused   refused   closed    same
//	reopen    refused   same      refused   open      open
//	assign    same      same      same      same      refused
//	escalate  same      same      same      refused   refused
//	update    same      same      same      same      refused
var moves = map[verb]map[State]State{
	verbStart:    {StateNew: StateOpen, StateOpen: StateOpen},
	verbReply:    {StateNew: StateOpen, StateOpen: StateOpen, StatePending: StatePending, StateResolved: StateResolved},
	verbPause:    {StateNew: StatePending, StateOpen: StatePending, StatePending: StatePending},
	verbResume:   {StateOpen: StateOpen, StatePending: StateOpen},
	verbResolve:  {StateNew: StateResolved, StateOpen: StateResolved, StatePending: StateResolved, StateResolved: StateResolved},
	verbClose:    {StateResolved: StateClosed, StateClosed: StateClosed},
	verbReopen:   {StateOpen: StateOpen, StateResolved: StateOpen, StateClosed: StateOpen},
	verbAssign:   {StateNew: StateNew, StateOpen: StateOpen, StatePending: StatePending, StateResolved: StateResolved},
	verbEscalate: {StateNew: StateNew, StateOpen: StateOpen, StatePending: StatePending},
	verbUpdate:   {StateNew: StateNew, StateOpen: StateOpen, StatePending: StatePending, StateResolved: StateResolved},
}

// events are the main events of the verbs.
var events = map[verb]event.Kind{
	verbStart: CaseStarted, verbReply: CaseReplied, verbPause: CasePaused, verbResume: CaseResumed,
	verbResolve: CaseResolved, verbClose: CaseClosed, verbReopen: CaseReopened, verbAssign: CaseAssigned,
	verbEscalate: CaseEscalated,
}

// hints say what to do instead, by the state that refuses.
var hints = map[State]string{
	StateNew:      "nobody has begun with it",
	StateOpen:     "Resolve it first",
	StatePending:  "it waits for the customer: Resume or Resolve it first",
	StateResolved: "Close or Reopen it first",
	StateClosed:   "Reopen it first",
}

// next returns the state a verb leads to.
func (cs *Case) next(v verb) (State, error) {
	to, ok := moves[v][cs.State]
	if !ok {
		f := fault.New(fault.Conflict, "cannot %s a case that is %s: %s", v, cs.State, hints[cs.State])
		f.Reason, f.Current, f.Field = "state", cs.Version, "state"
		return "", f
	}
	return to, nil
}
