package crm_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

// byID is an operation on one record that exists.
type byID struct {
	name string
	id   func(x *target) ident.ID
	do   func(ctx context.Context, s *crm.Session, x *target, id ident.ID) error
}

func person(x *target) ident.ID  { return x.person.ID }
func lead(x *target) ident.ID    { return x.lead.ID }
func opp(x *target) ident.ID     { return x.opp.ID }
func kase(x *target) ident.ID    { return x.kase.ID }
func claimed(x *target) ident.ID { return x.claim.ID }

func drop[T any](_ T, err error) error { return err }

// customerVerbs, and the lists below it, hold every operation that takes an id.
func customerVerbs() []byID {
	return []byID{
		{"customer get", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Customers.Get(ctx, id))
		}},
		{"customer update", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Customers.Update(ctx, id, 0, customer.Update{Country: new("DE")}))
		}},
		{"customer delete", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return s.Customers.Delete(ctx, id, 0)
		}},
		{"add point", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Customers.AddPoint(ctx, id, 0, customer.PointDraft{Channel: privacy.ByPost, Value: "Main Street 1"}))
		}},
		{"update point", person, func(ctx context.Context, s *crm.Session, x *target, id ident.ID) error {
			return drop(s.Customers.UpdatePoint(ctx, id, 0, x.person.Points[0].ID, customer.PointUpdate{Label: new("work")}))
		}},
		{"remove point", person, func(ctx context.Context, s *crm.Session, x *target, id ident.ID) error {
			return drop(s.Customers.RemovePoint(ctx, id, 0, x.person.Points[0].ID))
		}},
		{"move lifecycle", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Customers.MoveLifecycle(ctx, id, customer.StageLoyal, ""))
		}},
		{"lifecycle history", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Customers.LifecycleHistory(ctx, id))
		}},
		{"timeline", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Interactions.Timeline(ctx, id, page.Query{}))
		}},
		{"relations", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Customers.Relations(ctx, id, customer.RelationFilter{}))
		}},
		{"relate to", person, func(ctx context.Context, s *crm.Session, x *target, id ident.ID) error {
			return drop(s.Customers.Relate(ctx, customer.RelationshipDraft{Type: customer.Partner, From: x.firm.ID, To: id}))
		}},
		{"end relation", func(x *target) ident.ID { return x.relation.ID }, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Customers.EndRelation(ctx, id, 0, date.MustParse("2030-01-01")))
		}},
		{"log with", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Interactions.Log(ctx, activity.InteractionDraft{
				Channel: privacy.ByPhone, Direction: activity.Inbound, Participants: []activity.Participant{{Customer: id}},
			}))
		}},
		{"interaction get", func(x *target) ident.ID { return x.interaction.ID }, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Interactions.Get(ctx, id))
		}},
		{"interactions of", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Interactions.Page(ctx, activity.InteractionFilter{Customer: id}))
		}},
	}
}

func leadVerbs() []byID {
	return []byID{
		{"lead of", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Leads.Create(ctx, pipeline.LeadDraft{Customer: id}))
		}},
		{"lead get", lead, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Leads.Get(ctx, id))
		}},
		{"lead history", lead, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Leads.History(ctx, id))
		}},
		{"lead update", lead, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Leads.Update(ctx, id, 0, pipeline.LeadUpdate{Origin: new("web")}))
		}},
		{"lead work", lead, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Leads.Work(ctx, id))
		}},
		{"lead qualify", lead, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Leads.Qualify(ctx, id))
		}},
		{"lead convert", lead, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Leads.Convert(ctx, id, pipeline.ConvertOptions{}))
		}},
		{"lead delete", lead, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return s.Leads.Delete(ctx, id, schema.AnyVersion)
		}},
	}
}

func opportunityVerbs() []byID {
	return []byID{
		{"opportunity of", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Opportunities.Create(ctx, pipeline.OpportunityDraft{Customer: id}))
		}},
		{"opportunities of", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Opportunities.Page(ctx, pipeline.OpportunityFilter{Customer: id}))
		}},
		{"opportunity get", opp, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Opportunities.Get(ctx, id))
		}},
		{"opportunity history", opp, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Opportunities.History(ctx, id))
		}},
		{"opportunity update", opp, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Opportunities.Update(ctx, id, 0, pipeline.OpportunityUpdate{Product: new("booth")}))
		}},
		{"opportunity move", opp, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Opportunities.Move(ctx, id, "negotiation"))
		}},
		{"opportunity win", opp, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Opportunities.Win(ctx, id))
		}},
		{"opportunity delete", opp, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return s.Opportunities.Delete(ctx, id, schema.AnyVersion)
		}},
	}
}

func caseVerbs() []byID {
	return []byID{
		{"case of", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Cases.Open(ctx, service.CaseDraft{Customer: id, Subject: "A"}))
		}},
		{"case get", kase, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Cases.Get(ctx, id))
		}},
		{"case history", kase, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Cases.History(ctx, id))
		}},
		{"case update", kase, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Cases.Update(ctx, id, 0, service.CaseUpdate{Subject: new("B")}))
		}},
		{"case start", kase, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Cases.Start(ctx, id))
		}},
		{"case assign", kase, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Cases.Assign(ctx, id, service.Assignment{User: "u-1", Team: "other"}))
		}},
	}
}

