package pipelinestore

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
)

type leadRow struct {
	store.MetaRow

	CustomerID    store.ID   `bun:"customer_id"`
	State         string     `bun:"state"`
	Origin        string     `bun:"origin"`
	Campaign      string     `bun:"campaign"`
	Score         int64      `bun:"score"`
	Reason        string     `bun:"reason"`
	OpportunityID store.ID   `bun:"opportunity_id"`
	StateSince    store.Time `bun:"state_since"`
	ConvertedAt   store.Time `bun:"converted_at"`
	Custom        store.JSON `bun:"custom"`
}

type leadMoveRow struct {
	LeadID    store.ID   `bun:"lead_id"`
	Version   int64      `bun:"version"`
	FromState string     `bun:"from_state"`
	ToState   string     `bun:"to_state"`
	At        store.Time `bun:"at"`
	Spent     int64      `bun:"spent"`
	Reason    string     `bun:"reason"`
	ActorKind string     `bun:"actor_kind"`
	ActorID   string     `bun:"actor_id"`
}

var (
	leadFields = append(store.MetaColumns(), "customer_id", "state", "origin", "campaign", "score", "reason", "opportunity_id",
		"state_since", "converted_at", "custom")
	leadSelect      = store.Qualified("l", store.BirthColumns()[1:], leadFields)
	leadMoveColumns = []string{
		"tenant_id", "lead_id", "version", "from_state", "to_state", "at", "spent", "reason", "actor_kind", "actor_id",
	}

	oneLead    = "SELECT " + leadSelect + " FROM crm_lead l WHERE l.tenant_id = $1 AND l.id = $2 AND l.deleted_at IS NULL"
	getLead    = store.Same("pipeline.get_lead", oneLead)
	lockLead   = store.Split("pipeline.lock_lead", oneLead+" FOR UPDATE", oneLead)
	insertLead = store.Same("pipeline.insert_lead", store.InsertText("crm_lead", store.BirthColumns(), leadFields))
	updateLead = store.Same("pipeline.update_lead", store.UpdateText("crm_lead", " AND deleted_at IS NULL", leadFields))
	deleteLead = store.Same("pipeline.delete_lead",
		store.UpdateText("crm_lead", " AND deleted_at IS NULL", []string{"version", "updated_at", "deleted_at"}))
	insertLeadMove = store.Same("pipeline.insert_lead_move", store.InsertText("crm_lead_move", leadMoveColumns))
	getLeadMoves   = store.Same("pipeline.lead_moves", "SELECT "+store.Qualified("m", leadMoveColumns[1:])+`
		FROM crm_lead_move m WHERE m.tenant_id = $1 AND m.lead_id = $2 ORDER BY m.version`)
)

func leadStatements() []store.SQL {
	return []store.SQL{getLead, lockLead, insertLead, updateLead, deleteLead, insertLeadMove, getLeadMoves}
}

var leadTable = table("l", map[string]rule.Column{
	"customer":     store.Field("l.customer_id", rule.TypeID),
	"state":        store.Field("l.state", rule.TypeText),
	"origin":       store.Field("l.origin", rule.TypeText),
	"campaign":     store.Field("l.campaign", rule.TypeText),
	"score":        store.Field("l.score", rule.TypeInt),
	"reason":       store.Field("l.reason", rule.TypeText),
	"opportunity":  store.Field("l.opportunity_id", rule.TypeID),
	"state_since":  store.Field("l.state_since", rule.TypeTime),
	"converted_at": store.Field("l.converted_at", rule.TypeTime),
})

func toLead(c *work.Call, r *leadRow) (*pipeline.Lead, error) {
	values, err := c.Entity.Decode(r.Custom)
	if err != nil {
		return nil, err
	}
	return &pipeline.Lead{
		Meta: r.Meta(), Customer: ident.ID(r.CustomerID), State: pipeline.LeadState(r.State), Origin: r.Origin,
		Campaign: r.Campaign, Score: r.Score, Reason: r.Reason, Opportunity: ident.ID(r.OpportunityID),
		StateSince: time.Time(r.StateSince), ConvertedAt: time.Time(r.ConvertedAt), Custom: values,
	}, nil
}

