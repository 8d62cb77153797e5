package crm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/access"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

// blindHouse is a house with a role that reads everything but some fields, and has every other right.
func blindHouse(t *testing.T, b dbtest.Backend) *house {
	t.Helper()
	all := func(entity string, hide ...string) access.Right {
		const a = work.LevelAll
		return access.Right{Entity: entity, Read: a, Create: a, Edit: a, Delete: a, Export: a, Send: a, Hide: hide}
	}
	return houseOf(t, b, access.Role{Name: "blind", Rights: []access.Right{
		all("customer", "name", "given", "family", "lifecycle", "lifecycle_reason", "points", "custom.c_text", "owner_user"),
		all("interaction", "subject", "body", "at"), all("opportunity", "amount", "custom.c_text"), all("case", "subject", "body", "custom.c_text"),
		all(access.EveryEntity),
	}})
}

// houseOf is a house with further roles.
func houseOf(t *testing.T, b dbtest.Backend, roles ...access.Role) *house {
	t.Helper()
	policy, err := access.New(append(access.DefaultRoles(crm.Kinds()), roles...), nil)
	require.NoError(t, err)
	h := &house{Backend: b, clock: &clock{now: time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)}}
	c, err := crm.NewPools(t.Context(), crm.Pools{Write: b.Write, Read: b.Read}, b.Dialect, &crm.Config{
		KMS: keys.NewMemory(), Clock: h.clock.Now, Policy: policy, Logger: slog.New(slog.DiscardHandler),
		Subscribers: []crm.Subscriber{{Name: "notes", Purpose: privacy.Operations, Handle: h.note}},
	})
	require.NoError(t, err)
	h.CRM = c
	return h
}

// hide puts the secret where the blind role, and in sealed fields the database, must not see it.
func (x *target) hide(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	tier := schema.NewKey[string]("c_text").Set(secret)
	require.NoError(t, drop(x.s.Customers.Update(ctx, x.person.ID, 0, customer.Update{
		Name: new(secret), Given: new(secret), Family: new(secret), Custom: []schema.Set{tier},
	})))
	require.NoError(t, drop(x.s.Customers.AddPoint(ctx, x.person.ID, 0, customer.PointDraft{Channel: privacy.ByEmail, Value: secret + "@example.com"})))
	require.NoError(t, drop(x.s.Customers.MoveLifecycle(ctx, x.person.ID, customer.StageLost, "said "+secret)))
	require.NoError(t, drop(x.s.Opportunities.Update(ctx, x.opp.ID, 0, pipeline.OpportunityUpdate{Custom: []schema.Set{tier}})))
	require.NoError(t, drop(x.s.Cases.Update(ctx, x.kase.ID, 0, service.CaseUpdate{Subject: new("about " + secret), Custom: []schema.Set{tier}})))
	require.NoError(t, drop(x.s.Cases.Pause(ctx, x.kase.ID, "note "+secret)))
}

func TestWhatIsHiddenShowsNowhere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		h := blindHouse(t, b)
		x := newTarget(t, h)
		x.hide(t)
		s := h.As(people("blind")[0], privacy.Sales)
		for name, read := range x.reads() {
			got, err := read(t.Context(), s)
			require.NoError(t, err, name)
			shown, err := json.Marshal(personal.Revealed(got))
			require.NoError(t, err, name)
			plain, err := json.Marshal(got)
			require.NoError(t, err, name)
			for _, text := range []string{string(shown), string(plain), fmt.Sprintf("%v %+v %#v", got, got, got)} {
				require.NotContains(t, text, secret, name)
				require.NotContains(t, text, "ada@example.com", name)
			}
			all, err := read(t.Context(), x.s)
			require.NoError(t, err, name)
			shown, err = json.Marshal(personal.Revealed(all))
			require.NoError(t, err, name)
			require.Contains(t, string(shown), secret, "%s: an administrator sees it", name)
		}
		require.NoError(t, h.Drain(t.Context()))
		require.NotEmpty(t, h.events)
		for _, e := range h.events {
			require.NotContains(t, fmt.Sprintf("%+v", e), secret)
		}
		for table, rows := range x.dump(t) {
			if table != "crm_customer" && table != "crm_customer_term" && table != "crm_field_index" && table != "crm_opportunity" && table != "crm_case" {
				require.NotContains(t, rows, secret, table)
			}
			require.NotContains(t, rows, "said "+secret, table)
			require.NotContains(t, rows, "about "+secret, table)
			require.NotContains(t, rows, secret+"@example.com", table)
		}
	})
}

