package pipelinestore

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
)

type opportunityRow struct {
	store.MetaRow

	CustomerID          store.ID   `bun:"customer_id"`
	Name                string     `bun:"name"`
	AmountMinor         int64      `bun:"amount_minor"`
	AmountCurrency      string     `bun:"amount_currency"`
	CloseDate           store.Date `bun:"close_date"`
	Product             string     `bun:"product"`
	Pipeline            string     `bun:"pipeline"`
	PipelineVersion     int64      `bun:"pipeline_version"`
	Stage               string     `bun:"stage"`
	Category            string     `bun:"category"`
	StageProbability    int64      `bun:"stage_probability"`
	ProbabilityOverride *int64     `bun:"probability_override"`
	Probability         int64      `bun:"probability"`
	StageSince          store.Time `bun:"stage_since"`
	OpenedOn            store.Date `bun:"opened_on"`
	ClosedOn            store.Date `bun:"closed_on"`
	ClosedAt            store.Time `bun:"closed_at"`
	BookedMinor         int64      `bun:"booked_minor"`
	BookedCurrency      string     `bun:"booked_currency"`
	LostReason          string     `bun:"lost_reason"`
	ExtSystem           string     `bun:"ext_system"`
	ExtID               string     `bun:"ext_id"`
	Custom              store.JSON `bun:"custom"`
}

var (
	// opportunityBirth are set once, opportunityFields by every write.
	opportunityBirth  = append(store.BirthColumns(), "ext_system", "ext_id")
	opportunityFields = append(store.MetaColumns(),
		"customer_id", "name", "amount_minor", "amount_currency", "close_date", "product", "pipeline", "pipeline_version",
		"stage", "category", "stage_probability", "probability_override", "probability", "stage_since", "opened_on",
		"closed_on", "closed_at", "booked_minor", "booked_currency", "lost_reason", "custom")
	opportunitySelect = store.Qualified("o", opportunityBirth[1:], opportunityFields)

	oneOpportunity  = "SELECT " + opportunitySelect + " FROM crm_opportunity o WHERE o.tenant_id = $1 AND o.id = $2 AND o.deleted_at IS NULL"
	getOpportunity  = store.Same("pipeline.get_opportunity", oneOpportunity)
	lockOpportunity = store.Split("pipeline.lock_opportunity", oneOpportunity+" FOR UPDATE", oneOpportunity)
	byExt           = store.Same("pipeline.opportunity_by_ext", `
		SELECT id FROM crm_opportunity WHERE tenant_id = $1 AND ext_system = $2 AND ext_id = $3 AND deleted_at IS NULL`)
	insertOpportunity = store.Same("pipeline.insert_opportunity",
		store.InsertText("crm_opportunity", opportunityBirth, opportunityFields))
	updateOpportunity = store.Same("pipeline.update_opportunity",
		store.UpdateText("crm_opportunity", " AND deleted_at IS NULL", opportunityFields))
	deleteOpportunity = store.Same("pipeline.delete_opportunity",
		store.UpdateText("crm_opportunity", " AND deleted_at IS NULL", []string{"version", "updated_at", "deleted_at"}))
	insertMove = store.Same("pipeline.insert_opportunity_move", store.InsertText("crm_opportunity_move", moveColumns))
	getMoves   = store.Same("pipeline.opportunity_moves", "SELECT "+store.Qualified("m", moveColumns[1:])+`
		FROM crm_opportunity_move m WHERE m.tenant_id = $1 AND m.opportunity_id = $2 ORDER BY m.version`)
)

func opportunityStatements() []store.SQL {
	return []store.SQL{
		getOpportunity, lockOpportunity, byExt, insertOpportunity, updateOpportunity, deleteOpportunity, insertMove, getMoves,
		manyByExt,
	}
}

// opportunityTable is how rules and lists reach the fields.
var opportunityTable = table("o", map[string]rule.Column{
	"customer":             store.Field("o.customer_id", rule.TypeID),
	"name":                 store.Field("o.name", rule.TypeText),
	"amount":               store.MoneyField("o.amount_minor", "o.amount_currency"),
	"close_date":           store.Field("o.close_date", rule.TypeDate),
	"product":              store.Field("o.product", rule.TypeText),
	"pipeline":             store.Field("o.pipeline", rule.TypeText),
	"pipeline_version":     store.Field("o.pipeline_version", rule.TypeInt),
	"stage":                store.Field("o.stage", rule.TypeText),
	"category":             store.Field("o.category", rule.TypeText),
	"stage_probability":    store.Field("o.stage_probability", rule.TypeInt),
	"probability_override": store.Field("o.probability_override", rule.TypeInt),
	"probability":          store.Field("o.probability", rule.TypeInt),
	"stage_since":          store.Field("o.stage_since", rule.TypeTime),
	"opened_on":            store.Field("o.opened_on", rule.TypeDate),
	"closed_on":            store.Field("o.closed_on", rule.TypeDate),
	"closed_at":            store.Field("o.closed_at", rule.TypeTime),
	"booked":               store.MoneyField("o.booked_minor", "o.booked_currency"),
	"lost_reason":          store.Field("o.lost_reason", rule.TypeText),
})

