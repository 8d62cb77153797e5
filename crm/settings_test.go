package crm_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
)

// branch is a tenant with a zone, a customer, and a pipeline whose stage "sent" wants a close date after today.
type branch struct {
	*crm.Session
	customer ident.ID
}

// forward is a pipeline whose stage wants a close date to come.
var forward = pipeline.Definition{Key: "forward", Stages: []pipeline.Stage{
	{Key: "new", Category: pipeline.Open, Probability: 1000},
	{Key: "sent", Category: pipeline.Open, Probability: 5000, Entry: []pipeline.Gate{{ID: "later", Expr: "close_date > today"}}},
	{Key: "won", Category: pipeline.Won, Probability: 10000},
	{Key: "lost", Category: pipeline.Lost},
}}

func (h *house) branch(t *testing.T, name, zone string) branch {
	t.Helper()
	s := h.As(ident.User(name, "u-1", "admin"), privacy.Sales)
	if zone != "" {
		_, err := s.Settings.Update(t.Context(), 0, tenant.Update{Zone: &zone})
		require.NoError(t, err)
	}
	_, err := s.Pipelines.Define(t.Context(), forward)
	require.NoError(t, err)
	return branch{s, h.organization(t, s, "Customer").ID}
}

func (b branch) open(t *testing.T, closing string) pipeline.Opportunity {
	t.Helper()
	o, err := b.Opportunities.Create(t.Context(), pipeline.OpportunityDraft{
		Customer: b.customer, Name: closing, CloseDate: date.MustParse(closing), Pipeline: "forward",
	})
	require.NoError(t, err)
	return o
}

// today tells the tenant's day three times: by an opening, by lists and by gates, which must agree.
func (b branch) today(t *testing.T) string {
	t.Helper()
	o := b.open(t, "2000-01-01")
	today := o.OpenedOn
	for _, d := range []date.Date{today.AddDays(-1), today, today.AddDays(1)} {
		later := d.After(today)
		o := b.open(t, d.String())
		list, err := b.Opportunities.Page(t.Context(), pipeline.OpportunityFilter{
			Customer: b.customer,
			Query:    page.Query{Where: page.Where{Expr: "close_date > today && id == o", Args: map[string]any{"o": o.ID}}},
		})
		require.NoError(t, err)
		require.Equal(t, later, len(list.Items) == 1, "%s in a list of %s", d, today)
		_, err = b.Opportunities.Move(t.Context(), o.ID, "sent")
		if later {
			require.NoError(t, err, "%s at a gate of %s", d, today)
		} else {
			require.ErrorIs(t, err, fault.ErrGate, "%s at a gate of %s", d, today)
		}
	}
	return today.String()
}

func TestDaysBeginInTheTenantsZone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		none, berlin, shanghai := h.branch(t, "none", ""), h.branch(t, "berlin", "Europe/Berlin"), h.branch(t, "shanghai", "Asia/Shanghai")
		for _, tc := range []struct{ at, none, berlin, shanghai string }{
			{"2026-03-27T15:59:59Z", "2026-03-27", "2026-03-27", "2026-03-27"},
			{"2026-03-27T16:00:00Z", "2026-03-27", "2026-03-27", "2026-03-28"},
			{"2026-03-28T23:30:00Z", "2026-03-28", "2026-03-29", "2026-03-29"}, // Berlin's day of 23 hours has begun
			{"2026-03-29T21:30:00Z", "2026-03-29", "2026-03-29", "2026-03-30"},
			{"2026-03-29T22:00:00Z", "2026-03-29", "2026-03-30", "2026-03-30"}, // an hour earlier than the day before
			{"2026-10-24T21:59:59Z", "2026-10-24", "2026-10-24", "2026-10-25"},
			{"2026-10-24T22:00:00Z", "2026-10-24", "2026-10-25", "2026-10-25"}, // Berlin's day of 25 hours
			{"2026-10-25T22:59:59Z", "2026-10-25", "2026-10-25", "2026-10-26"},
			{"2026-10-25T23:00:00Z", "2026-10-25", "2026-10-26", "2026-10-26"},
		} {
			at, err := time.Parse(time.RFC3339, tc.at)
			require.NoError(t, err)
			h.clock.Advance(at.Sub(h.Now()))
			require.Equal(t, tc.none, none.today(t), tc.at)
			require.Equal(t, tc.berlin, berlin.today(t), tc.at)
			require.Equal(t, tc.shanghai, shanghai.today(t), tc.at)
		}
	})
}

func TestAWonOpportunityClosesOnTheTenantsDay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		shanghai := h.branch(t, "shanghai", "Asia/Shanghai")
		h.clock.Advance(10 * time.Hour) // 19:00 UTC
		o, err := shanghai.Opportunities.Win(t.Context(), shanghai.open(t, "2026-04-01").ID)
		require.NoError(t, err)
		require.Equal(t, "2026-03-28", o.ClosedOn.String())
		require.Equal(t, h.Now(), o.ClosedAt)
	})
}

func TestAChangedZoneHoldsAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		b := h.branch(t, "acme", "")
		h.clock.Advance(10 * time.Hour) // 19:00 UTC
		require.Equal(t, "2026-03-27", b.today(t))
		err := b.InTx(t.Context(), func(ctx context.Context, s *crm.Session) error {
			_, err := s.Settings.Update(ctx, 0, tenant.Update{Zone: new("Asia/Shanghai")})
			require.NoError(t, err)
			require.Equal(t, "2026-03-28", branch{s, b.customer}.today(t), "inside the transaction")
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, "2026-03-28", b.today(t), "after it")
		_, err = b.Settings.Update(t.Context(), 1, tenant.Update{Zone: new("America/New_York")})
		require.NoError(t, err)
		require.Equal(t, "2026-03-27", b.today(t))
	})
}

func TestChangedSettingsLeaveTraces(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		s := h.admin()
		_, err := s.Settings.Update(t.Context(), 0, tenant.Update{Zone: new("Europe/Berlin"), Currency: new("EUR")})
		require.NoError(t, err)
		_, err = s.Settings.Update(t.Context(), 0, tenant.Update{Currency: new("EUR")})
		require.NoError(t, err, "changes nothing")
		require.Equal(t, []event.Kind{tenant.Updated}, h.kinds(t, tenant.SettingsID))
		e := h.events[0]
		require.Equal(t, tenant.Entity, e.Record.Entity)
		require.Equal(t, int64(1), e.Version)
		require.Equal(t, []string{"currency", "zone"}, e.Changed)
		require.Equal(t, "u-1", e.Actor.ID)
		require.Equal(t, 1, h.rows(t, "crm_audit"))
	})
}
