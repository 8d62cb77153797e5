package suite_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/pipeline"
)

// Days of imported history are days of the tenant's calendar, also where its clocks skip midnight. They stay as they were
// given, and the history and the timeline hold their first instants.
func TestHistoryIsTakenByTheTenantsCalendar(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, w *world) {
		for zone, c := range map[string]struct {
			opened, closed string
			from, to       time.Time
		}{
			"America/Sao_Paulo": {"2018-11-04", "2018-11-04", time.Date(2018, 11, 4, 3, 0, 0, 0, time.UTC), time.Date(2018, 11, 4, 3, 0, 0, 0, time.UTC)},
			"Asia/Beirut":       {"2021-03-27", "2021-03-28", time.Date(2021, 3, 26, 22, 0, 0, 0, time.UTC), time.Date(2021, 3, 27, 22, 0, 0, 0, time.UTC)},
			"Africa/Cairo":      {"2023-04-28", "2023-04-28", time.Date(2023, 4, 27, 22, 0, 0, 0, time.UTC), time.Date(2023, 4, 27, 22, 0, 0, 0, time.UTC)},
			"Asia/Tokyo":        {"2025-01-02", "2025-03-04", time.Date(2025, 1, 1, 15, 0, 0, 0, time.UTC), time.Date(2025, 3, 3, 15, 0, 0, 0, time.UTC)},
		} {
			_, err := w.s.Settings.Update(t.Context(), 0, tenant.Update{Zone: &zone})
			require.NoError(t, err)
			d := pipeline.OpportunityDraft{
				Customer: w.person().ID, Ext: ident.Ext{System: "old", ID: zone}, Stage: "won",
				OpenedOn: date.MustParse(c.opened), ClosedOn: date.MustParse(c.closed),
			}
			for range 2 { // the second time changes nothing
				rep, err := w.s.From(personal.Source{System: "old"}).Opportunities.Load(t.Context(), rowsOf(d), &work.LoadOptions{History: true})
				require.NoError(t, err)
				require.Empty(t, rep.Faults)
			}
			won, err := w.s.Opportunities.ByExt(t.Context(), d.Ext)
			require.NoError(t, err)
			require.EqualValues(t, 1, won.Version, zone)
			require.Equal(t, [2]string{c.opened, c.closed}, [2]string{won.OpenedOn.String(), won.ClosedOn.String()}, zone)
			require.Equal(t, c.to, won.ClosedAt, zone)
			require.Equal(t, c.to, won.StageSince, zone)
			line, err := w.s.Interactions.Timeline(t.Context(), d.Customer, page.Query{})
			require.NoError(t, err)
			require.Equal(t, "opportunity.created", string(line.Items[len(line.Items)-1].Kind), zone)
			require.Equal(t, c.from, line.Items[len(line.Items)-1].At, zone)
		}
	})
}
