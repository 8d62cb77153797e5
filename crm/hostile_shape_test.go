package crm_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

func TestNumbersAndTimesOutOfTheWorldAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		x.withstand(t, x.amounts())
		x.withstand(t, x.times())
		x.withstand(t, x.durations())
		x.withstand(t, x.limits())
	})
}

// custom makes the attack of one custom value on a new customer.
func custom(name, field string, set schema.Set) attack {
	return invalid(name, field, func(ctx context.Context, s *crm.Session) error {
		_, err := s.Customers.Create(ctx, customer.PersonDraft{Given: "A", Custom: []schema.Set{set}})
		return err
	})
}

func (x *target) amounts() []attack {
	draft := func(name, field string, set func(d *pipeline.OpportunityDraft)) attack {
		return invalid(name, field, func(ctx context.Context, s *crm.Session) error {
			d := pipeline.OpportunityDraft{Customer: x.firm.ID}
			set(&d)
			_, err := s.Opportunities.Create(ctx, d)
			return err
		})
	}
	return []attack{
		draft("least money", "amount", func(d *pipeline.OpportunityDraft) { d.Amount = money.Amount{Minor: math.MinInt64, Currency: "EUR"} }),
		draft("unknown currency", "amount.currency", func(d *pipeline.OpportunityDraft) { d.Amount = money.Amount{Minor: 1, Currency: "QQQ"} }),
		draft("small currency", "amount.currency", func(d *pipeline.OpportunityDraft) { d.Amount = money.Amount{Minor: 1, Currency: "eur"} }),
		draft("money without currency", "amount.currency", func(d *pipeline.OpportunityDraft) { d.Amount = money.Amount{Minor: 1} }),
		draft("zero of no currency", "amount.currency", func(d *pipeline.OpportunityDraft) { d.Amount = money.Amount{Currency: "ZZZ"} }),
		draft("override", "probability_override", func(d *pipeline.OpportunityDraft) { d.Override = new(int64(-1)) }),
		draft("huge override", "probability_override", func(d *pipeline.OpportunityDraft) { d.Override = new(int64(math.MaxInt64)) }),
		invalid("update money", "amount", func(ctx context.Context, s *crm.Session) error {
			_, err := s.Opportunities.Update(ctx, x.opp.ID, 0, pipeline.OpportunityUpdate{Amount: &money.Amount{Minor: math.MinInt64, Currency: "EUR"}})
			return err
		}),
		custom("NaN", "custom.c_float", schema.NewKey[float64]("c_float").Set(math.NaN())),
		custom("infinity", "custom.c_float", schema.NewKey[float64]("c_float").Set(math.Inf(-1))),
		custom("custom money", "custom.c_money", schema.NewKey[money.Amount]("c_money").Set(money.Amount{Minor: 1, Currency: "QQQ"})),
		custom("least custom money", "custom.c_money", schema.NewKey[money.Amount]("c_money").Set(money.Amount{Minor: math.MinInt64, Currency: "EUR"})),
		custom("wrong type", "custom.c_int", schema.NewKey[string]("c_int").Set("7")),
		custom("no key", "custom[0]", schema.Set{}),
		custom("near key", "custom.c_txt", schema.NewKey[string]("c_txt").Set("7")),
		custom("builtin", "custom.name", schema.NewKey[string]("name").Set("7")),
		invalid("escalate", "level", func(ctx context.Context, s *crm.Session) error {
			_, err := s.Cases.Escalate(ctx, x.kase.ID, math.MinInt64, "")
			return err
		}),
		invalid("probability", "stages[0].probability", func(ctx context.Context, s *crm.Session) error {
			d := pipeline.Standard()
			d.Key, d.Stages[0].Probability = "mine", math.MaxInt64
			_, err := s.Pipelines.Define(ctx, d)
			return err
		}),
	}
}

func (x *target) times() []attack {
	var out []attack
	for name, at := range map[string]time.Time{
		"year 0": time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), "year 10000": time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		"year -300000": time.Date(-300000, 1, 1, 0, 0, 0, 0, time.UTC), "year 900000": time.Date(900000, 1, 1, 0, 0, 0, 0, time.UTC),
		"last instant": time.Unix(math.MaxInt64/2, 0),
	} {
		out = append(out,
			invalid("log "+name, "at", func(ctx context.Context, s *crm.Session) error {
				_, err := s.Interactions.Log(ctx, activity.InteractionDraft{
					Channel: privacy.ByPhone, Direction: activity.Inbound, At: at, Participants: []activity.Participant{{Customer: x.person.ID}},
				})
				return err
			}),
			invalid("interactions from "+name, "at", func(ctx context.Context, s *crm.Session) error {
				_, err := s.Interactions.Page(ctx, activity.InteractionFilter{From: at})
				return err
			}),
			invalid("where "+name, "where.args.t", x.where("created_at > t", map[string]any{"t": at})),
			custom("custom "+name, "custom.c_time", schema.NewKey[time.Time]("c_time").Set(at)),
			invalid("give "+name, "at", func(ctx context.Context, s *crm.Session) error {
				d := x.yes()
				d.At = at
				_, err := s.Consents.Give(ctx, d)
				return err
			}),
		)
	}
	return out
}