// leadValues are the values of leadFields.
func leadValues(l *pipeline.Lead) []any {
	return append(store.MetaValues(&l.Meta),
		l.Customer, l.State, store.OrNull(l.Origin), store.OrNull(l.Campaign), l.Score, store.OrNull(l.Reason), l.Opportunity,
		l.StateSince, l.ConvertedAt, encoded(l.Custom))
}

// Lead implements [pipeline.LeadStore].
func (s *Store) Lead(ctx context.Context, c *work.Call, id ident.ID, lock bool) (*pipeline.Lead, error) {
	q := getLead
	if lock {
		q = lockLead
	}
	var r leadRow
	if err := s.on(c).Get(ctx, q, &r, c.Tenant(), id); err != nil {
		return nil, missing(err, pipeline.EntityLead)
	}
	return toLead(c, &r)
}

// SaveLead implements [pipeline.LeadStore].
func (s *Store) SaveLead(ctx context.Context, c *work.Call, before, after *pipeline.Lead, move *pipeline.LeadMove) error {
	conn, values := s.on(c), leadValues(after)
	old := &pipeline.Lead{}
	if before == nil {
		if _, err := conn.Exec(ctx, insertLead, append(store.BirthValues(c.Tenant(), &after.Meta), values...)...); err != nil {
			return taken(err)
		}
	} else {
		old = before
		n, err := conn.Exec(ctx, updateLead, append([]any{c.Tenant(), after.ID, before.Version}, values...)...)
		if err := changed(n, err, before.Version); err != nil {
			return err
		}
	}
	if err := conn.IndexCustom(ctx, c.Tenant(), c.Entity, after.ID, old.Custom, after.Custom); err != nil || move == nil {
		return err
	}
	_, err := conn.Exec(ctx, insertLeadMove, c.Tenant(), move.Lead, move.Version, store.OrNull(string(move.From)), move.To, move.At,
		move.Stay.Microseconds(), store.OrNull(move.Reason), move.Actor.Kind, move.Actor.ID)
	return err
}

// DeleteLead implements [pipeline.LeadStore].
func (s *Store) DeleteLead(ctx context.Context, c *work.Call, before, after *pipeline.Lead) error {
	n, err := s.on(c).Exec(ctx, deleteLead, c.Tenant(), after.ID, before.Version, after.Version, after.UpdatedAt, c.Now)
	return changed(n, err, before.Version)
}

// ListLeads implements [pipeline.LeadStore].
func (s *Store) ListLeads(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[pipeline.Lead], error) {
	var list []leadRow
	err := s.on(c).SelectList(ctx, store.ListSpec{
		Name: "pipeline.list_leads", Tenant: c.Tenant(), Select: leadSelect, From: "crm_lead l", Alias: "l",
		Where:   "l.deleted_at IS NULL",
		Columns: store.Columns{Dialect: s.db.Dialect(), Table: leadTable, Custom: "l.custom", Entity: c.Entity},
		NotNull: []string{"created_at", "updated_at", "state_since", "score"}, Listing: l,
	}, &list)
	if err != nil {
		return nil, err
	}
	return records(c, list, l, toLead)
}

// LeadHistory implements [pipeline.LeadStore].
func (s *Store) LeadHistory(ctx context.Context, c *work.Call, id ident.ID) ([]pipeline.LeadMove, error) {
	var list []leadMoveRow
	if err := s.on(c).Select(ctx, getLeadMoves, &list, c.Tenant(), id); err != nil {
		return nil, err
	}
	out := make([]pipeline.LeadMove, len(list))
	for i := range list {
		r := &list[i]
		out[i] = pipeline.LeadMove{
			Lead: ident.ID(r.LeadID), Version: r.Version, From: pipeline.LeadState(r.FromState), To: pipeline.LeadState(r.ToState),
			At: time.Time(r.At), Stay: time.Duration(r.Spent) * time.Microsecond, Reason: r.Reason,
			Actor: ident.Principal{Tenant: c.Tenant(), Kind: ident.Kind(r.ActorKind), ID: r.ActorID},
		}
	}
	return out, nil
}
