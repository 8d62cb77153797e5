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

// Decide reports whether a subject may be contacted, without sending or storing anything. What [Sends.Deliver] decides
// later may differ, since it decides anew.
//
// A customer that does not exist, or that the caller may not see, is a refusal with reason [UnknownSubject], not an
// error.
//
// Errors: Invalid for an unknown purpose or channel, or an instant outside of the years 1 to 9999; Denied; LimitExceeded beyond [MaxSaid] records.
func (cs Consents) Decide(ctx context.Context, r Request) (Decision, error) {
	const op = "consent: decide"
	if err := cs.m.checkAsk(&r.Purpose, r.Channel, cs.scope.Purpose, r.At); err != nil {
		return Decision{}, fault.At(op, err)
	}
	return work.View(ctx, cs.m.cfg.Engine, *cs.scope, op, EntityConsent, func(ctx context.Context, c *work.Call) (Decision, error) {
		d := Decision{Subject: r.Subject, Purpose: r.Purpose, Channel: r.Channel, At: r.At}
		look := cs.m.look(ctx, c, []ident.ID{r.Subject}, &d) // in one trip with the customer
		ids, err := cs.m.subject(ctx, c, r.Subject, work.Read)
		if fault.CodeOf(err) == fault.NotFound {
			d.Code, d.Reason, d.At = UnknownSubject, UnknownSubject.Sentence(), c.Now
			return d, nil
		}
		if err != nil {
			return Decision{}, err
		}
		if !alone(ids, r.Subject) {
			look = cs.m.look(ctx, c, ids, &d)
		}
		_, err = cs.m.judge(ctx, c, look, ids, &d)
		return d, err
	})
}

// look waits for what a decision rests on first.
type look struct {
	said    func(ctx context.Context) ([]Consent, error)
	address func(ctx context.Context) (personal.Text, error)
}

// look sends for what subjects said, and for the address of the first.
func (m *Module) look(ctx context.Context, c *work.Call, ids []ident.ID, d *Decision) look {
	return look{
		said:    m.cfg.Store.Said(ctx, c, ids, d.Purpose, d.Channel),
		address: m.cfg.Addresses.Address(ctx, c.Scope, ids[0], d.Channel),
	}
}

// judge decides about resolved subjects and returns the address, which must not leave the gate unless the decision
// allows it. It fills the rest of d; a zero At becomes now. An error leaves the decision refused.
func (m *Module) judge(ctx context.Context, c *work.Call, l look, ids []ident.ID, d *Decision) (personal.Text, error) {
	d.Subject, d.Code = ids[0], NoBasis
	said, err := l.said(ctx)
	if err != nil {
		return personal.Text{}, err
	}
	if d.At.IsZero() {
		d.At = known(c.Now, said)
	}
	f := facts{standing: fold(said, d.Channel, d.At)}
	f.purpose, _ = m.cfg.Purposes.Get(d.Purpose)
	to, err := l.address(ctx)
	if err != nil {
		return personal.Text{}, err
	}
	plain, err := to.Value()
	if err != nil {
		return personal.Text{}, err
	}
	if f.address = plain != ""; f.address {
		digest, err := m.digest(ctx, c.Tenant(), plain)
		if err != nil {
			return personal.Text{}, err
		}
		f.suppressed, err = m.cfg.Store.Suppression(ctx, c, d.Channel, digest, work.Look)
		if err != nil && fault.CodeOf(err) != fault.NotFound {
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