// reads are reads of whole records.
func (x *target) reads() map[string]func(ctx context.Context, s *crm.Session) (any, error) {
	return map[string]func(ctx context.Context, s *crm.Session) (any, error){
		"customer": func(ctx context.Context, s *crm.Session) (any, error) { return s.Customers.Get(ctx, x.person.ID) },
		"by ext": func(ctx context.Context, s *crm.Session) (any, error) {
			return s.Customers.ByExt(ctx, ident.Ext{System: "erp", ID: "1"})
		},
		"customers": func(ctx context.Context, s *crm.Session) (any, error) {
			return s.Customers.Page(ctx, customer.Filter{})
		},
		"timeline": func(ctx context.Context, s *crm.Session) (any, error) {
			return s.Interactions.Timeline(ctx, x.person.ID, page.Query{})
		},
		"lifecycle": func(ctx context.Context, s *crm.Session) (any, error) {
			return s.Customers.LifecycleHistory(ctx, x.person.ID)
		},
		"written": func(ctx context.Context, s *crm.Session) (any, error) {
			return s.Customers.Update(ctx, x.person.ID, 0, customer.Update{Language: new("de")})
		},
		"repeated": func(ctx context.Context, s *crm.Session) (any, error) {
			return s.Once("again-"+s.Principal().Roles[0]).Customers.Update(ctx, x.person.ID, 0, customer.Update{Language: new("en")})
		},
		"upserted": func(ctx context.Context, s *crm.Session) (any, error) {
			return s.Customers.Upsert(ctx, ident.Ext{System: "erp", ID: "1"}, customer.PersonDraft{Country: "AT"})
		},
		"interaction": func(ctx context.Context, s *crm.Session) (any, error) {
			return s.Interactions.Get(ctx, x.interaction.ID)
		},
		"interactions": func(ctx context.Context, s *crm.Session) (any, error) {
			return s.Interactions.Page(ctx, activity.InteractionFilter{})
		},
		"opportunity": func(ctx context.Context, s *crm.Session) (any, error) { return s.Opportunities.Get(ctx, x.opp.ID) },
		"moved": func(ctx context.Context, s *crm.Session) (any, error) {
			return s.Opportunities.Move(ctx, x.opp.ID, "qualification")
		},
		"case":    func(ctx context.Context, s *crm.Session) (any, error) { return s.Cases.Get(ctx, x.kase.ID) },
		"cases":   func(ctx context.Context, s *crm.Session) (any, error) { return s.Cases.Page(ctx, service.CaseFilter{}) },
		"history": func(ctx context.Context, s *crm.Session) (any, error) { return s.Cases.History(ctx, x.kase.ID) },
	}
}

func TestWhatIsHiddenCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		h := blindHouse(t, b)
		x := newTarget(t, h)
		x.hide(t)
		s := h.As(people("blind")[0], privacy.Sales)
		before := x.dump(t)
		customers := func(f customer.Filter) func(ctx context.Context, s *crm.Session) error {
			return func(ctx context.Context, s *crm.Session) error {
				_, err := s.Customers.Page(ctx, f)
				if _, again := s.Customers.Count(ctx, f); f.Query.Sort == "" && fault.CodeOf(again) != fault.CodeOf(err) {
					return errors.Join(errors.New("count and page differ"), again)
				}
				return err
			}
		}
		expr := func(e string) page.Query { return page.Query{Where: page.Where{Expr: e}} }
		denied := func(field string, do func(ctx context.Context, s *crm.Session) error) {
			t.Helper()
			refused(t, attack{name: field, code: fault.Denied, field: field}, survive(t, field, func(ctx context.Context) error { return do(ctx, s) }))
		}
		denied("name", customers(customer.Filter{Query: page.Query{Sort: "name"}}))
		denied("custom.c_text", customers(customer.Filter{Query: page.Query{Sort: "-custom.c_text"}}))
		denied("lifecycle", customers(customer.Filter{Lifecycle: []string{"lost"}}))
		denied("owner_user", customers(customer.Filter{OwnerUser: "u-1"}))
		denied("name", customers(customer.Filter{Query: expr(`name.startsWith("Z")`)}))
		denied("family", customers(customer.Filter{Query: expr(`kind == "person" || has(family)`)}))
		denied("custom.c_text", customers(customer.Filter{Query: expr(`false && custom.c_text == "gold"`)}))
		denied("lifecycle", customers(customer.Filter{Query: expr(`kind == lifecycle`)}))
		denied("name", func(ctx context.Context, s *crm.Session) error { return drop(s.Customers.Search(ctx, "Zuck", 0)) })
		denied("points.value", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Customers.ByPoint(ctx, privacy.ByEmail, secret+"@example.com"))
		})
		denied("at", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Interactions.Page(ctx, activity.InteractionFilter{From: x.clock.Now()}))
		})
		denied("amount", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Opportunities.Page(ctx, pipeline.OpportunityFilter{Query: expr(`amount > money("1 EUR")`)}))
		})
		denied("amount", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Opportunities.Page(ctx, pipeline.OpportunityFilter{Query: page.Query{Sort: "amount"}}))
		})
		denied("name", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Customers.Update(ctx, x.person.ID, 0, customer.Update{Name: new("Other")}))
		})
		denied("custom.c_text", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Customers.Update(ctx, x.person.ID, 0, customer.Update{Custom: []schema.Set{schema.NewKey[string]("c_text").Clear()}}))
		})
		x.guess(denied)
		require.Equal(t, before, x.dump(t))
	})
}