func privacyVerbs() []byID {
	return []byID{
		{"give", person, func(ctx context.Context, s *crm.Session, x *target, id ident.ID) error {
			d := x.yes()
			d.Subject = id
			return drop(s.Consents.Give(ctx, d))
		}},
		{"withdraw", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Consents.Withdraw(ctx, privacy.ChoiceDraft{Subject: id, Purpose: privacy.Marketing}))
		}},
		{"consent get", func(x *target) ident.ID { return x.consent.ID }, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Consents.Get(ctx, id))
		}},
		{"consent history", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Consents.History(ctx, id, page.Query{}))
		}},
		{"consent at", person, func(ctx context.Context, s *crm.Session, x *target, id ident.ID) error {
			return drop(s.Consents.At(ctx, id, privacy.Marketing, privacy.ByEmail, x.clock.Now()))
		}},
		{"decisions", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Sends.Decisions(ctx, id))
		}},
		{"deliver", person, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Sends.Deliver(ctx, privacy.Send{
				Key: "k-" + s.Principal().ID, Subject: id, Purpose: privacy.Marketing, Channel: privacy.ByEmail, Enqueue: s.SQL() != nil,
			}, func(context.Context, personal.Text) error { return nil }))
		}},
		{"claim get", claimed, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Claims.Get(ctx, id))
		}},
		{"claim extend", claimed, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Claims.Extend(ctx, id, 2*time.Hour))
		}},
		{"claim release", claimed, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Claims.Release(ctx, id))
		}},
		{"claim swap", claimed, func(ctx context.Context, s *crm.Session, _ *target, id ident.ID) error {
			return drop(s.Claims.Swap(ctx, id, []claim.Key{{Namespace: "hall", Key: "C1"}}))
		}},
	}
}

func verbs() []byID {
	return slices.Concat(customerVerbs(), leadVerbs(), opportunityVerbs(), caseVerbs(), privacyVerbs())
}

func TestIDsOfNobodyFindNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		before := x.dump(t)
		last := ident.ID(slices.Repeat([]byte{0xff}, 16))
		for _, v := range verbs() {
			for what, id := range map[string]ident.ID{"unknown": ident.New(), "last": last, "another kind's": x.consentOrCase(v), "a stranger's": x.stranger.ID} {
				err := survive(t, v.name, func(ctx context.Context) error { return v.do(ctx, x.s, x, id) })
				refused(t, attack{name: v.name + " " + what, code: fault.NotFound}, err)
			}
			// the zero id is no record; where it is a filter it means none
			err := survive(t, v.name, func(ctx context.Context) error { return v.do(ctx, x.s, x, ident.ID{}) })
			switch v.name {
			case "lead of":
				require.NoError(t, err, "a lead may be anonymous")
				require.Equal(t, 2, h.rows(t, "crm_lead"))
				before = x.dump(t)
			case "interactions of", "opportunities of":
				require.NoError(t, err, v.name)
			default:
				code := fault.CodeOf(err)
				require.True(t, code == fault.NotFound || code == fault.Invalid, "%s of the zero id: %v", v.name, err)
			}
			// and the stranger sees nothing of ours
			err = survive(t, v.name, func(ctx context.Context) error { return v.do(ctx, x.strangers, x, v.id(x)) })
			refused(t, attack{name: v.name + " by a stranger", code: fault.NotFound}, err)
		}
		after := x.dump(t)
		for table := range before {
			require.Equal(t, before[table], after[table], table)
		}
	})
}

// consentOrCase is the id of a record of another kind than the verb is for.
func (x *target) consentOrCase(v byID) ident.ID {
	if v.id(x) == x.consent.ID {
		return x.kase.ID
	}
	return x.consent.ID
}

func TestVersionsNobodySawAreConflicts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		var list []attack
		for _, v := range []int64{-1, math.MinInt64, 99, math.MaxInt64} {
			conflict := func(name string, do func(ctx context.Context, s *crm.Session) error) {
				list = append(list, attack{name, fault.Conflict, "", do})
			}
			conflict("update", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Customers.Update(ctx, x.person.ID, v, customer.Update{Country: new("DE")}))
			})
			conflict("delete", func(ctx context.Context, s *crm.Session) error { return s.Customers.Delete(ctx, x.person.ID, v) })
			conflict("add point", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Customers.AddPoint(ctx, x.person.ID, v, customer.PointDraft{Channel: privacy.ByPost, Value: "x"}))
			})
			conflict("end relation", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Customers.EndRelation(ctx, x.relation.ID, v, date.MustParse("2030-01-01")))
			})
			conflict("lead", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Leads.Update(ctx, x.lead.ID, v, pipeline.LeadUpdate{Origin: new("web")}))
			})
			conflict("opportunity", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Opportunities.Update(ctx, x.opp.ID, v, pipeline.OpportunityUpdate{Product: new("x")}))
			})
			conflict("case", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Cases.Update(ctx, x.kase.ID, v, service.CaseUpdate{Subject: new("x")}))
			})
			list = append(list, attack{"pipeline", fault.NotFound, "", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Pipelines.Get(ctx, "standard", v))
			}}, invalid("switch", "pipeline", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Opportunities.SwitchVersion(ctx, x.opp.ID, v, ""))
			}))
		}
		x.withstand(t, list)
	})
}
