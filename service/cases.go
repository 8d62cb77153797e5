package service

import (
	"cmp"
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

// Cases is the façade over cases. It is a light value, safe for concurrent use unless its scope is inside a
// transaction.
type Cases struct {
	m     *Module
	scope *work.Scope
}

var (
	caseKind = &work.Kind{
		Entity: schema.Of[Case](EntityCase), Module: ModuleName, Table: "crm_case", Permanent: true, Rights: caseRights,
	}
	caseDraft  = schema.PatchOf[Case, CaseDraft](caseKind.Entity)
	caseUpdate = schema.PatchOf[Case, CaseUpdate](caseKind.Entity)
	caseRows   = transfer.RowsOf(caseKind, caseDraft).Optional("type", "priority")

	caseRights = work.Rights{
		Manager: "aaaatntn", Sales: "aoonnnnn", Service: "aaannnnn", Marketing: "nnnnnnnn", Viewer: "annnnnnn",
		Hide: map[string][]string{work.RoleViewer: {"subject", "body"}},
	}
)

// Open adds a case in state new and starts both clocks.
//
// Errors: Invalid; NotFound for a customer that the caller may not see; Denied; Conflict when the id is taken.
func (s Cases) Open(ctx context.Context, d CaseDraft) (Case, error) {
	return s.m.cases.Create(ctx, s.scope, s.m.newCase(&d))
}

func (m *Module) newCase(d *CaseDraft) work.Verb[Case] {
	return work.Verb[Case]{
		Name: "open", Event: CaseOpened, ID: d.ID, Args: *d, Set: caseDraft.With(d),
		Apply: func(_ context.Context, c *work.Call, rec *Case) error { return m.open(c, rec) },
	}
}

func (m *Module) open(c *work.Call, rec *Case) error {
	rec.Type, rec.Priority = cmp.Or(rec.Type, Request), cmp.Or(rec.Priority, Normal)
	target, err := m.sla.target(rec.Priority)
	rec.Policy, rec.FirstResponseTarget, rec.ResolutionTarget = m.sla.Version, target.FirstResponse, target.Resolution
	rec.FirstResponseDue, rec.ResolutionDue = c.Now.Add(target.FirstResponse), c.Now.Add(target.Resolution)
	m.enter(c, rec, StateNew, "")
	for _, k := range rec.clocks() {
		m.keepClock(c, k, "started", c.Now)
	}
	m.schedule(c, nil, rec)
	c.Fact("type", string(rec.Type))
	c.Fact("priority", string(rec.Priority))
	return check(c, rec, err)
}

// check adds what the schema cannot say, the fault of a priority among it. When there is any, the caller learns of the
// schema's breaches as well.
func check(c *work.Call, rec *Case, priority error) error {
	var v fault.Violations
	v.AddAll("", priority)
	if rec.Type != "" {
		v.AddAll("", schema.CheckWord("type", string(rec.Type)))
	}
	if v.Err() != nil {
		v.AddAll("", c.Entity.Validate(rec))
	}
	return v.Err()
}

// Load opens many cases, each as by [Cases.Open], and reports those that were refused.
//
// Errors: Invalid for the options; Denied; those of the database, which end the load.
func (s Cases) Load(ctx context.Context, rows iter.Seq2[CaseDraft, error], o *work.LoadOptions) (work.LoadReport, error) {
	return work.LoadRows(ctx, s.m.cases, s.scope, rows, o, s.m.newCase)
}

// Import returns the target of files whose rows are cases, which are opened as by [Cases.Open]. A case has no id in another
// system: rows with the column "id" keep their ids, and importing them again refuses them.
func (s Cases) Import() transfer.Target {
	return transfer.Of(caseRows, s.m.cases.Engine(), s.scope, s.m.Cases)
}

// Get returns one case.
//
// Errors: NotFound, also for one the caller may not see; Denied.
func (s Cases) Get(ctx context.Context, id ident.ID) (Case, error) {
	return s.m.cases.Get(ctx, s.scope, id)
}

// Page returns one page of cases. Sorting by resolution_due or first_response_due shows what is due next.
//
// Errors: Invalid for a malformed query or cursor; NotFound for a customer the caller may not see; Denied.
func (s Cases) Page(ctx context.Context, f CaseFilter) (page.Page[Case], error) {
	return s.m.cases.PageOf(ctx, s.scope, f.Customer, f.predicate(), f.Query)
}

// All ranges over every case of the filter, page by page. It stops at the first error.
func (s Cases) All(ctx context.Context, f CaseFilter) iter.Seq2[Case, error] {
	return work.All(f.Query, func(q page.Query) (page.Page[Case], error) {
		f.Query = q
		return s.Page(ctx, f)
	})
}

// History returns everything that happened to a case and its clocks, oldest first. A reader who may not see the body
// sees no notes either.
//
// Errors: NotFound; Denied.
func (s Cases) History(ctx context.Context, id ident.ID) ([]Entry, error) {
	return work.HistoryOf(ctx, s.m.cases, s.scope, id, s.m.entries, func(c *work.Call, line *Entry) {
		if c.Hides("body", personal.Content) {
			line.Note = personal.NewMasked(personal.Content)
		}
	})
}
