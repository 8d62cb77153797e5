package privacy

import (
	"context"
	"errors"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// SendState is how far a send has come.
type SendState string

// The states.
const (
	SendRefusedState SendState = "refused"   // the gate refused; the key may be used again
	Reserved         SendState = "reserved"  // allowed, and under way
	Delivered        SendState = "delivered" // the transport took it; the key never delivers again
	Failed           SendState = "failed"    // the transport refused it; the key may be used again
	Unknown          SendState = "unknown"   // nobody knows whether it was delivered; the key never delivers again
)

// ErrUnknown says, returned or wrapped by the function given to [Sends.Deliver], that the message may or may not have
// been delivered. An error of its context says the same.
var ErrUnknown = errors.New("privacy: nobody knows whether the message was delivered")

// Send asks the gate for one delivery.
type Send struct {
	Key     string           // names the message: it is delivered at most once under its key. 1 to 200 bytes, no personal data
	Subject ident.ID         // the customer
	Purpose personal.Purpose // for what. Defaults to the purpose of the session; the policy is asked about this one
	Channel personal.Channel // by which way
	// Enqueue says that the function given to Deliver sends nothing itself but writes the message into a queue table
	// on the session's transaction. It is needed, and allowed, inside a transaction only.
	Enqueue bool
}

// Sending is what became of a [Send].
type Sending struct {
	schema.Meta
	// Key names the message.
	Key string `json:"key" crm:"class=none,max=200,readonly,required"`
	// Subject is the customer, as it was asked for.
	Subject ident.ID `json:"subject" crm:"class=none,readonly,required,ref=customer,subject"`
	// Purpose is for what.
	Purpose personal.Purpose `json:"purpose" crm:"class=none,max=64,readonly,required"`
	// Channel is by which way.
	Channel personal.Channel `json:"channel" crm:"class=none,readonly,required"`
	// State is how far it has come.
	State SendState `json:"state" crm:"class=none,enum=refused|reserved|delivered|failed|unknown,required"`
	// Reason is that of the last decision.
	Reason Reason `json:"reason" crm:"class=none"`
	// Basis is that of the last decision.
	Basis Basis `json:"basis,omitempty" crm:"class=none"`
	// Evidence is that of the last decision.
	Evidence []ident.ID `json:"evidence,omitempty" crm:"class=none"`
	// Decision is the last one.
	Decision ident.ID `json:"decision" crm:"class=none"`
	// DecidedAt is its instant.
	DecidedAt time.Time `json:"decided_at" crm:"class=none,required,sort"`
	// Lease is when a reserved one becomes unknown.
	Lease time.Time `json:"lease,omitzero" crm:"class=none"`
}

var sendKind = &work.Kind{
	Entity: schema.Of[Sending](EntitySend), Module: ModuleName, Table: "crm_send", Permanent: true,
	Rights: work.Rights{Manager: "annnaann", Sales: "tnnnntnn", Service: "tnnnntnn", Marketing: "annnnann", Viewer: "nnnnnnnn"},
}

// decision returns the last decision about the send.
func (s *Sending) decision() Decision {
	return Decision{
		ID: s.Decision, Allowed: s.Reason == IsAllowed, Code: s.Reason, Reason: s.Reason.Sentence(), Basis: s.Basis,
		Evidence: s.Evidence, Subject: s.Subject, Purpose: s.Purpose, Channel: s.Channel, At: s.DecidedAt,
	}
}

func (s *Sending) put(d *Decision) {
	s.Decision, s.Reason, s.Basis, s.Evidence, s.DecidedAt = d.ID, d.Code, d.Basis, d.Evidence, d.At
}

// stateAt is the state at an instant: a reserved one whose lease is over is unknown.
func (s *Sending) stateAt(now time.Time) SendState {
	if s.State == Reserved && !now.Before(s.Lease) {
		return Unknown
	}
	return s.State
}

// same reports whether the send was asked for with the same arguments.
func (s *Sending) same(o Send) bool {
	return s.Subject == o.Subject && s.Purpose == o.Purpose && s.Channel == o.Channel
}

func (ss Sends) check(send *Send) error {
	var v fault.Violations
	v.AddAll("", ss.m.checkWords(&send.Purpose, send.Channel, ss.scope.Purpose))
	v.AddAll("", checkKey(send.Key))
	if send.Subject.IsZero() {
		v.Add("subject", "must name a customer")
	}
	switch inside := ss.scope.Unit != nil; {
	case inside && !send.Enqueue:
		v.Add("enqueue", "a message that is sent inside a transaction stays sent when it is rolled back: call Deliver outside of it, or set Enqueue and write the message to a queue on the same transaction")
	case !inside && send.Enqueue:
		v.Add("enqueue", "needs a session inside a transaction: InTx or Join")
	}
	return v.Err()
}

func checkKey(key string) error {
	switch {
	case key == "":
		return fault.Field("key", "must name the message: a second call under the same key delivers nothing")
	case len(key) > work.MaxOnce:
		return fault.Field("key", "must be at most %d bytes, is %d", work.MaxOnce, len(key))
	}
	return schema.CheckText("key", key, work.MaxOnce)
}

// ByKey returns what became of a send.
//
// Errors: Invalid for a malformed key; NotFound, also for one the caller may not see; Denied.
func (ss Sends) ByKey(ctx context.Context, key string) (Sending, error) {
	if err := checkKey(key); err != nil {
		return Sending{}, fault.At("send: get", err)
	}
	return ss.m.sends.By(ctx, ss.scope, "get", func(ctx context.Context, c *work.Call) (*Sending, error) {
		rec, err := ss.m.cfg.Store.Sending(ctx, c, key, work.Look)(ctx)
		if err == nil {
			rec.State = rec.stateAt(c.Now)
		}
		return rec, err
	})
}

// Decisions returns what the gate decided about a subject, newest first, at most 200.
//
// Errors: NotFound for a customer the caller may not see; Denied.
func (ss Sends) Decisions(ctx context.Context, subject ident.ID) ([]Decision, error) {
	return work.View(ctx, ss.m.cfg.Engine, *ss.scope, "send: decisions", EntityConsent,
		func(ctx context.Context, c *work.Call) ([]Decision, error) {
			ids, err := ss.m.subject(ctx, c, subject, work.Read)
			if err != nil {
				return nil, err
			}
			return ss.m.cfg.Store.Decisions(ctx, c, ids, 200)
		})
}
