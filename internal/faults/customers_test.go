package faults_test

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/privacy"
)

var tier = schema.NewKey[string]("tier")

func greeting(id ident.ID) activity.InteractionDraft {
	return activity.InteractionDraft{
		Channel: privacy.ByEmail, Direction: activity.Outbound, Subject: "Welcome", Body: "Good to have you.",
		Participants: []activity.Participant{{Customer: id, Role: "recipient"}},
	}
}

func customerSteps() []step {
	return []step{
		{name: "create an organization", run: func(ctx context.Context, p *play) error {
			d := organization(p.id("acme"), "ACME")
			d.TaxID, d.Points = "DE 1", []customer.PointDraft{{Channel: privacy.ByEmail, Value: "info@example.com"}}
			d.Ext, d.Custom = []ident.Ext{{System: "erp", ID: "7"}}, []schema.Set{tier.Set("gold")}
			return second(p.once().Customers.Create(ctx, d))
		}},
		{name: "create a person", run: func(ctx context.Context, p *play) error {
			return second(p.once().Customers.Create(ctx, customer.PersonDraft{
				ID: p.id("ada"), Given: "Ada", Family: "Lovelace", Ext: []ident.Ext{{System: "erp", ID: "8"}, {System: "web", ID: "8"}},
				Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.com"}, {Channel: privacy.ByPhone, Value: "+493012345678"}},
			}))
		}},
		{name: "create another person", run: func(ctx context.Context, p *play) error {
			return second(p.once().Customers.Create(ctx, customer.PersonDraft{ID: p.id("bob"), Given: "Bob", Ext: []ident.Ext{{System: "erp", ID: "9"}},
				Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "bob@example.com"}}}))
		}},
		{name: "load", run: func(ctx context.Context, p *play) error {
			rows := func(yield func(customer.Draft, error) bool) {
				for _, name := range []string{"loaded-1", "loaded-2"} {
					d := organization(p.id(name), name)
					d.Ext = []ident.Ext{{System: "csv", ID: name}}
					d.Points = []customer.PointDraft{{Channel: privacy.ByEmail, Value: name + "@example.com", Verified: true}}
					if !yield(d, nil) {
						return
					}
				}
			}
			report, err := p.s.Customers.Load(ctx, iter.Seq2[customer.Draft, error](rows), nil)
			for _, f := range report.Faults {
				if !errors.Is(f.Err, fault.ErrConflict) { // loaded by the attempt before
					err = errors.Join(err, f.Err)
				}
			}
			return err
		}},
		{name: "update", run: func(ctx context.Context, p *play) error {
			return second(p.once().Customers.Update(ctx, p.id("ada"), 1, customer.Update{
				Family: ptr("King"), TaxID: ptr("GB 1"), OwnerUser: ptr("u-2"), Custom: []schema.Set{tier.Set("silver")},
				AddExt: []ident.Ext{{System: "crm", ID: "1"}}, RemoveExt: []ident.Ext{{System: "web", ID: "8"}},
			}))
		}},
		{name: "add a point", run: func(ctx context.Context, p *play) error {
			return second(p.once().Customers.AddPoint(ctx, p.id("ada"), 2, customer.PointDraft{Channel: privacy.ByEmail, Value: "king@example.com"}))
		}},
		{name: "change a point", run: func(ctx context.Context, p *play) error {
			point, err := p.point(ctx)
			if err != nil {
				return err
			}
			return second(p.once().Customers.UpdatePoint(ctx, p.id("ada"), 3, point, customer.PointUpdate{Label: ptr("work"), Verified: ptr(true)}))
		}},
		{name: "remove a point", run: func(ctx context.Context, p *play) error {
			point, err := p.point(ctx)
			if err != nil {
				return err
			}
			return second(p.once().Customers.RemovePoint(ctx, p.id("ada"), 4, point))
		}},
		{name: "move through the lifecycle", run: func(ctx context.Context, p *play) error {
			return second(p.once().Customers.MoveLifecycle(ctx, p.id("ada"), customer.StageNew, "first order"))
		}},
		{name: "upsert a new one", run: func(ctx context.Context, p *play) error {
			return second(p.once().Customers.Upsert(ctx, ident.Ext{System: "erp", ID: "10"}, organization(p.id("upserted"), "Upserted")))
		}},
		{name: "upsert a known one", run: func(ctx context.Context, p *play) error {
			return second(p.once().Customers.Upsert(ctx, ident.Ext{System: "erp", ID: "10"}, organization(p.id("upserted"), "Upserted again")))
		}},
		{name: "a second key for a stale version", run: func(ctx context.Context, p *play) error {
			_, err := p.once().Customers.Update(ctx, p.id("ada"), 1, customer.Update{Country: ptr("DE")})
			return expect(err, fault.Conflict)
		}},
		{name: "read one", run: func(ctx context.Context, p *play) error {
			_, err := p.s.Customers.Get(ctx, p.id("ada"))
			return errors.Join(err, second(p.s.Customers.ByExt(ctx, ident.Ext{System: "erp", ID: "8"})),
				second(p.s.Customers.LifecycleHistory(ctx, p.id("ada"))))
		}},
		{name: "reveal", run: func(ctx context.Context, p *play) error {
			rec, err := p.s.For(privacy.Legal).Customers.Reveal(ctx, p.id("acme"))
			if err == nil {
				require.Equal(p.t, "DE 1", rec.TaxID.Reveal())
			}
			return err
		}},
		{name: "read by address", run: func(ctx context.Context, p *play) error {
			return second(p.s.Customers.ByPoint(ctx, privacy.ByEmail, "ada@example.com"))
		}},
		{name: "delete one to restore", run: func(ctx context.Context, p *play) error { return p.once().Customers.Delete(ctx, p.id("bob"), 1) }},
		{name: "restore", run: func(ctx context.Context, p *play) error { return second(p.once().Customers.Restore(ctx, p.id("bob"))) }},
		{name: "read lists", run: func(ctx context.Context, p *play) error {
			_, err := p.s.Customers.Page(ctx, customer.Filter{Query: page.Query{Sort: "custom.tier"}})
			return errors.Join(err, second(p.s.Customers.Count(ctx, customer.Filter{})), drained(p.s.Customers.All(ctx, customer.Filter{})))
		}},
		{name: "search", run: func(ctx context.Context, p *play) error { return second(p.s.Customers.Search(ctx, "king", 10)) }},
	}
}

