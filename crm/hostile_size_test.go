package crm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
)

// crowd makes n things.
func crowd[T any](n int, one func(i int) T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = one(i)
	}
	return out
}

// masses are calls with far more of something than anybody has.
func (x *target) masses() []attack {
	const many = 100_000
	create := func(d customer.Draft) func(ctx context.Context, s *crm.Session) error {
		return func(ctx context.Context, s *crm.Session) error { return drop(s.Customers.Create(ctx, d)) }
	}
	ext := crowd(many, func(i int) ident.Ext { return ident.Ext{System: "s", ID: fmt.Sprint(i)} })
	keys := crowd(many, func(i int) claim.Key { return claim.Key{Namespace: "a", Key: fmt.Sprint(i)} })
	holder := ident.Ref{Entity: "customer", ID: x.firm.ID}
	define := func(set func(d *pipeline.Definition)) func(ctx context.Context, s *crm.Session) error {
		return func(ctx context.Context, s *crm.Session) error {
			d := pipeline.Standard()
			d.Key = "mine"
			set(&d)
			return drop(s.Pipelines.Define(ctx, d))
		}
	}
	return []attack{
		invalid("points", "points", create(customer.PersonDraft{Points: crowd(many, func(i int) customer.PointDraft {
			return customer.PointDraft{Channel: privacy.ByPost, Value: fmt.Sprint(i)}
		})})),
		invalid("equal points", "points[1].value", create(customer.PersonDraft{Points: []customer.PointDraft{
			{Channel: privacy.ByEmail, Value: "ada@example.com"}, {Channel: privacy.ByEmail, Value: " ADA@Example.com "},
		}})),
		invalid("ext", "ext", create(customer.PersonDraft{Ext: ext})),
		invalid("update ext", "add_ext", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Customers.Update(ctx, x.person.ID, 0, customer.Update{AddExt: ext}))
		}),
		invalid("clear", "clear[0]", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Customers.Update(ctx, x.person.ID, 0, customer.Update{Clear: slices.Repeat([]string{"x"}, many)}))
		}),
		invalid("custom", "custom", create(customer.PersonDraft{Given: "A", Custom: crowd(many, func(i int) schema.Set {
			return schema.NewKey[string](fmt.Sprintf("k%d", i)).Set("x")
		})})),
		invalid("custom list", "custom.c_texts", create(customer.PersonDraft{Given: "A", Custom: []schema.Set{
			schema.NewKey[[]string]("c_texts").Set(slices.Repeat([]string{"x"}, many)),
		}})),
		invalid("participants", "participants", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Interactions.Log(ctx, activity.InteractionDraft{
				Channel: privacy.ByPhone, Direction: activity.Inbound,
				Participants: crowd(many, func(int) activity.Participant { return activity.Participant{Customer: x.person.ID} }),
			}))
		}),
		invalid("keys", "keys", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Claims.Acquire(ctx, claim.Request{Keys: keys, Holder: holder, For: time.Hour}))
		}),
		invalid("no keys", "keys", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Claims.Acquire(ctx, claim.Request{Holder: holder, For: time.Hour}))
		}),
		invalid("swap", "keys", func(ctx context.Context, s *crm.Session) error { return drop(s.Claims.Swap(ctx, x.claim.ID, keys)) }),
		invalid("stages", "stages", define(func(d *pipeline.Definition) { d.Stages = slices.Repeat(d.Stages, 10_000) })),
		invalid("gates", "stages[1].entry", define(func(d *pipeline.Definition) {
			d.Stages[1].Entry = crowd(many, func(i int) pipeline.Gate { return pipeline.Gate{ID: fmt.Sprint(i), Expr: "amount != null"} })
		})),
		invalid("enum", "enum", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Schema.Define(ctx, schema.Definition{
				Entity: "customer", Key: "tier", Type: rule.TypeText, Class: "none", Enum: crowd(many, func(i int) string { return fmt.Sprint(i) }),
			}))
		}),
		invalid("states", "state", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Leads.Page(ctx, pipeline.LeadFilter{States: slices.Repeat([]pipeline.LeadState{pipeline.LeadNew}, many)}))
		}),
		invalid("roles", "principal", func(ctx context.Context, _ *crm.Session) error {
			s := x.As(ident.User("acme", "u", slices.Repeat([]string{"viewer"}, many)...), privacy.Sales)
			return drop(s.Customers.Get(ctx, x.person.ID))
		}),
		invalid("teams", "principal", func(ctx context.Context, _ *crm.Session) error {
			s := x.As(ident.User("acme", "u", "sales").InTeams(crowd(many, func(i int) string { return fmt.Sprint(i) })...), privacy.Sales)
			return drop(s.Customers.Page(ctx, customer.Filter{}))
		}),
		invalid("words", "text", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Customers.Search(ctx, strings.Repeat("a ", 1000), 0))
		}),
	}
}

