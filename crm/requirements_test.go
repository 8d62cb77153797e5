package crm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
)

// The tests of this file each show what the foundation has of one requirement, through the front door. The README says
// what is missing of it.

func TestC4ParentAccounts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s := t.Context(), h.admin()
		group, north, south := h.organization(t, s, "Group"), h.organization(t, s, "North"), h.organization(t, s, "South")
		for _, child := range []customer.Customer{north, south} {
			_, err := s.Customers.Relate(ctx, customer.RelationshipDraft{Type: customer.Parent, From: child.ID, To: group.ID})
			require.NoError(t, err)
		}
		children, err := s.Customers.Relations(ctx, group.ID, customer.RelationFilter{Type: customer.Parent})
		require.NoError(t, err)
		require.Len(t, children.Items, 2)
		for _, c := range children.Items {
			require.Equal(t, "child", c.As)
			require.False(t, c.Outgoing)
		}
		_, err = s.Customers.Relate(ctx, customer.RelationshipDraft{Type: customer.Parent, From: group.ID, To: north.ID})
		require.ErrorIs(t, err, &fault.Error{Code: fault.Invalid, Reason: "cycle"})
	})
}

func TestC15EventsReachTheHostWithExternalIDs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s, ext := t.Context(), h.admin(), ident.Ext{System: "erp", ID: "7"}
		tx, err := h.Write.BeginTx(ctx, nil)
		require.NoError(t, err)
		rec, err := s.Join(tx).Customers.Upsert(ctx, ext, customer.OrganizationDraft{Name: "ACME"})
		require.NoError(t, err)
		require.NoError(t, tx.Commit())
		require.Equal(t, []event.Kind{customer.Created}, h.kinds(t, rec.ID), "the event commits with the host's transaction")
		found, err := s.Customers.ByExt(ctx, ext)
		require.NoError(t, err)
		require.Equal(t, rec.ID, found.ID)
	})
}

func TestC18RelationshipsAreTypedDirectedAndDated(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s := t.Context(), h.admin()
		maker, shop := h.organization(t, s, "Maker"), h.organization(t, s, "Shop")
		_, err := s.Customers.Relate(ctx, customer.RelationshipDraft{
			Type: customer.Supplier, From: shop.ID, To: maker.ID, Since: date.MustParse("2024-01-01"), Until: date.MustParse("2024-12-31"),
		})
		require.NoError(t, err)
		for id, as := range map[ident.ID]string{maker.ID: "buyer", shop.ID: "supplier"} {
			then, err := s.Customers.Relations(ctx, id, customer.RelationFilter{On: date.MustParse("2024-06-01")})
			require.NoError(t, err)
			require.Len(t, then.Items, 1)
			require.Equal(t, as, then.Items[0].As)
			now, err := s.Customers.Relations(ctx, id, customer.RelationFilter{})
			require.NoError(t, err)
			require.Empty(t, now.Items, "it has ended")
		}
	})
}

func TestS3ALeadBecomesAnOpportunityOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s := t.Context(), h.admin()
		lead, err := s.Leads.Create(ctx, pipeline.LeadDraft{Origin: "web"})
		require.NoError(t, err, "anonymous")
		acme := h.organization(t, s, "ACME")
		opt := pipeline.ConvertOptions{Customer: acme.ID, Draft: &pipeline.OpportunityDraft{Name: "50 seats"}}
		one, err := s.Leads.Convert(ctx, lead.ID, opt)
		require.NoError(t, err)
		two, err := s.Leads.Convert(ctx, lead.ID, opt)
		require.NoError(t, err)
		require.Equal(t, one.Opportunity.ID, two.Opportunity.ID)
		require.Equal(t, acme.ID, one.Opportunity.Customer)
		history, err := s.Leads.History(ctx, lead.ID)
		require.NoError(t, err)
		require.Len(t, history, 2)
	})
}

func TestS4AnOpportunityGoesThroughItsStages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s := t.Context(), h.admin()
		o, err := s.Opportunities.Create(ctx, pipeline.OpportunityDraft{Customer: h.organization(t, s, "ACME").ID})
		require.NoError(t, err)
		_, err = s.Opportunities.Move(ctx, o.ID, "proposal")
		require.ErrorIs(t, err, fault.ErrGate)
		h.clock.Advance(48 * time.Hour)
		o, err = s.Opportunities.Move(ctx, o.ID, "proposal", pipeline.OpportunityUpdate{Amount: new(money.MustParse("100 EUR"))})
		require.NoError(t, err)
		o, err = s.Opportunities.Lose(ctx, o.ID, "price")
		require.NoError(t, err)
		require.Equal(t, "price", o.LostReason)
		o, err = s.Opportunities.Reopen(ctx, o.ID, "")
		require.NoError(t, err)
		require.Equal(t, "proposal", o.Stage)
		history, err := s.Opportunities.History(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, 48*time.Hour, history[1].Stay)
		require.Len(t, history, 4)
	})
}

