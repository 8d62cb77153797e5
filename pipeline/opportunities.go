package pipeline

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

// Opportunities is the façade over opportunities. It is a light value, safe for concurrent use unless its scope is
// inside a transaction.
type Opportunities struct {
	m     *Module
	scope *work.Scope
}

var (
	opportunityKind = &work.Kind{
		Entity: schema.Of[Opportunity](EntityOpportunity), Module: ModuleName, Table: "crm_opportunity",
		Rights: work.Rights{Manager: "aatttnnn", Sales: "tttonnnn", Marketing: "annnnnnn", Viewer: "annnnnnn"},
	}
	opportunityDraft  = schema.PatchOf[Opportunity, OpportunityDraft](opportunityKind.Entity)
	opportunityUpdate = schema.PatchOf[Opportunity, OpportunityUpdate](opportunityKind.Entity)
	opportunityRows   = transfer.RowsOf(opportunityKind, opportunityDraft).WithHistory()
)

// Create adds an opportunity in the first stage of its pipeline, or in the stage the draft names: the entry gates of
// that stage are asked. A lost stage cannot be the first: its reason comes with [Opportunities.Lose].
//
// Errors: Invalid; Gate with the clauses that refuse; NotFound for a customer that the caller may not see; Denied;
// Conflict when the id or the external id is taken.
func (o Opportunities) Create(ctx context.Context, d OpportunityDraft) (Opportunity, error) {
	return o.m.opportunities.Create(ctx, o.scope, o.m.newOpportunity(&d, &intake{}))
}

// Upsert creates the opportunity of an external id, or brings the one there is up to the draft: what the draft leaves
// zero stays as it is, and another stage is a move through its gates. The draft's own Ext is not used, nor the pipeline
// for one that is there.
//
// Errors: as Create; Conflict with reason "state" when the draft would move a closed opportunity.
func (o Opportunities) Upsert(ctx context.Context, ext ident.Ext, d OpportunityDraft) (Opportunity, error) {
	if err := fault.Under("ext", ext.Validate()); err != nil {
		return Opportunity{}, fault.At("opportunity: upsert", err)
	}
	d.Ext = ext
	rec, _, err := o.upsert(ctx, "upsert", &d, &intake{})
	return rec, err
}

func (o Opportunities) upsert(ctx context.Context, name string, d *OpportunityDraft, in *intake) (Opportunity, work.Outcome, error) {
	create, change := o.m.newOpportunity(d, in), o.m.amend(d, in)
	create.Name, change.Name = name, name
	return o.m.opportunities.Upsert(ctx, o.scope, func(ctx context.Context, c *work.Call) (*Opportunity, error) {
		return o.m.opportunityStore.ByExt(ctx, c, d.Ext, work.Lock)
	}, change, create)
}

// Load creates many opportunities, or brings those with a known external id up to date. Each batch is one
// transaction. A row that is refused leaves nothing behind, is reported, and the others go on. With
// [work.LoadOptions.History], stages and dates are taken as they come and closed opportunities may be corrected.
//
// Errors: Invalid for the options; Denied; an error of the database or the context, which ends the load: the report
// then tells what earlier batches have done.
func (o Opportunities) Load(ctx context.Context, rows iter.Seq2[OpportunityDraft, error], opt *work.LoadOptions) (work.LoadReport, error) {
	in := intake{history: opt != nil && opt.History}
	return work.Load(ctx, "opportunity: load", o.scope, rows, opt, func(ctx context.Context, drafts []OpportunityDraft) (out []work.Result, err error) {
		err = o.m.engine.Units.Write(ctx, o.scope.Unit, func(ctx context.Context, u work.Unit) error {
			out, err = Opportunities{o.m, o.scope.On(u)}.load(ctx, drafts, in)
			return err
		})
		return out, err
	})
}

// Import returns the target of files whose rows are opportunities. A row with a known external id updates.
func (o Opportunities) Import() transfer.Target {
	return transfer.Of(opportunityRows, o.m.engine, o.scope, o.m.Opportunities)
}

// Get returns one opportunity.
//
// Errors: NotFound, also for one the caller may not see; Denied.
func (o Opportunities) Get(ctx context.Context, id ident.ID) (Opportunity, error) {
	return o.m.opportunities.Get(ctx, o.scope, id)
}

// ByExt returns the opportunity of an external id.
//
// Errors: Invalid for a malformed external id; NotFound; Denied.
func (o Opportunities) ByExt(ctx context.Context, ext ident.Ext) (Opportunity, error) {
	if err := fault.Under("ext", ext.Validate()); err != nil {
		return Opportunity{}, fault.At("opportunity: get", err)
	}
	return o.m.opportunities.By(ctx, o.scope, "get", func(ctx context.Context, c *work.Call) (*Opportunity, error) {
		return o.m.opportunityStore.ByExt(ctx, c, ext, work.Look)
	})
}

// Update changes fields. version is the version the caller saw, or [schema.AnyVersion]. Changes that change nothing
// write nothing.
//
// Errors: Invalid; NotFound; Denied; Conflict with the current version, or with reason "state" for what a closing has
// fixed.
func (o Opportunities) Update(ctx context.Context, id ident.ID, version int64, up OpportunityUpdate) (Opportunity, error) {
	return o.m.opportunities.Update(ctx, o.scope, work.Verb[Opportunity]{
		ID: id, Version: version, Args: up, Set: opportunityUpdate.With(&up), Check: lawful,
		Apply: func(_ context.Context, _ *work.Call, rec *Opportunity) error {
			rec.weigh()
			return nil
		},
	})
}

// Delete removes an opportunity from every list and gives its external id free. Its history and events stay. version is
// the version the caller saw, or [schema.AnyVersion].
//
// Errors: NotFound; Denied; Conflict with the current version.
func (o Opportunities) Delete(ctx context.Context, id ident.ID, version int64) error {
	return o.m.opportunities.Delete(ctx, o.scope, id, version)
}

// Restore brings a deleted opportunity back.
//
// Errors: NotFound for one that is not deleted; Denied; Conflict when another one has its external id by now.
func (o Opportunities) Restore(ctx context.Context, id ident.ID) (Opportunity, error) {
	return o.m.opportunities.Restore(ctx, o.scope, id)
}

// Page returns one page of opportunities.
//
// Errors: Invalid for a malformed query or cursor; NotFound for a customer the caller may not see; Denied.
func (o Opportunities) Page(ctx context.Context, f OpportunityFilter) (page.Page[Opportunity], error) {
	return o.m.opportunities.PageOf(ctx, o.scope, f.Customer, f.predicate(), f.Query)
}

// All ranges over every opportunity of the filter, page by page. It stops at the first error. Records that are
// created or changed meanwhile may or may not appear, none twice under an unchanging sort key.
func (o Opportunities) All(ctx context.Context, f OpportunityFilter) iter.Seq2[Opportunity, error] {
	return work.All(f.Query, func(q page.Query) (page.Page[Opportunity], error) {
		f.Query = q
		return o.Page(ctx, f)
	})
}

// History returns the stages an opportunity went through, oldest first. Values in the evidence that the caller may
// not see are [Hidden].
//
// Errors: NotFound; Denied.
func (o Opportunities) History(ctx context.Context, id ident.ID) ([]Transition, error) {
	return work.HistoryOf(ctx, o.m.opportunities, o.scope, id, o.m.transitions, hide)
}

func hide(c *work.Call, t *Transition) {
	for i := range t.Evidence {
		if e := &t.Evidence[i]; e.Field != "" && c.CheckField(e.Field) != nil {
			e.Value = Hidden
		}
	}
}
