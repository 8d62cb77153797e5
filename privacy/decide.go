package privacy

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
)

// Request asks whether somebody may be contacted.
type Request struct {
	Subject ident.ID         // the customer
	Purpose personal.Purpose // for what. Defaults to the purpose of the session
	Channel personal.Channel // by which way; one that carries messages
	At      time.Time        // the instant. Defaults to now. Of earlier instants the consent is looked at, not the suppressions
}

// Decide tells whether a subject may be contacted, without sending or storing anything. What [Sends.Deliver] decides
// later may differ, since it decides anew.
//
// A customer that does not exist, or that the caller may not see, is a refusal with reason [UnknownSubject], not an
// error.
//
// Errors: Invalid for an unknown purpose or channel; Denied; LimitExceeded beyond [MaxSaid] records.
func (cs Consents) Decide(ctx context.Context, r Request) (Decision, error) {
	const op = "privacy: decide"
	if err := cs.svc.checkWords(&r.Purpose, r.Channel, cs.scope.Purpose); err != nil {
		return Decision{}, fault.At(op, err)
	}
	return work.View(ctx, cs.svc.cfg.Engine, cs.scope, op, EntityConsent, func(ctx context.Context, c *work.Call) (Decision, error) {
		d := Decision{Subject: r.Subject, Purpose: r.Purpose, Channel: r.Channel, At: r.At}
		ids, err := cs.svc.subject(ctx, c, r.Subject, work.Read)
		if fault.CodeOf(err) == fault.NotFound {
			d.Code, d.Reason, d.At = UnknownSubject, UnknownSubject.Sentence(), c.Now
			return d, nil
		}
		if err != nil {
			return Decision{}, err
		}
		_, err = cs.svc.judge(ctx, c, ids, &d)
		return d, err
	})
}

// judge decides about resolved subjects and returns the address, which must not leave the gate unless the decision
// allows it. It fills the rest of d; a zero At becomes now. An error leaves the decision refused.
func (s *Module) judge(ctx context.Context, c *work.Call, ids []ident.ID, d *Decision) (personal.Text, error) {
	d.Subject, d.Code = ids[0], NoBasis
	said, err := s.cfg.Store.Said(ctx, c, ids, d.Purpose, d.Channel)
	if err != nil {
		return personal.Text{}, err
	}
	if d.At.IsZero() {
		d.At = known(c.Now, said)
	}
	f := facts{standing: fold(said, d.Channel, d.At)}
	f.purpose, _ = s.cfg.Purposes.Get(d.Purpose)
	to, err := s.cfg.Subjects.Address(ctx, c.Scope, ids, d.Channel)
	if err != nil {
		return personal.Text{}, err
	}
	plain, err := to.Value()
	if err != nil {
		return personal.Text{}, err
	}
	if f.address = plain != ""; f.address {
		digest, err := s.digest(ctx, c.Tenant(), plain)
		if err != nil {
			return personal.Text{}, err
		}
		if f.suppressed, err = s.cfg.Store.Suppression(ctx, c, d.Channel, digest); err != nil {
			return personal.Text{}, err
		}
	}
	d.Code, d.Basis, d.Evidence = decide(f)
	d.Allowed, d.Reason = d.Code == IsAllowed, d.Code.Sentence()
	if d.Allowed && d.Basis == f.standing.Basis {
		d.Until = f.standing.Until
	}
	if !d.Allowed {
		return personal.Text{}, nil
	}
	return to, nil
}
