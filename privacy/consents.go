package privacy

import (
	"context"
	"iter"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

// Consents records what subjects said and tells where they stand. It is a light value, safe for concurrent use
// unless its scope is inside a transaction; [Module.Consents] makes it.
type Consents struct {
	svc   *Module
	scope work.Scope
}

// Give records that a subject said yes, with the evidence.
//
// Errors: Invalid with every breach; NotFound for a customer the caller may not see; Denied.
func (cs Consents) Give(ctx context.Context, d ConsentDraft) (Consent, error) {
	if d.Purpose == "" {
		d.Purpose = cs.scope.Purpose
	}
	return cs.record(ctx, "privacy: give consent", ConsentGiven, d.ID, d.Subject, d, func(c *work.Call, rec *Consent) error {
		if err := d.check(cs.svc.cfg.Purposes, c.Now); err != nil {
			return err
		}
		d.fill(rec, c.Now)
		return nil
	})
}

// Refuse records that a subject was asked and said no.
//
// Errors: as of [Consents.Withdraw].
func (cs Consents) Refuse(ctx context.Context, d ChoiceDraft) (Consent, error) {
	return cs.choose(ctx, "privacy: refuse consent", Refused, ConsentRefused, d)
}

// Withdraw records that a subject takes a yes back; it may be said without one. Once Withdraw has returned, no send of
// the purpose and channel gets an address, unless it rests on a basis that does not depend on the subject's will.
//
// Errors: Invalid with every breach; NotFound for a customer the caller may not see; Denied.
func (cs Consents) Withdraw(ctx context.Context, d ChoiceDraft) (Consent, error) {
	return cs.choose(ctx, "privacy: withdraw consent", Withdrawn, ConsentWithdrawn, d)
}

// Object records that a subject objects to the processing. It ends direct marketing and what rests on legitimate
// interest.
//
// Errors: as of [Consents.Withdraw].
func (cs Consents) Object(ctx context.Context, d ChoiceDraft) (Consent, error) {
	return cs.choose(ctx, "privacy: object", Objected, ConsentObjected, d)
}

func (cs Consents) choose(ctx context.Context, op string, s State, kind event.Kind, d ChoiceDraft) (Consent, error) {
	if d.Purpose == "" {
		d.Purpose = cs.scope.Purpose
	}
	return cs.record(ctx, op, kind, d.ID, d.Subject, d, func(c *work.Call, rec *Consent) error {
		var v fault.Violations
		if d.check(&v, cs.svc.cfg.Purposes, c.Now); v.Err() != nil {
			return v.Err()
		}
		d.fill(rec, s, c.Now)
		return nil
	})
}

func (cs Consents) record(ctx context.Context, op string, kind event.Kind, id, subject ident.ID, args any, fill func(*work.Call, *Consent) error) (Consent, error) {
	cfg := &cs.svc.cfg
	return work.Write(ctx, cfg.Engine, cs.scope, work.Change[Consent]{
		Op: op, Entity: EntityConsent, Action: work.Create, Kind: kind, ID: id, Args: args,
		Apply: func(ctx context.Context, c *work.Call, rec *Consent) error {
			if err := fill(c, rec); err != nil {
				return err
			}
			ids, err := cs.svc.subject(ctx, c, subject, work.Read)
			if err != nil {
				return err
			}
			seq, err := cfg.Store.LockHeads(ctx, c, ids)
			if err != nil {
				return err
			}
			rec.Subject, rec.Seq = ids[0], seq+1
			if len(ids) > 1 {
				rec.Covers = ids[1:]
			}
			c.Fact("purpose", string(rec.Purpose))
			c.Fact("channel", string(rec.Channel))
			c.Refer(ident.Ref{Entity: "customer", ID: rec.Subject})
			c.Line(rec.Subject, rec.At)
			return nil
		},
		Save: func(ctx context.Context, c *work.Call, _, rec *Consent) error {
			return cfg.Store.AddConsent(ctx, c, rec)
		},
		Replay: func(ctx context.Context, c *work.Call, id ident.ID) (*Consent, error) {
			return within(c)(cfg.Store.Consent(ctx, c, id))
		},
	})
}

// subject resolves a customer within what the caller may do with customers.
func (s *Module) subject(ctx context.Context, c *work.Call, id ident.ID, a work.Action) ([]ident.ID, error) {
	if id.IsZero() {
		return nil, fault.Field("subject", "must name a customer")
	}
	ids, err := s.cfg.Subjects.Resolve(ctx, c.Scope, id, a)
	if fault.CodeOf(err) == fault.NotFound {
		f := fault.New(fault.NotFound, "no such customer")
		f.Field, f.Reason = "subject", string(UnknownSubject)
		return nil, f
	}
	if err == nil && len(ids) == 0 {
		err = fault.New(fault.Internal, "a customer resolved to nothing")
	}
	return ids, err
}

// within turns a record outside the rows of the call's access into a missing one.
func within(c *work.Call) func(*Consent, error) (*Consent, error) {
	return func(rec *Consent, err error) (*Consent, error) {
		if err == nil && c.Access.Rows.Eval(c.Entity.Record(rec)) != rule.Yes {
			return nil, noConsent()
		}
		return rec, err
	}
}

// noConsent is the one answer for records that are not there and those that are not the caller's.
func noConsent() error { return fault.New(fault.NotFound, "no such consent") }

// Get returns one record. As in [Consents.History], the caller must be able to see the customer.
//
// Errors: NotFound, also for one the caller may not see; Denied.
func (cs Consents) Get(ctx context.Context, id ident.ID) (Consent, error) {
	return work.View(ctx, cs.svc.cfg.Engine, cs.scope, "privacy: get consent", EntityConsent,
		func(ctx context.Context, c *work.Call) (Consent, error) {
			rec, err := within(c)(cs.svc.cfg.Store.Consent(ctx, c, id))
			if err == nil {
				_, err = cs.svc.subject(ctx, c, rec.Subject, work.Read)
			}
			if fault.CodeOf(err) == fault.NotFound {
				err = noConsent()
			}
			if err != nil {
				return Consent{}, err
			}
			c.Mask(rec)
			return *rec, nil
		})
}

// History returns one page of everything a subject said, as any of the customers that were merged with it; sorted by
// id, which is the order of recording, unless the query says otherwise.
//
// Errors: Invalid for a malformed query; NotFound for a customer the caller may not see; Denied.
func (cs Consents) History(ctx context.Context, subject ident.ID, q page.Query) (page.Page[Consent], error) {
	const op = "privacy: consent history"
	ids, err := work.View(ctx, cs.svc.cfg.Engine, cs.scope, op, EntityConsent, func(ctx context.Context, c *work.Call) ([]ident.ID, error) {
		return cs.svc.subject(ctx, c, subject, work.Read)
	})
	if err != nil {
		return page.Page[Consent]{}, err
	}
	values := make([]rule.Value, len(ids))
	for i, id := range ids {
		values[i] = rule.ID(id)
	}
	return work.List(ctx, cs.svc.cfg.Engine, cs.scope, op, EntityConsent, rule.In("subject", values...), q, cs.svc.cfg.Store.ListConsents)
}

// All returns everything a subject said, page after page; see [Consents.History].
func (cs Consents) All(ctx context.Context, subject ident.ID, q page.Query) iter.Seq2[Consent, error] {
	return page.All(func(cursor string) (page.Page[Consent], error) {
		if cursor != "" {
			q.Cursor = cursor
		}
		return cs.History(ctx, subject, q)
	})
}

// At returns where a subject stands on a purpose and channel, from what was known at an instant; the zero instant
// means now.
//
// Errors: Invalid; NotFound for a customer the caller may not see; Denied; LimitExceeded beyond [MaxSaid] records.
func (cs Consents) At(ctx context.Context, subject ident.ID, p personal.Purpose, ch personal.Channel, at time.Time) (Standing, error) {
	const op = "privacy: consent at"
	if err := cs.svc.checkWords(&p, ch, cs.scope.Purpose); err != nil {
		return Standing{}, fault.At(op, err)
	}
	return work.View(ctx, cs.svc.cfg.Engine, cs.scope, op, EntityConsent, func(ctx context.Context, c *work.Call) (Standing, error) {
		ids, err := cs.svc.subject(ctx, c, subject, work.Read)
		if err != nil {
			return Standing{}, err
		}
		said, err := cs.svc.cfg.Store.Said(ctx, c, ids, p, ch)
		if at.IsZero() {
			at = known(c.Now, said)
		}
		return fold(said, ch, at), err
	})
}

// checkWords checks a purpose, which defaults to another, and a channel that can carry a message.
func (s *Module) checkWords(p *personal.Purpose, ch personal.Channel, other personal.Purpose) error {
	var v fault.Violations
	if *p == "" {
		*p = other
	}
	if _, ok := s.cfg.Purposes.Get(*p); !ok {
		v.AddAll("", s.cfg.Purposes.unknown("purpose"))
	}
	if !ch.Valid() || ch == ByAnything {
		v.Add("channel", "want one of %v", personal.Channels())
	}
	return v.Err()
}

// known is the instant by which everything that was read is known: another process's clock may be ahead, and a no
// that was recorded while this call waited for its lock must count.
func known(now time.Time, said []Consent) time.Time {
	for i := range said {
		if said[i].CreatedAt.After(now) {
			now = said[i].CreatedAt
		}
	}
	return now
}
