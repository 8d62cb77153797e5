package customerstore

import (
	"context"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

const (
	stageTable  = "crm_customer_stage"
	stageColumn = "reason"
)

var (
	insertStage = store.Same("customer.insert_stage", `
		INSERT INTO crm_customer_stage (tenant_id, customer_id, version, from_stage, to_stage, at, spent, actor_id, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)

	stagesOf = splitIn("customer.stages", `
		SELECT g.customer_id, g.version, g.from_stage, g.to_stage, g.at, g.spent, g.actor_id, g.reason, k.wrapped
		FROM crm_customer_stage g LEFT JOIN crm_subject_key k ON k.tenant_id = $1 AND k.subject_id = g.customer_id
		WHERE g.tenant_id = $1 AND g.customer_id [IN]
		ORDER BY g.at, g.customer_id, g.version LIMIT 1000`)

	// timelineOf cuts the page out before it joins, so that a page costs its own length. SQLite prepares a statement
	// anew whenever a bare LIMIT argument is bound; an expression of it does not count as one.
	timelineOf = store.Split("customer.timeline", timelineText("$5"), timelineText("$5 + 0"))
)

func timelineText(limit string) string {
	return `
		SELECT t.customer_id, t.at AS happened, t.event_id, t.kind, t.entity, t.record_id, t.owner_user AS line_user, t.owner_team AS line_team, ` +
		interactionColumns + `
		FROM (SELECT customer_id, at, event_id, kind, entity, record_id, owner_user, owner_team FROM crm_timeline
			WHERE tenant_id = $1 AND customer_id = $2 AND (at, event_id) < ($3, $4)
			ORDER BY at DESC, event_id DESC LIMIT ` + limit + `) AS t
		LEFT JOIN crm_interaction i ON i.tenant_id = $1 AND i.id = t.record_id AND t.entity = 'interaction'
		LEFT JOIN crm_subject_key k ON k.tenant_id = $1 AND k.subject_id = i.id
		ORDER BY t.at DESC, t.event_id DESC`
}

func historyStatements() []store.SQL { return []store.SQL{insertStage, stagesOf, timelineOf} }

type stageRow struct {
	CustomerID store.ID   `bun:"customer_id"`
	Version    int64      `bun:"version"`
	From       string     `bun:"from_stage"`
	To         string     `bun:"to_stage"`
	At         store.Time `bun:"at"`
	Spent      int64      `bun:"spent"`
	Actor      string     `bun:"actor_id"`
	Reason     []byte     `bun:"reason"`
	Wrapped    []byte     `bun:"wrapped"`
}

// stageRowID gives the row of a reason an id of its own: a customer's moves differ in version.
func stageRowID(customerID ident.ID, version int64) ident.ID {
	for i := range 8 {
		customerID[15-i] ^= byte(version >> (8 * i))
	}
	return customerID
}

// AddStageChange implements [customer.Histories].
func (s *Store) AddStageChange(ctx context.Context, c *work.Call, rec *customer.Customer, m customer.StageChange) error {
	var sealed []byte
	if reason := m.Reason.Reveal(); reason != "" {
		key, err := s.subjectKey(ctx, c, rec.ID)
		if err != nil {
			return err
		}
		if sealed, err = key.Seal(stagePlace(rec.ID, rec.Version), reason); err != nil {
			return err
		}
	}
	_, err := s.on(c).Exec(ctx, insertStage, c.Tenant(), rec.ID, rec.Version, m.From, m.To, m.At, m.Spent.Microseconds(), m.By, sealed)
	return err
}

func stagePlace(id ident.ID, version int64) keys.Place {
	return keys.Place{Table: stageTable, Column: stageColumn, Row: stageRowID(id, version)}
}

// StageChanges implements [customer.Histories].
func (s *Store) StageChanges(ctx context.Context, c *work.Call, id ident.ID) ([]customer.StageChange, error) {
	set, err := s.ResolutionSet(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return nil, err
	}
	var rows []stageRow
	if err := s.on(c).Select(ctx, stagesOf, &rows, c.Tenant(), s.idList(set)); err != nil {
		return nil, err
	}
	out := make([]customer.StageChange, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = customer.StageChange{From: r.From, To: r.To, At: time.Time(r.At), Spent: time.Duration(r.Spent) * time.Microsecond, By: r.Actor}
		if len(r.Reason) > 0 {
			subject := ident.ID(r.CustomerID)
			opener := s.keys.Opener(c.Tenant(), r.Wrapped, subject, stagePlace(subject, r.Version))
			out[i].Reason = personal.NewSealed(personal.Content, r.Reason, opener)
		}
	}
	return out, nil
}

// lineRow is an entry of a timeline with its interaction, if it has one.
type lineRow struct {
	CustomerID store.ID   `bun:"customer_id"`
	Happened   store.Time `bun:"happened"`
	EventID    store.ID   `bun:"event_id"`
	Kind       string     `bun:"kind"`
	Entity     string     `bun:"entity"`
	RecordID   store.ID   `bun:"record_id"`
	LineUser   string     `bun:"line_user"`
	LineTeam   string     `bun:"line_team"`

	interactionRow
}

// end is after everything that can happen.
var end = customer.Place{
	At:    time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	Event: ident.ID{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
}

// TimelineOf implements [customer.Histories]. Each customer of the resolution set is read by the same statement; nearly
// always it is one.
func (s *Store) TimelineOf(ctx context.Context, c *work.Call, id ident.ID, merged bool, after *customer.Place, limit int) ([]customer.Entry, error) {
	if after == nil {
		after = &end
	}
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return nil, err
	}
	set := []ident.ID{id}
	if merged {
		var err error
		if set, err = s.ResolutionSet(ctx, c, id); err != nil {
			return nil, err
		}
	}
	var out []customer.Entry
	for _, member := range set {
		var rows []lineRow
		if err := s.on(c).Select(ctx, timelineOf, &rows, c.Tenant(), member, after.At, after.Event, limit); err != nil {
			return nil, err
		}
		for i := range rows {
			e, err := s.entry(c, &rows[i])
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	if len(set) > 1 {
		slices.SortStableFunc(out, newestFirst)
		// An event that concerns several of the set stands on each one's timeline.
		out = slices.CompactFunc(out, func(a, b customer.Entry) bool { return a.Event == b.Event })
	}
	return out[:min(limit, len(out))], nil
}

func newestFirst(a, b customer.Entry) int {
	if x := b.At.Compare(a.At); x != 0 {
		return x
	}
	return b.Event.Compare(a.Event)
}

func (s *Store) entry(c *work.Call, r *lineRow) (customer.Entry, error) {
	e := customer.Entry{
		At: time.Time(r.Happened), Event: ident.ID(r.EventID), Kind: event.Kind(r.Kind),
		Record: ident.Ref{Entity: r.Entity, ID: ident.ID(r.RecordID)}, Customer: ident.ID(r.CustomerID),
		OwnerUser: r.LineUser, OwnerTeam: r.LineTeam,
	}
	if r.ID == (store.ID{}) {
		return e, nil
	}
	rec, err := s.interaction(c, &r.interactionRow)
	e.Interaction = &rec
	return e, err
}