func (x *target) durations() []attack {
	var out []attack
	for name, d := range map[string]time.Duration{"negative": -1, "huge": math.MaxInt64, "least": math.MinInt64} {
		out = append(out,
			invalid("hold "+name, "for", func(ctx context.Context, s *crm.Session) error {
				_, err := s.Claims.Acquire(ctx, claim.Request{
					Keys: []claim.Key{{Namespace: "a", Key: "b"}}, Holder: ident.Ref{Entity: "customer", ID: x.firm.ID}, For: d,
				})
				return err
			}),
			invalid("extend "+name, "for", func(ctx context.Context, s *crm.Session) error {
				_, err := s.Claims.Extend(ctx, x.claim.ID, d)
				return err
			}),
			invalid("valid for "+name, "valid_for", func(ctx context.Context, s *crm.Session) error {
				yes := x.yes()
				yes.ValidFor = d
				_, err := s.Consents.Give(ctx, yes)
				return err
			}),
			invalid("duration "+name, "duration", func(ctx context.Context, s *crm.Session) error {
				_, err := s.Interactions.Log(ctx, activity.InteractionDraft{
					Channel: privacy.ByPhone, Direction: activity.Inbound, Duration: d, Participants: []activity.Participant{{Customer: x.person.ID}},
				})
				return err
			}),
		)
	}
	return out
}

// lists are the paged reads, each by a query.
func (x *target) lists() map[string]func(ctx context.Context, s *crm.Session, q page.Query) (next string, err error) {
	return map[string]func(ctx context.Context, s *crm.Session, q page.Query) (string, error){
		"customers": func(ctx context.Context, s *crm.Session, q page.Query) (string, error) {
			p, err := s.Customers.Page(ctx, customer.Filter{Query: q})
			return p.Next, err
		},
		"timeline": func(ctx context.Context, s *crm.Session, q page.Query) (string, error) {
			p, err := s.Interactions.Timeline(ctx, x.person.ID, q)
			return p.Next, err
		},
		"relations": func(ctx context.Context, s *crm.Session, q page.Query) (string, error) {
			p, err := s.Customers.Relations(ctx, x.person.ID, customer.RelationFilter{Query: q})
			return p.Next, err
		},
		"interactions": func(ctx context.Context, s *crm.Session, q page.Query) (string, error) {
			p, err := s.Interactions.Page(ctx, activity.InteractionFilter{Query: q})
			return p.Next, err
		},
		"leads": func(ctx context.Context, s *crm.Session, q page.Query) (string, error) {
			p, err := s.Leads.Page(ctx, pipeline.LeadFilter{Query: q})
			return p.Next, err
		},
		"opportunities": func(ctx context.Context, s *crm.Session, q page.Query) (string, error) {
			p, err := s.Opportunities.Page(ctx, pipeline.OpportunityFilter{Query: q})
			return p.Next, err
		},
		"pipelines": func(ctx context.Context, s *crm.Session, q page.Query) (string, error) {
			p, err := s.Pipelines.Page(ctx, q)
			return p.Next, err
		},
		"cases": func(ctx context.Context, s *crm.Session, q page.Query) (string, error) {
			p, err := s.Cases.Page(ctx, service.CaseFilter{Query: q})
			return p.Next, err
		},
		"consents": func(ctx context.Context, s *crm.Session, q page.Query) (string, error) {
			p, err := s.Consents.History(ctx, x.person.ID, q)
			return p.Next, err
		},
	}
}

func (x *target) limits() []attack {
	var out []attack
	for name, list := range x.lists() {
		for _, n := range []int{-1, math.MinInt, 1001, 1e9, math.MaxInt} {
			out = append(out, invalid(name+" limit", "limit", func(ctx context.Context, s *crm.Session) error {
				_, err := list(ctx, s, page.Query{Limit: n})
				return err
			}))
		}
		if name == "timeline" {
			continue
		}
		for _, sort := range []string{
			"-", "--name", "nope", "name;", "name desc", "points", "points.value", "custom", "custom.nope", "ext", "ID", "1", "*",
		} {
			out = append(out, invalid(name+" sort "+sort, "sort", func(ctx context.Context, s *crm.Session) error {
				_, err := list(ctx, s, page.Query{Sort: sort})
				return err
			}))
		}
	}
	return append(out,
		invalid("timeline sort", "query", func(ctx context.Context, s *crm.Session) error {
			_, err := s.Interactions.Timeline(ctx, x.person.ID, page.Query{Sort: "at"})
			return err
		}),
		invalid("search limit", "limit", func(ctx context.Context, s *crm.Session) error {
			_, err := s.Customers.Search(ctx, "ada", -1)
			return err
		}),
		invalid("load batch", "batch", func(ctx context.Context, s *crm.Session) error {
			_, err := s.Customers.Load(ctx, func(func(customer.Draft, error) bool) {}, &work.LoadOptions{Batch: math.MinInt})
			return err
		}),
		invalid("opportunity batch", "batch", func(ctx context.Context, s *crm.Session) error {
			_, err := s.Opportunities.Load(ctx, func(func(pipeline.OpportunityDraft, error) bool) {}, &work.LoadOptions{Batch: math.MaxInt})
			return err
		}),
	)
}