func toOpportunity(c *work.Call, r *opportunityRow) (*pipeline.Opportunity, error) {
	values, err := c.Entity.Decode(r.Custom)
	if err != nil {
		return nil, err
	}
	return &pipeline.Opportunity{
		Meta: r.Meta(), Customer: ident.ID(r.CustomerID), Name: personal.NewText(personal.Name, r.Name),
		Amount:    money.Amount{Minor: r.AmountMinor, Currency: r.AmountCurrency},
		CloseDate: date.Date(r.CloseDate), Product: r.Product, Pipeline: r.Pipeline, PipelineVersion: r.PipelineVersion,
		Stage: r.Stage, Category: pipeline.Category(r.Category), StageProbability: r.StageProbability,
		Override: r.ProbabilityOverride, Probability: r.Probability, StageSince: time.Time(r.StageSince),
		OpenedOn: date.Date(r.OpenedOn), ClosedOn: date.Date(r.ClosedOn), ClosedAt: time.Time(r.ClosedAt),
		Booked:     money.Amount{Minor: r.BookedMinor, Currency: r.BookedCurrency},
		LostReason: r.LostReason, Ext: ident.Ext{System: r.ExtSystem, ID: r.ExtID}, Custom: values,
	}, nil
}

// birthValues are the values of opportunityBirth.
func birthValues(tenant string, o *pipeline.Opportunity) []any {
	return append(store.BirthValues(tenant, &o.Meta), store.OrNull(o.Ext.System), store.OrNull(o.Ext.ID))
}

// opportunityValues are the values of opportunityFields.
func opportunityValues(o *pipeline.Opportunity) []any {
	name := o.Name.Reveal()
	return append(store.MetaValues(&o.Meta),
		o.Customer, store.OrNull(name), minor(o.Amount), currency(o.Amount), o.CloseDate, store.OrNull(o.Product),
		o.Pipeline, o.PipelineVersion, o.Stage, o.Category, o.StageProbability, o.Override, o.Probability, o.StageSince,
		o.OpenedOn, o.ClosedOn, o.ClosedAt, minor(o.Booked), currency(o.Booked), store.OrNull(o.LostReason),
		encoded(o.Custom))
}

// Opportunity implements [pipeline.OpportunityStore].
func (s *Store) Opportunity(ctx context.Context, c *work.Call, id ident.ID, lock bool) (*pipeline.Opportunity, error) {
	q := getOpportunity
	if lock {
		q = lockOpportunity
	}
	var r opportunityRow
	if err := s.on(c).Get(ctx, q, &r, c.Tenant(), id); err != nil {
		return nil, missing(err, pipeline.EntityOpportunity)
	}
	return toOpportunity(c, &r)
}

// OpportunityByExt implements [pipeline.OpportunityStore].
func (s *Store) OpportunityByExt(ctx context.Context, c *work.Call, ext ident.Ext) (ident.ID, error) {
	var id store.ID
	err := s.on(c).Get(ctx, byExt, &id, c.Tenant(), ext.System, ext.ID)
	return ident.ID(id), missing(err, pipeline.EntityOpportunity)
}

// SaveOpportunity implements [pipeline.OpportunityStore].
func (s *Store) SaveOpportunity(ctx context.Context, c *work.Call, before, after *pipeline.Opportunity, move *pipeline.Transition) error {
	conn, values := s.on(c), opportunityValues(after)
	old := &pipeline.Opportunity{}
	if before == nil {
		if _, err := conn.Exec(ctx, insertOpportunity, append(birthValues(c.Tenant(), after), values...)...); err != nil {
			return taken(err)
		}
	} else {
		old = before
		n, err := conn.Exec(ctx, updateOpportunity, append([]any{c.Tenant(), after.ID, before.Version}, values...)...)
		if err := changed(n, err, before.Version); err != nil {
			return err
		}
	}
	if err := conn.IndexCustom(ctx, c.Tenant(), c.Entity, after.ID, old.Custom, after.Custom); err != nil || move == nil {
		return err
	}
	args, err := moveValues(c.Tenant(), move)
	if err == nil {
		_, err = conn.Exec(ctx, insertMove, args...)
	}
	return err
}

// DeleteOpportunity implements [pipeline.OpportunityStore].
func (s *Store) DeleteOpportunity(ctx context.Context, c *work.Call, before, after *pipeline.Opportunity) error {
	n, err := s.on(c).Exec(ctx, deleteOpportunity, c.Tenant(), after.ID, before.Version, after.Version, after.UpdatedAt, c.Now)
	return changed(n, err, before.Version)
}

// ListOpportunities implements [pipeline.OpportunityStore].
func (s *Store) ListOpportunities(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[pipeline.Opportunity], error) {
	var list []opportunityRow
	err := s.on(c).SelectList(ctx, store.ListSpec{
		Name: "pipeline.list_opportunities", Tenant: c.Tenant(), Select: opportunitySelect, From: "crm_opportunity o", Alias: "o",
		Where:   "o.deleted_at IS NULL",
		Columns: store.Columns{Dialect: s.db.Dialect(), Table: opportunityTable, Custom: "o.custom", Entity: c.Entity},
		NotNull: []string{"created_at", "updated_at", "stage_since", "probability"}, Listing: l,
	}, &list)
	if err != nil {
		return nil, err
	}
	return records(c, list, l, toOpportunity)
}
