package suite_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/internal/suite/campaign"
)

func (w *world) personDraft() customer.PersonDraft {
	n := w.next()
	return customer.PersonDraft{
		Given: "Ada", Family: "Null O'Brien-李 " + n, TaxID: "GB " + n, Ext: []ident.Ext{{System: "erp", ID: n}},
		Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: n + "@example.com", Verified: true}, {Channel: personal.ByPhone, Value: "+493012345678"}},
	}
}

func (w *world) person() customer.Customer {
	return must[customer.Customer](w)(w.s.Customers.Create(w.Context(), w.personDraft()))
}

func (w *world) relation() customer.Relationship {
	return must[customer.Relationship](w)(w.s.Customers.Relate(w.Context(), customer.RelationshipDraft{
		Type: customer.Supplier, From: w.person().ID, To: w.person().ID,
	}))
}

func (w *world) talk() (activity.Interaction, customer.Customer) {
	c := w.person()
	return must[activity.Interaction](w)(w.s.Interactions.Log(w.Context(), talkWith(c.ID))), c
}

func talkWith(id ident.ID) activity.InteractionDraft {
	return activity.InteractionDraft{
		Channel: personal.ByPhone, Direction: activity.Inbound, Subject: "Asks", Body: "for a quote", Participants: []activity.Participant{{Customer: id}},
	}
}

// of is a method that is called with a customer.
func of(name string, is nature, do func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error)) verb {
	return verb{name: name, is: is, arrange: func(w *world) call {
		c := w.person()
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, s, &c) }
	}}
}

var customerVerbs = []verb{
	{name: "Customers.Create", is: writes, arrange: func(w *world) call {
		d := w.personDraft()
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Customers.Create(ctx, d)) }
	}},
	{name: "Customers.Load", is: batches, arrange: func(w *world) call {
		a, b := w.personDraft(), w.personDraft()
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Customers.Load(ctx, rowsOf[customer.Draft](a, b), nil))
		}
	}},
	of("Customers.Get", reads, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.Get(ctx, c.ID))
	}),
	of("Customers.ByExt", reads, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.ByExt(ctx, c.Ext[0]))
	}),
	of("Customers.ByPoint", reads, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.ByPoint(ctx, personal.ByEmail, c.Points[0].Value.Reveal()))
	}),
	of("Customers.Page", reads, func(ctx context.Context, s *crm.Session, _ *customer.Customer) (any, error) {
		return on(s.Customers.Page(ctx, customer.Filter{Query: few}))
	}),
	of("Customers.All", reads, func(ctx context.Context, s *crm.Session, _ *customer.Customer) (any, error) {
		return all(s.Customers.All(ctx, customer.Filter{Query: page.Query{Limit: 200}}))
	}),
	of("Customers.Count", reads, func(ctx context.Context, s *crm.Session, _ *customer.Customer) (any, error) {
		return on(s.Customers.Count(ctx, customer.Filter{}))
	}),
	of("Customers.Search", reads, func(ctx context.Context, s *crm.Session, _ *customer.Customer) (any, error) {
		return on(s.Customers.Search(ctx, "o'brien", 10))
	}),
	of("Customers.LifecycleHistory", reads, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.LifecycleHistory(ctx, c.ID))
	}),
	of("Customers.Reveal", tends, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.Reveal(ctx, c.ID))
	}),
	of("Customers.Update", writes, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.Update(ctx, c.ID, c.Version, customer.Update{Given: new("Augusta"), TaxID: new("GB 7"), AddExt: []ident.Ext{{System: "web", ID: c.Ext[0].ID}}}))
	}),
	of("Customers.Upsert", writes, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.Upsert(ctx, c.Ext[0], customer.PersonDraft{Country: "AT"}))
	}),
	of("Customers.AddPoint", writes, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.AddPoint(ctx, c.ID, c.Version, customer.PointDraft{Channel: personal.ByEmail, Value: "x" + c.Points[0].Value.Reveal()}))
	}),
	of("Customers.UpdatePoint", writes, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.UpdatePoint(ctx, c.ID, c.Version, c.Points[0].ID, customer.PointUpdate{Label: new("work")}))
	}),
	of("Customers.RemovePoint", writes, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.RemovePoint(ctx, c.ID, c.Version, c.Points[0].ID))
	}),
	of("Customers.MoveLifecycle", writes, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Customers.MoveLifecycle(ctx, c.ID, customer.StageNew, "first order"))
	}),
	of("Customers.Delete", writes, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return only(s.Customers.Delete(ctx, c.ID, c.Version))
	}),
	{name: "Customers.Restore", is: writes, arrange: func(w *world) call {
		c := w.person()
		must[any](w)(only(w.s.Customers.Delete(w.Context(), c.ID, c.Version)))
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Customers.Restore(ctx, c.ID)) }
	}},
	{name: "Customers.Relate", is: writes, arrange: func(w *world) call {
		a, b := w.person(), w.person()
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Customers.Relate(ctx, customer.RelationshipDraft{Type: customer.Supplier, From: a.ID, To: b.ID}))
		}
	}},
	{name: "Customers.EndRelation", is: writes, arrange: func(w *world) call {
		r := w.relation()
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Customers.EndRelation(ctx, r.ID, r.Version, date.MustParse("2026-03-29")))
		}
	}},
	{name: "Customers.Relations", is: reads, arrange: func(w *world) call {
		r := w.relation()
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Customers.Relations(ctx, r.From, customer.RelationFilter{}))
		}
	}},
}

