package customerstore

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/store"
)

// timelineOf cuts the page out before it joins, so that a page costs its own length. SQLite prepares a statement
// anew whenever a bare LIMIT argument is bound; an expression of it does not count as one.
var (
	lines      = store.BesideOf[lineRow](interactions)
	timelineOf = store.Split("customer.timeline", timelineText("$5"), timelineText("$5 + 0"))
)

func timelineText(limit string) string {
	return `
		SELECT t.customer_id, t.at AS happened, t.event_id, t.kind, t.entity, t.record_id, t.owner_user AS line_user, t.owner_team AS line_team, ` +
		lines.Columns() + `
		FROM (SELECT customer_id, at, event_id, kind, entity, record_id, owner_user, owner_team FROM crm_timeline
			WHERE tenant_id = $1 AND customer_id = $2 AND (at, event_id) < ($3, $4)
			ORDER BY at DESC, event_id DESC LIMIT ` + limit + `) AS t
		LEFT JOIN crm_interaction r ON r.tenant_id = $1 AND r.id = t.record_id AND t.entity = 'interaction'
		LEFT JOIN crm_subject_key k ON k.tenant_id = $1 AND k.subject_id = r.id
		ORDER BY t.at DESC, t.event_id DESC`
}

func activityStatements() []store.SQL { return []store.SQL{insertParty, timelineOf} }

// lineRow is an entry of a timeline, beside its interaction, if it has one.
type lineRow struct {
	CustomerID store.ID   `bun:"customer_id"`
	Happened   store.Time `bun:"happened"`
	EventID    store.ID   `bun:"event_id"`
	Kind       string     `bun:"kind"`
	Entity     string     `bun:"entity"`
	RecordID   store.ID   `bun:"record_id"`
	LineUser   string     `bun:"line_user"`
	LineTeam   string     `bun:"line_team"`
}

// end is after everything that can happen.
var end = activity.Place{
	At:    time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	Event: ident.ID{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
}

// TimelineLater implements [activity.Store].
func (s *Store) TimelineLater(ctx context.Context, c *work.Call, customer ident.ID, after *activity.Place, limit int) func(ctx context.Context) ([]activity.Entry, error) {
	if after == nil {
		after = &end
	}
	wait := lines.On(interactions.On(s.db, s.keys)).SelectLater(ctx, c, timelineOf, c.Tenant(), customer, after.At, after.Event, limit)
	return func(ctx context.Context) ([]activity.Entry, error) {
		rows, err := wait(ctx)
		out := make([]activity.Entry, len(rows))
		for i, r := range rows {
			l := r.Row
			out[i] = activity.Entry{
				At: time.Time(l.Happened), Event: ident.ID(l.EventID), Kind: event.Kind(l.Kind),
				Record: ident.Ref{Entity: l.Entity, ID: ident.ID(l.RecordID)}, Customer: ident.ID(l.CustomerID),
				OwnerUser: l.LineUser, OwnerTeam: l.LineTeam, Interaction: r.Record,
			}
		}
		return out, err
	}
}
