package privacy

import (
	"cmp"
	"context"
	"iter"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Consents records what subjects said, and computes where they stand. It is a light value, safe for concurrent use
// unless its scope is inside a transaction; [Module.Consents] makes it.
//
// Who may not see a customer sees none of its consents.
type Consents struct {
	m     *Module
	scope *work.Scope
}

var (
	consentKind = &work.Kind{
		Entity: schema.Of[Consent](EntityConsent), Module: ModuleName, Table: "crm_consent", Permanent: true, Ledger: true, WithSubject: true,
		Rights: work.Rights{Manager: "aannannn", Sales: "aannnnnn", Service: "aannnnnn", Marketing: "aannnnnn", Viewer: "annnnnnn"},
	}
	yesDraft = schema.PatchOf[Consent, ConsentDraft](consentKind.Entity)
	noDraft  = schema.PatchOf[Consent, ChoiceDraft](consentKind.Entity)
)

// Give records that a subject said yes, with the evidence.
//
// Errors: Invalid with every breach; NotFound for a customer the caller may not see; Denied; Conflict when the id is taken.
func (cs Consents) Give(ctx context.Context, d ConsentDraft) (Consent, error) {
	d.Purpose, d.Basis = cmp.Or(d.Purpose, cs.scope.Purpose), cmp.Or(d.Basis, OnConsent)
	v := work.Verb[Consent]{Name: "give", Event: ConsentGiven, ID: d.ID, Args: d, Set: yesDraft.With(&d)}
	return cs.record(ctx, v, Given, d.Subject, d.fill)
}

// Refuse records that a subject was asked and said no.
//
// Errors: as of [Consents.Withdraw].
func (cs Consents) Refuse(ctx context.Context, d ChoiceDraft) (Consent, error) {
	return cs.choose(ctx, "refuse", ConsentRefused, Refused, d)
}

// Withdraw records that a subject takes a yes back; it may be said without one. Once Withdraw has returned, no send of
// the purpose and channel gets an address, unless it rests on a basis that does not depend on the subject's will.
//
// Errors: Invalid with every breach; NotFound for a customer the caller may not see; Denied; Conflict when the id is taken.
func (cs Consents) Withdraw(ctx context.Context, d ChoiceDraft) (Consent, error) {
	return cs.choose(ctx, "withdraw", ConsentWithdrawn, Withdrawn, d)
}

// Object records that a subject objects to the processing. It ends direct marketing and what rests on legitimate
// interest.
//
// Errors: as of [Consents.Withdraw].
func (cs Consents) Object(ctx context.Context, d ChoiceDraft) (Consent, error) {
	return cs.choose(ctx, "object", ConsentObjected, Objected, d)
}

func (cs Consents) choose(ctx context.Context, name string, kind event.Kind, s State, d ChoiceDraft) (Consent, error) {
	d.Purpose, d.Channel = cmp.Or(d.Purpose, cs.scope.Purpose), cmp.Or(d.Channel, ByAnything)
	v := work.Verb[Consent]{Name: name, Event: kind, ID: d.ID, Args: d, Set: noDraft.With(&d)}
	return cs.record(ctx, v, s, d.Subject, nil)
}

// record adds what a subject said. fill completes a yes.
func (cs Consents) record(ctx context.Context, v work.Verb[Consent], s State, subject ident.ID, fill func(*fault.Violations, *Consent, *Purposes)) (Consent, error) {
	v.Apply = func(ctx context.Context, c *work.Call, rec *Consent) error {
		var bad fault.Violations
		if subject.IsZero() {
			bad.Add("subject", "must name a customer")
		}
		if rec.State = s; rec.At.IsZero() {
			rec.At = c.Now
		}
		rec.At = rec.At.UTC().Truncate(time.Microsecond)
		rec.check(&bad, cs.m.cfg.Purposes, c.Now)
		if fill != nil {
			fill(&bad, rec, cs.m.cfg.Purposes)
		}
		if err := bad.Err(); err != nil {
			return err
		}
		c.Fact("purpose", string(rec.Purpose))
		c.Fact("channel", string(rec.Channel))
		c.LineAt(rec.At)
		return cs.m.enter(ctx, c, rec, subject)
	}
	return cs.m.consents.Create(ctx, cs.scope, v)
}

// enter gives a record its subjects and its place among everything they said. Their heads are held from here on, so that
// a decision under way ends first, and a later one sees the record.
func (m *Module) enter(ctx context.Context, c *work.Call, rec *Consent, subject ident.ID) error {
	ids, err := m.subject(ctx, c, subject, work.Read)
	if err != nil {
		return err
	}
	if rec.Subject = ids[0]; len(ids) > 1 {
		rec.Covers = ids[1:]
	}
	c.Refer(ident.Ref{Entity: "customer", ID: rec.Subject})
	heads, key := m.cfg.Store.LockHeads(ctx, c, ids), m.cfg.Store.LearnKey(c, rec.Subject)
	seq, err := heads(ctx)
	if err != nil {
		return err
	}
	rec.Seq = seq + 1
	return key(ctx)
}

// subject resolves a customer within what the caller may do with customers.
func (m *Module) subject(ctx context.Context, c *work.Call, id ident.ID, a work.Action) ([]ident.ID, error) {
	if id.IsZero() {
		return nil, fault.Field("subject", "must name a customer")
	}
	ids, err := c.Engine.Subjects.Resolve(ctx, c.Scope, id, a)
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

// Get returns one record.
//
// Errors: NotFound, also for one whose customer the caller may not see; Denied.
func (cs Consents) Get(ctx context.Context, id ident.ID) (Consent, error) {
	return cs.m.consents.Get(ctx, cs.scope, id)
}

// History returns one page of everything a subject said, as any of the customers that were merged with it; sorted by
// id, which is the order of recording, unless the query says otherwise.
//
// Errors: Invalid for a malformed query; NotFound for a customer the caller may not see; Denied.
func (cs Consents) History(ctx context.Context, subject ident.ID, q page.Query) (page.Page[Consent], error) {
	return cs.m.consents.PageOf(ctx, cs.scope, subject, rule.True(), q)
}

// All ranges over everything a subject said, page by page; see [Consents.History]. It stops at the first error.
func (cs Consents) All(ctx context.Context, subject ident.ID, q page.Query) iter.Seq2[Consent, error] {
	return work.All(q, func(q page.Query) (page.Page[Consent], error) { return cs.History(ctx, subject, q) })
}

// At returns where a subject stands on a purpose and channel, from what was known at an instant; the zero instant
// means now.
//
// Errors: Invalid; NotFound for a customer the caller may not see; Denied; LimitExceeded beyond [MaxSaid] records.
func (cs Consents) At(ctx context.Context, subject ident.ID, p personal.Purpose, ch personal.Channel, at time.Time) (Standing, error) {
	const op = "consent: at"
	if err := cs.m.checkAsk(&p, ch, cs.scope.Purpose, at); err != nil {
		return Standing{}, fault.At(op, err)
	}
	return work.View(ctx, cs.m.cfg.Engine, *cs.scope, op, EntityConsent, func(ctx context.Context, c *work.Call) (Standing, error) {
		said, err := cs.m.said(ctx, c, subject, p, ch)
		if err != nil {
			return Standing{}, err
		}
		if at.IsZero() {
			at = known(c.Now, said)
		}
		return fold(said, ch, at), nil
	})
}

// said returns what a subject that the caller may read said, in one trip unless it was merged.
func (m *Module) said(ctx context.Context, c *work.Call, subject ident.ID, p personal.Purpose, ch personal.Channel) ([]Consent, error) {
	said := m.cfg.Store.Said(ctx, c, []ident.ID{subject}, p, ch)
	ids, err := m.subject(ctx, c, subject, work.Read)
	if err != nil {
		return nil, err
	}
	if alone(ids, subject) {
		return said(ctx)
	}
	return m.cfg.Store.Said(ctx, c, ids, p, ch)(ctx)
}

// alone reports whether what was read ahead under the id that the caller named is all there is.
func alone(ids []ident.ID, subject ident.ID) bool { return len(ids) == 1 && ids[0] == subject }

// checkWords checks a purpose, which defaults to another, and a channel that can carry a message.
func (m *Module) checkWords(p *personal.Purpose, ch personal.Channel, other personal.Purpose) error {
	var v fault.Violations
	if *p == "" {
		*p = other
	}
	if _, ok := m.cfg.Purposes.Get(*p); !ok {
		v.AddAll("", m.cfg.Purposes.unknown("purpose"))
	}
	if !ch.Valid() || ch == ByAnything {
		v.Add("channel", "want one of %v", personal.Channels())
	}
	return v.Err()
}

// checkAsk is checkWords for a question about an instant.
func (m *Module) checkAsk(p *personal.Purpose, ch personal.Channel, other personal.Purpose, at time.Time) error {
	var v fault.Violations
	v.AddAll("", m.checkWords(p, ch, other))
	v.AddAll("", schema.CheckValue("at", rule.Time(at), 0))
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
