package suite_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/service"
)

// Whoever sets an owner of whatever kind names a user or team in the host's form.
func TestOwnersAreInTheHostsForm(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, w *world) {
		ctx, ada, lead, deal, boat := t.Context(), w.person(), w.lead(), w.deal(), w.boat()
		for name, bad := range map[string]string{"control": "u-\n1", "long in bytes": strings.Repeat("é", 33)} {
			for verb, field := range map[string]struct {
				name string
				do   func() error
			}{
				"customer": {"owner_user", func() error {
					return second(w.s.Customers.Create(ctx, customer.PersonDraft{Given: "Ada", OwnerUser: bad}))
				}},
				"customer's update": {"owner_team", func() error {
					return second(w.s.Customers.Update(ctx, ada.ID, 0, customer.Update{OwnerTeam: &bad}))
				}},
				"lead":          {"owner_team", func() error { return second(w.s.Leads.Create(ctx, pipeline.LeadDraft{OwnerTeam: bad})) }},
				"lead's update": {"owner_user", func() error { return second(w.s.Leads.Update(ctx, lead.ID, 0, pipeline.LeadUpdate{OwnerUser: &bad})) }},
				"opportunity": {"owner_user", func() error {
					return second(w.s.Opportunities.Create(ctx, pipeline.OpportunityDraft{Customer: ada.ID, OwnerUser: bad}))
				}},
				"deal's update": {"owner_team", func() error {
					return second(w.s.Opportunities.Update(ctx, deal.ID, 0, pipeline.OpportunityUpdate{OwnerTeam: &bad}))
				}},
				"case": {"owner_user", func() error { d := complaint(ada.ID); d.OwnerUser = bad; return second(w.s.Cases.Open(ctx, d)) }},
				"case's new owner": {"owner_team", func() error {
					c := must[service.Case](w)(w.s.Cases.Open(ctx, complaint(ada.ID)))
					return second(w.s.Cases.Assign(ctx, c.ID, service.Assignment{User: "u-1", Team: bad}))
				}},
				"boat": {"owner_user", func() error {
					return second(w.s.Objects("boat").Create(ctx, object.Draft{Name: "Gull", OwnerUser: bad}))
				}},
				"boat's update": {"owner_user", func() error {
					return second(w.s.Objects("boat").Update(ctx, boat.ID, 0, object.Update{OwnerUser: &bad}))
				}},
				"batch": {"owner_user", func() error {
					rep, err := w.s.Leads.Load(ctx, rowsOf(pipeline.LeadDraft{OwnerUser: bad}), nil)
					require.NoError(t, err)
					require.Len(t, rep.Faults, 1)
					return rep.Faults[0].Err
				}},
			} {
				t.Log(name, verb)
				requireField(t, field.do(), field.name)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
