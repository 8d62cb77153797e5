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

// Leads is the façade over leads. It is a light value, safe for concurrent use unless its scope is inside a
// transaction.
type Leads struct {
	m     *Module
	scope *work.Scope
}

var (
	leadKind   = &work.Kind{Entity: schema.Of[Lead](EntityLead), Module: ModuleName, Table: "crm_lead", Rights: leadRights}
	leadDraft  = schema.PatchOf[Lead, LeadDraft](leadKind.Entity)
	leadUpdate = schema.PatchOf[Lead, LeadUpdate](leadKind.Entity)
	leadRows   = transfer.RowsOf(leadKind, leadDraft)

	leadRights = work.Rights{Manager: "aatttnnn", Sales: "ttttnnnn", Service: "aonnnnnn", Marketing: "aattnnnn", Viewer: "annnnnnn"}
)

// Create adds a lead in state new.
//
// Errors: Invalid; NotFound for a customer that the caller may not see; Denied; Conflict when the id is taken.
func (l Leads) Create(ctx context.Context, d LeadDraft) (Lead, error) {
	return l.m.leads.Create(ctx, l.scope, l.m.newLead(&d))
}

func (m *Module) newLead(d *LeadDraft) work.Verb[Lead] {
	return work.Verb[Lead]{
		ID: d.ID, Args: *d, Set: leadDraft.With(d),
		Apply: func(_ context.Context, c *work.Call, rec *Lead) error {
			m.enterLead(c, rec, LeadNew, "")
			return nil
		},
	}
}

// Load creates many leads, each as by [Leads.Create], and reports those that were refused.
//
// Errors: Invalid for the options; Denied; those of the database, which end the load.
func (l Leads) Load(ctx context.Context, rows iter.Seq2[LeadDraft, error], o *work.LoadOptions) (work.LoadReport, error) {
	return work.LoadRows(ctx, l.m.leads, l.scope, rows, o, l.m.newLead)
}

// Import returns the target of files whose rows are leads. A lead has no id in another system: rows with the column "id"
// keep their ids, and importing them again refuses them.
func (l Leads) Import() transfer.Target { return transfer.Of(leadRows, l.m.engine, l.scope, l.m.Leads) }

// Get returns one lead.
//
// Errors: NotFound, also for one the caller may not see; Denied.
func (l Leads) Get(ctx context.Context, id ident.ID) (Lead, error) {
	return l.m.leads.Get(ctx, l.scope, id)
}

// Update changes fields. version is the version the caller saw, or [schema.AnyVersion].
//
// Errors: Invalid; NotFound; Denied; Conflict with the current version, or with reason "state" when the customer of
// a converted lead would change.
func (l Leads) Update(ctx context.Context, id ident.ID, version int64, up LeadUpdate) (Lead, error) {
	return l.m.leads.Update(ctx, l.scope, work.Verb[Lead]{
		ID: id, Version: version, Args: up, Set: leadUpdate.With(&up),
		Check: func(before, after *Lead) error {
			if before.State == Converted && before.Customer != after.Customer {
				return refused(before.Version, "a converted lead keeps its customer")
			}
			return nil
		},
	})
}

// Work says that somebody has taken up a new lead. Working on one again changes nothing.
//
// Errors: Conflict with reason "state" when it is past that; NotFound; Denied.
func (l Leads) Work(ctx context.Context, id ident.ID) (Lead, error) {
	return l.move(ctx, id, verbWork, "")
}

// Qualify says that a lead is worth an opportunity. Qualifying one again changes nothing.
//
// Errors: Conflict with reason "state" when it is converted or disqualified; NotFound; Denied.
func (l Leads) Qualify(ctx context.Context, id ident.ID) (Lead, error) {
	return l.move(ctx, id, verbQualify, "")
}

// Disqualify says that a lead is not worth an opportunity. The reason is a key of the host's, such as "no-budget", so
// that reports can count it. Disqualifying one again changes nothing; its first reason stays.
//
// Errors: Invalid for a malformed reason; Conflict with reason "state" when it is converted; NotFound; Denied.
func (l Leads) Disqualify(ctx context.Context, id ident.ID, reason string) (Lead, error) {
	if err := schema.CheckWord("reason", reason); err != nil {
		return Lead{}, fault.At("lead: disqualify", err)
	}
	return l.move(ctx, id, verbDisqualify, reason)
}

// Reopen takes a disqualified lead back to working. Reopening one that is worked on changes nothing.
//
// Errors: Conflict with reason "state" in every other state; NotFound; Denied.
func (l Leads) Reopen(ctx context.Context, id ident.ID) (Lead, error) {
	return l.move(ctx, id, verbReopen, "")
}

func (l Leads) move(ctx context.Context, id ident.ID, v leadVerb, reason string) (Lead, error) {
	return l.m.leads.Change(ctx, l.scope, work.Verb[Lead]{
		Name: string(v), Event: LeadMoved, ID: id, Args: reason, Sets: []string{"state"},
		Apply: func(_ context.Context, c *work.Call, rec *Lead) error {
			from := rec.State
			to, err := rec.next(v)
			if err != nil || to == from {
				return err
			}
			l.m.enterLead(c, rec, to, reason)
			c.Fact("from", string(from))
			c.Fact("to", string(to))
			if to == Disqualified {
				c.Emit(LeadDisqualified, map[string]string{"reason": reason})
			}
			return nil
		},
	})
}

// enterLead is the one place where a lead's state changes.
func (m *Module) enterLead(c *work.Call, rec *Lead, to LeadState, reason string) {
	move := &LeadMove{From: rec.State, To: to, At: c.Now, Reason: reason, Actor: c.Actor()}
	if !rec.StateSince.IsZero() {
		move.Stay = max(0, c.Now.Sub(rec.StateSince))
	}
	rec.State, rec.StateSince, rec.Reason = to, c.Now, reason
	c.Keep(m.leadMoves, move)
}

// Delete removes a lead from every list. Its history and events stay. version is the version the caller saw, or
// [schema.AnyVersion].
//
// Errors: NotFound; Denied; Conflict with the current version.
func (l Leads) Delete(ctx context.Context, id ident.ID, version int64) error {
	return l.m.leads.Delete(ctx, l.scope, id, version)
}

// Restore brings a deleted lead back.
//
// Errors: NotFound for a lead that is not deleted; Denied.
func (l Leads) Restore(ctx context.Context, id ident.ID) (Lead, error) {
	return l.m.leads.Restore(ctx, l.scope, id)
}

// Page returns one page of leads.
//
// Errors: Invalid for a malformed query or cursor; NotFound for a customer the caller may not see; Denied.
func (l Leads) Page(ctx context.Context, f LeadFilter) (page.Page[Lead], error) {
	return l.m.leads.PageOf(ctx, l.scope, f.Customer, f.predicate(), f.Query)
}

// All ranges over every lead of the filter, page by page. It stops at the first error.
func (l Leads) All(ctx context.Context, f LeadFilter) iter.Seq2[Lead, error] {
	return work.All(f.Query, func(q page.Query) (page.Page[Lead], error) {
		f.Query = q
		return l.Page(ctx, f)
	})
}

// History returns the states a lead went through, oldest first.
//
// Errors: NotFound; Denied.
func (l Leads) History(ctx context.Context, id ident.ID) ([]LeadMove, error) {
	return work.HistoryOf(ctx, l.m.leads, l.scope, id, l.m.leadMoves, nil)
}
