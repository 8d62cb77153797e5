package campaign

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

// Campaign is a planned effort to win customers.
type Campaign struct {
	schema.Meta
	// Name is for people.
	Name string `json:"name" crm:"class=none,max=200,required,sort,search"`
	// Budget is what it may cost; blank while unknown.
	Budget money.Amount `json:"budget,omitzero" crm:"class=none,sort"`
	// Begins and Ends are its first and last day; blank while unknown.
	Begins date.Date `json:"begins,omitzero" crm:"class=none,sort"`
	Ends   date.Date `json:"ends,omitzero" crm:"class=none"` // the same day or later, or blank
	// Custom holds the tenant's own fields.
	Custom schema.Values `json:"custom,omitzero" crm:"custom"`
}

// Draft is a new campaign. Only Name is required.
type Draft struct {
	ID                   ident.ID     // the host's own id; zero for a new one
	Name                 string       // up to 200 characters
	Budget               money.Amount // zero when not known yet
	Begins, Ends         date.Date    // zero when not known yet
	OwnerUser, OwnerTeam string       // "" for the user who creates, and that user's first team
	Custom               []schema.Set // custom fields
}

// Update changes fields; nil leaves a field as it is.
type Update struct {
	Name                 *string       // up to 200 characters, not blank
	Budget               *money.Amount // a pointer to zero blanks it
	Begins, Ends         *date.Date    // a pointer to zero blanks one
	OwnerUser, OwnerTeam *string       // "" for none
	Custom               []schema.Set  // custom fields to set or clear
	Clear                []string      // fields to blank
}

// Filter chooses campaigns. Its zero value is every campaign the caller may see.
type Filter struct {
	RunsOn date.Date  // begun by that day and not ended before it; zero for any
	Query  page.Query // sort, search, page and further condition
}

// Kind declares campaigns.
var Kind = &work.Kind{
	Entity: schema.Of[Campaign]("campaign"), Module: "campaign", Table: "crm_campaign",
	Rights: work.Rights{Manager: "aaaaannn", Sales: "annnnnnn", Service: "nnnnnnnn", Marketing: "aaaaannn", Viewer: "annnnnnn"},
}

var (
	draft, update = schema.PatchOf[Campaign, Draft](Kind.Entity), schema.PatchOf[Campaign, Update](Kind.Entity)
	rows          = transfer.RowsOf(Kind, draft)
	// Table keeps campaigns.
	Table = store.TableOf[Campaign](Kind, nil)
)

// Campaigns is the façade over campaigns.
type Campaigns struct {
	m     *Module
	scope *work.Scope
}

func period(_, after *Campaign) error {
	if !after.Ends.IsZero() && after.Ends.Before(after.Begins) {
		return fault.Field("ends", "must not lie before begins")
	}
	return nil
}

func creation(d *Draft) work.Verb[Campaign] {
	return work.Verb[Campaign]{ID: d.ID, Args: *d, Set: draft.With(d), Check: period}
}

// Create adds a campaign.
func (c Campaigns) Create(ctx context.Context, d Draft) (Campaign, error) {
	return c.m.records.Create(ctx, c.scope, creation(&d))
}

// Load creates many campaigns.
func (c Campaigns) Load(ctx context.Context, rows iter.Seq2[Draft, error], o *work.LoadOptions) (work.LoadReport, error) {
	return work.LoadRows(ctx, c.m.records, c.scope, rows, o, creation)
}

// Import returns the target of files whose rows are campaigns.
func (c Campaigns) Import() transfer.Target {
	return transfer.Of(rows, c.m.records.Engine(), c.scope, c.m.As)
}

// Get returns one campaign.
func (c Campaigns) Get(ctx context.Context, id ident.ID) (Campaign, error) {
	return c.m.records.Get(ctx, c.scope, id)
}

// Update changes fields.
func (c Campaigns) Update(ctx context.Context, id ident.ID, version int64, up Update) (Campaign, error) {
	return c.m.records.Update(ctx, c.scope, work.Verb[Campaign]{ID: id, Version: version, Args: up, Set: update.With(&up), Check: period})
}

// Delete removes a campaign from every list.
func (c Campaigns) Delete(ctx context.Context, id ident.ID, version int64) error {
	return c.m.records.Delete(ctx, c.scope, id, version)
}

// Restore brings a deleted campaign back.
func (c Campaigns) Restore(ctx context.Context, id ident.ID) (Campaign, error) {
	return c.m.records.Restore(ctx, c.scope, id)
}

// History returns the changes of a campaign, oldest first.
func (c Campaigns) History(ctx context.Context, id ident.ID) ([]work.Entry, error) {
	return c.m.records.History(ctx, c.scope, id)
}

// Page returns one page of campaigns.
func (c Campaigns) Page(ctx context.Context, f Filter) (page.Page[Campaign], error) {
	return c.m.records.Page(ctx, c.scope, f.predicate(), f.Query)
}

func (f Filter) predicate() rule.Predicate {
	if f.RunsOn.IsZero() {
		return rule.True()
	}
	day := rule.Date(f.RunsOn)
	return rule.All(rule.Le("begins", day), rule.Any(rule.Eq("ends", rule.Blank), rule.Ge("ends", day)))
}