// guess writes what is there already: were that let pass, a refusal would tell a wrong guess.
func (x *target) guess(denied func(field string, do func(ctx context.Context, s *crm.Session) error)) {
	tier := []schema.Set{schema.NewKey[string]("c_text").Set(secret)}
	denied("name", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Customers.Update(ctx, x.person.ID, 0, customer.Update{Name: new(secret)}))
	})
	denied("custom.c_text", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Customers.Update(ctx, x.person.ID, 0, customer.Update{Custom: tier}))
	})
	denied("family", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Customers.Upsert(ctx, ident.Ext{System: "erp", ID: "1"}, customer.PersonDraft{Family: secret}))
	})
	denied("points", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Customers.AddPoint(ctx, x.person.ID, 0, customer.PointDraft{Channel: privacy.ByEmail, Value: secret + "@example.com"}))
	})
	denied("points", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Customers.Upsert(ctx, ident.Ext{System: "erp", ID: "1"}, customer.PersonDraft{
			Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: secret + "@example.com"}},
		}))
	})
	denied("lifecycle", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Customers.MoveLifecycle(ctx, x.person.ID, customer.StageLost, ""))
	})
	denied("lifecycle", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Customers.MoveLifecycle(ctx, x.person.ID, customer.StageNew, ""))
	})
	denied("amount", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Opportunities.Update(ctx, x.opp.ID, 0, pipeline.OpportunityUpdate{Amount: &x.opp.Amount}))
	})
	denied("amount", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Opportunities.Move(ctx, x.opp.ID, x.opp.Stage, pipeline.OpportunityUpdate{Amount: &x.opp.Amount}))
	})
	denied("amount", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Opportunities.Upsert(ctx, ident.Ext{System: "erp", ID: "o1"}, pipeline.OpportunityDraft{Customer: x.firm.ID, Amount: x.opp.Amount}))
	})
	denied("subject", func(ctx context.Context, s *crm.Session) error {
		return drop(s.Cases.Update(ctx, x.kase.ID, 0, service.CaseUpdate{Subject: new("about " + secret)}))
	})
}

// A refusal of a gate tells what it saw, but neither personal text nor what the caller may not see.
func TestAGateDoesNotTellWhatItSaw(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		h := blindHouse(t, b)
		x := newTarget(t, h)
		x.hide(t)
		d := pipeline.Standard()
		d.Key = "gated"
		d.Stages[1].Entry = []pipeline.Gate{
			{ID: "tier", Expr: `custom.c_text == "gold"`}, {ID: "size", Expr: `amount > money("9000 EUR")`}, {ID: "name", Expr: `name == "x" || custom.c_text == "y"`},
		}
		require.NoError(t, drop(x.s.Pipelines.Define(t.Context(), d)))
		for role, s := range map[string]*crm.Session{"admin": x.s, "blind": h.As(people("blind")[0], privacy.Sales)} {
			deal, err := x.s.Opportunities.Create(t.Context(), pipeline.OpportunityDraft{
				Customer: x.firm.ID, Pipeline: "gated", Name: secret, Amount: x.opp.Amount, Custom: []schema.Set{schema.NewKey[string]("c_text").Set(secret)},
			})
			require.NoError(t, err)
			err = drop(s.Opportunities.Move(t.Context(), deal.ID, "qualification"))
			require.ErrorIs(t, err, fault.ErrGate)
			f, _ := errors.AsType[*fault.Error](err)
			text := fmt.Sprintf("%v %+v %+v", err, f.Clauses, fault.AsProblem(err, "zh"))
			require.NotContains(t, text, secret, role)
			if role == "blind" {
				require.NotContains(t, strings.ReplaceAll(text, deal.ID.String(), ""), "7000", role)
				require.Contains(t, text, pipeline.Hidden)
			}
		}
	})
}