// point is the address that is changed and removed again.
func (p *play) point(ctx context.Context) (ident.ID, error) {
	if id, ok := p.ids["point"]; ok {
		return id, nil
	}
	ada, err := p.s.Customers.Get(ctx, p.id("ada"))
	if err != nil {
		return ident.ID{}, err
	}
	for _, pt := range ada.Points {
		if pt.Value.Reveal() == "king@example.com" {
			p.ids["point"] = pt.ID
		}
	}
	return p.id("point"), nil
}

// expect turns a fault that must come into success, and its absence into a failure. Others pass.
func expect(err error, code fault.Code) error {
	switch {
	case err == nil:
		return fault.New(fault.Invalid, "expected %s", code)
	case fault.CodeOf(err) == code:
		return nil
	}
	return err
}

func relationSteps() []step {
	return []step{
		{name: "relate", run: func(ctx context.Context, p *play) error {
			return second(p.once().Customers.Relate(ctx, customer.RelationshipDraft{
				ID: p.id("job"), Type: customer.Employment, From: p.id("ada"), To: p.id("acme"), Role: "engineer",
			}))
		}},
		{name: "relate to a parent", run: func(ctx context.Context, p *play) error {
			return second(p.once().Customers.Relate(ctx, customer.RelationshipDraft{
				ID: p.id("parent"), Type: customer.Parent, From: p.id("acme"), To: p.id("loaded-1"),
			}))
		}},
		{name: "end a relation", run: func(ctx context.Context, p *play) error {
			return second(p.once().Customers.EndRelation(ctx, p.id("job"), 1, date.MustParse("2026-03-27")))
		}},
		{name: "end it again", run: func(ctx context.Context, p *play) error {
			_, err := p.once().Customers.EndRelation(ctx, p.id("job"), 1, date.MustParse("2026-03-26"))
			return expect(err, fault.Conflict)
		}},
		{name: "repeat a key of a relation", run: func(ctx context.Context, p *play) error {
			return second(p.s.Once("relate").Customers.Relate(ctx, customer.RelationshipDraft{
				ID: p.id("job"), Type: customer.Employment, From: p.id("ada"), To: p.id("acme"), Role: "engineer",
			}))
		}},
		{name: "read relations", run: func(ctx context.Context, p *play) error {
			return second(p.s.Customers.Relations(ctx, p.id("acme"), customer.RelationFilter{Ended: true}))
		}},
		{name: "log an interaction", run: func(ctx context.Context, p *play) error {
			d := greeting(p.id("ada"))
			d.ID, d.At = p.id("call"), p.clock.Now().Add(-time.Hour)
			d.Participants = append(d.Participants, activity.Participant{Customer: p.id("acme"), Role: "copy"})
			return second(p.once().Interactions.Log(ctx, d))
		}},
		{name: "read interactions", run: func(ctx context.Context, p *play) error {
			_, err := p.s.Interactions.Get(ctx, p.id("call"))
			return errors.Join(err, second(p.s.Interactions.Page(ctx, activity.InteractionFilter{Customer: p.id("ada")})),
				second(p.s.Interactions.Timeline(ctx, p.id("ada"), page.Query{})))
		}},
	}
}