var activityVerbs = []verb{
	of("Interactions.Log", writes, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Interactions.Log(ctx, talkWith(c.ID)))
	}),
	of("Interactions.Load", batches, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Interactions.Load(ctx, rowsOf(talkWith(c.ID), talkWith(c.ID)), nil))
	}),
	talked("Interactions.Get", func(ctx context.Context, s *crm.Session, i, _ ident.ID) (any, error) {
		return on(s.Interactions.Get(ctx, i))
	}),
	talked("Interactions.Page", func(ctx context.Context, s *crm.Session, _, c ident.ID) (any, error) {
		return on(s.Interactions.Page(ctx, activity.InteractionFilter{Customer: c, Query: few}))
	}),
	talked("Interactions.All", func(ctx context.Context, s *crm.Session, _, _ ident.ID) (any, error) {
		return all(s.Interactions.All(ctx, activity.InteractionFilter{Query: page.Query{Limit: 200}}))
	}),
	talked("Interactions.Timeline", func(ctx context.Context, s *crm.Session, _, c ident.ID) (any, error) {
		return on(s.Interactions.Timeline(ctx, c, few))
	}),
}

func talked(name string, do func(ctx context.Context, s *crm.Session, interaction, customer ident.ID) (any, error)) verb {
	return verb{name: name, is: reads, arrange: func(w *world) call {
		i, c := w.talk()
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, s, i.ID, c.ID) }
	}}
}

// A search is sorted by a field of the tenant's own as by any other, page by page.
func TestASearchIsSortedByACustomField(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		rank := schema.Definition{Entity: "customer", Key: "rank", Type: rule.TypeInt, Class: personal.None, Sortable: true}
		must[schema.Field](w)(w.s.Schema.Define(ctx, rank))
		for i, name := range []string{"Ada", "Bea", "Ada", "Ada"} {
			d := customer.PersonDraft{Given: name, Family: fmt.Sprint("No", i)}
			if i > 0 { // the first has no rank
				d.Custom = []schema.Set{schema.NewKey[int64]("rank").Set(int64(10 - i))}
			}
			must[customer.Customer](w)(w.s.Customers.Create(ctx, d))
		}
		var got []string
		for c, err := range w.s.Customers.All(ctx, customer.Filter{Query: page.Query{Search: "ada", Sort: "custom.rank", Limit: 1}}) {
			require.NoError(t, err)
			got = append(got, c.Name.Reveal())
		}
		require.Equal(t, []string{"Ada No3", "Ada No2", "Ada No0"}, got)
	})
}

// Where nothing is left to search for, a list finds nothing, as Search does; a blank search is none.
func TestASearchOfSignsFindsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, ada := t.Context(), w.person()
		fleet := w.withBoats().s.Objects("boat")
		must[object.Object](w)(fleet.Create(ctx, boat("Sea Ghost", ada.ID, 7)))
		w.campaign()
		plans := w.campaigns.As(w.s.Scope())
		kinds := map[string]func(q page.Query) int{
			"customers": func(q page.Query) int {
				return len(must[page.Page[customer.Customer]](w)(w.s.Customers.Page(ctx, customer.Filter{Query: q})).Items)
			},
			"customers counted": func(q page.Query) int { return must[int](w)(w.s.Customers.Count(ctx, customer.Filter{Query: q})) },
			"objects": func(q page.Query) int {
				return len(must[page.Page[object.Object]](w)(fleet.Page(ctx, object.Filter{Query: q})).Items)
			},
			"objects counted": func(q page.Query) int { return must[int](w)(fleet.Count(ctx, q)) },
			"objects of a customer": func(q page.Query) int {
				return len(must[page.Page[object.Object]](w)(fleet.Page(ctx, object.Filter{Query: q, Customer: ada.ID})).Items)
			},
			"another kind": func(q page.Query) int {
				return len(must[page.Page[campaign.Campaign]](w)(plans.Page(ctx, campaign.Filter{Query: q})).Items)
			},
		}
		for kind, find := range kinds {
			for _, search := range []string{"", " ", "\t\n"} {
				require.NotZero(t, find(page.Query{Search: search}), "%s: %q", kind, search)
			}
			for _, search := range []string{`"`, "*", ":", "()", "\U0001F600", " ' ", "-\u00a0-"} {
				require.Zero(t, find(page.Query{Search: search}), "%s: %q", kind, search)
				require.Empty(t, must[[]customer.Customer](w)(w.s.Customers.Search(ctx, search, 0)))
			}
		}
		sorted := page.Query{Search: "*", Sort: "-name"}
		require.Zero(t, kinds["customers"](sorted))
		require.Zero(t, kinds["objects"](sorted))
	})
}