// nothings are calls that leave out what cannot be left out.
func (x *target) nothings() []attack {
	draft := func(name string, d customer.Draft) attack {
		return invalid(name, "draft", func(ctx context.Context, s *crm.Session) error { return drop(s.Customers.Create(ctx, d)) })
	}
	return []attack{
		draft("nil draft", nil), draft("nil person", (*customer.PersonDraft)(nil)), draft("nil organization", (*customer.OrganizationDraft)(nil)),
		draft("nil group", (*customer.GroupDraft)(nil)),
		invalid("nil upsert", "draft", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Customers.Upsert(ctx, ident.Ext{System: "a", ID: "b"}, (*customer.PersonDraft)(nil)))
		}),
		invalid("no name", "name", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Customers.Create(ctx, customer.PersonDraft{Given: " \t\n "}))
		}),
		invalid("nil rows", "rows", func(ctx context.Context, s *crm.Session) error { return drop(s.Customers.Load(ctx, nil, nil)) }),
		invalid("nil opportunities", "rows", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Opportunities.Load(ctx, nil, nil))
		}),
		invalid("nil transport", "fn", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Sends.Deliver(ctx, privacy.Send{Key: "k", Subject: x.person.ID, Purpose: privacy.Sales, Channel: privacy.ByEmail}, nil))
		}),
		invalid("nil transaction", "fn", func(ctx context.Context, s *crm.Session) error { return s.InTx(ctx, nil) }),
		invalid("nil join", "tx", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Join(nil).Customers.Create(ctx, customer.OrganizationDraft{Name: "A"}))
		}),
		invalid("nil join read", "tx", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Join(nil).Customers.Get(ctx, x.person.ID))
		}),
		invalid("both ways", "opportunity", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Leads.Convert(ctx, x.lead.ID, pipeline.ConvertOptions{Opportunity: x.opp.ID, Draft: &pipeline.OpportunityDraft{}}))
		}),
		{"no action", fault.NotFound, "action", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Plugins.Invoke(ctx, huge, map[string]any{"x": make(chan int)}))
		}},
		invalid("no such day", "until", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Customers.EndRelation(ctx, x.relation.ID, 0, x.relation.Until))
		}),
		invalid("to oneself", "to", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Customers.Relate(ctx, customer.RelationshipDraft{Type: customer.Partner, From: x.person.ID, To: x.person.ID}))
		}),
	}
}

func TestMassesAndNothingsAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		x.withstand(t, x.masses())
		x.withstand(t, x.nothings())
		rep, err := x.s.Customers.Load(t.Context(), func(yield func(customer.Draft, error) bool) {
			_ = yield((*customer.PersonDraft)(nil), nil) && yield(nil, nil) && yield(customer.OrganizationDraft{Name: nul}, nil) &&
				yield(nil, errors.New("line 4 is no line"))
		}, nil)
		require.NoError(t, err)
		require.Equal(t, 4, rep.Rows)
		require.Len(t, rep.Faults, 4)
		for _, f := range rep.Faults[:3] {
			require.ErrorIs(t, f.Err, fault.ErrInvalid)
		}
		deals, err := x.s.Opportunities.Load(t.Context(), func(yield func(pipeline.OpportunityDraft, error) bool) {
			_ = yield(pipeline.OpportunityDraft{}, nil) && yield(pipeline.OpportunityDraft{}, errors.New("line 2 is no line")) &&
				yield(pipeline.OpportunityDraft{Customer: x.stranger.ID}, nil) &&
				yield(pipeline.OpportunityDraft{Customer: x.firm.ID, Name: nul}, nil)
		}, nil)
		require.NoError(t, err)
		require.Len(t, deals.Faults, 4)
	})
}

func TestAnEndedContextIsUnavailable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		before := x.dump(t)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancelLate := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancelLate()
		for _, v := range verbs() {
			err := v.do(gone, x.s, x, v.id(x))
			require.ErrorIs(t, err, context.Canceled, v.name)
			require.ErrorIs(t, err, fault.ErrUnavailable, v.name)
			require.ErrorIs(t, v.do(late, x.s, x, v.id(x)), fault.ErrUnavailable, v.name)
		}
		for name, list := range x.lists() {
			_, err := list(gone, x.s, page.Query{})
			require.ErrorIs(t, err, fault.ErrUnavailable, name)
		}
		require.Equal(t, before, x.dump(t))

		// one that ends while the call is under way
		during, stop := context.WithCancel(t.Context())
		err := x.s.InTx(during, func(ctx context.Context, s *crm.Session) error {
			h.organization(t, s, "A")
			stop()
			_, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: "B"})
			return err
		})
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.Equal(t, before, x.dump(t))
	})
}