func TestS5TheStagesProbabilityAndTheOwnersAreKeptApart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s := t.Context(), h.admin()
		o, err := s.Opportunities.Create(ctx, pipeline.OpportunityDraft{Customer: h.organization(t, s, "ACME").ID, Override: new(int64(9000))})
		require.NoError(t, err)
		require.EqualValues(t, 9000, o.Probability)
		require.NotEqual(t, o.Probability, o.StageProbability)
		o, err = s.Opportunities.Update(ctx, o.ID, o.Version, pipeline.OpportunityUpdate{Clear: []string{"probability_override"}})
		require.NoError(t, err)
		require.Equal(t, o.StageProbability, o.Probability)
	})
}

func TestS6RunningOpportunitiesKeepTheirVersion(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s := t.Context(), h.admin()
		d := pipeline.Standard()
		d.Key = "ours"
		first, err := s.Pipelines.Define(ctx, d)
		require.NoError(t, err)
		o, err := s.Opportunities.Create(ctx, pipeline.OpportunityDraft{Customer: h.organization(t, s, "ACME").ID, Pipeline: "ours"})
		require.NoError(t, err)
		d.Name = "Ours, changed"
		second, err := s.Pipelines.Define(ctx, d)
		require.NoError(t, err)
		require.Equal(t, first.Version+1, second.Version)
		o, err = s.Opportunities.Get(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, first.Version, o.PipelineVersion)
		o, err = s.Opportunities.SwitchVersion(ctx, o.ID, 0, "")
		require.NoError(t, err)
		require.Equal(t, second.Version, o.PipelineVersion)
	})
}

func TestP1OneFilterForListDetailSearchCountAndTimeline(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		theirs, err := h.As(ident.User("acme", "u-2", "sales").InTeams("apac"), privacy.Sales).
			Customers.Create(ctx, customer.OrganizationDraft{Name: "Theirs"})
		require.NoError(t, err)
		s := h.As(ident.User("acme", "u-1", "sales").InTeams("emea"), privacy.Sales)
		_, err = s.Customers.Get(ctx, theirs.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = s.Interactions.Timeline(ctx, theirs.ID, page.Query{})
		require.ErrorIs(t, err, fault.ErrNotFound)
		list, err := s.Customers.Page(ctx, customer.Filter{})
		require.NoError(t, err)
		require.Empty(t, list.Items)
		n, err := s.Customers.Count(ctx, customer.Filter{})
		require.NoError(t, err)
		require.Zero(t, n)
		found, err := s.Customers.Search(ctx, "Theirs", 0)
		require.NoError(t, err)
		require.Empty(t, found)
		_, err = h.As(ident.User("acme", "u-3"), privacy.Sales).Customers.Page(ctx, customer.Filter{})
		require.ErrorIs(t, err, fault.ErrDenied, "without a role nothing is allowed")
	})
}

func TestP2NoIsAsEasyAsYesAndEndsIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s := t.Context(), h.admin()
		ada, err := s.Customers.Create(ctx, customer.PersonDraft{Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "a@example.com"}}})
		require.NoError(t, err)
		decide := func(want privacy.Reason) privacy.Decision {
			d, err := s.Consents.Decide(ctx, privacy.Request{Subject: ada.ID, Purpose: privacy.Marketing, Channel: privacy.ByEmail})
			require.NoError(t, err)
			require.Equal(t, want, d.Code)
			return d
		}
		require.False(t, decide(privacy.WasNotAsked).Allowed)
		yes, err := s.Consents.Give(ctx, privacy.ConsentDraft{Subject: ada.ID, Purpose: privacy.Marketing, Channel: privacy.ByEmail,
			Notice: privacy.NoticeOf("n-1", "Yes."), Act: privacy.Ticked, Evidence: "form"})
		require.NoError(t, err)
		require.Equal(t, []ident.ID{yes.ID}, decide(privacy.IsAllowed).Evidence)
		_, err = s.Consents.Withdraw(ctx, privacy.ChoiceDraft{Subject: ada.ID, Purpose: privacy.Marketing})
		require.NoError(t, err)
		require.False(t, decide(privacy.HasWithdrawn).Allowed)
	})
}

func TestP7FieldsAreDataWithTypedKeys(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s := t.Context(), h.admin()
		define := func(d schema.Definition) error { _, err := s.Schema.Define(ctx, d); return err }
		d := schema.Definition{Entity: customer.EntityCustomer, Key: "tier", Type: rule.TypeText, Class: personal.None, Enum: []string{"gold"}, Sortable: true}
		require.NoError(t, define(d))
		rec, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: "ACME", Custom: []schema.Set{Tier.Set("gold")}})
		require.NoError(t, err)
		tier, ok := Tier.Get(rec.Custom)
		require.True(t, ok)
		require.Equal(t, "gold", tier)
		_, err = s.Customers.Update(ctx, rec.ID, 0, customer.Update{Custom: []schema.Set{Tier.Set("golden")}})
		require.ErrorIs(t, err, fault.ErrInvalid)
		d.Type, d.Enum = rule.TypeInt, nil
		require.ErrorIs(t, define(d), fault.ErrInvalid, "a key keeps its type")
		layout, err := s.Schema.Layout(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 1, layout.Version)
	})
}
