package object

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

// Objects is the façade over the records of one kind that a tenant has defined. It is a light value, safe for concurrent
// use unless its scope is inside a transaction. Each of its methods returns an Invalid fault for field "entity" when the
// tenant has not defined the kind, or has retired it.
type Objects struct {
	m       *Module
	scope   *work.Scope
	records *work.Records[Object, *Object]
}

var (
	draft  = schema.PatchOf[Object, Draft](kind.Entity)
	update = schema.PatchOf[Object, Update](kind.Entity)
	rows   = transfer.RowsOf(kind, draft)
)

// Create adds an object.
//
// Errors: Invalid; NotFound for a customer that the caller may not see; Denied; Conflict when the id is taken.
func (o Objects) Create(ctx context.Context, d Draft) (Object, error) {
	return o.records.Create(ctx, o.scope, creation(&d))
}

func creation(d *Draft) work.Verb[Object] {
	return work.Verb[Object]{ID: d.ID, Args: *d, Set: draft.With(d), Apply: func(_ context.Context, c *work.Call, rec *Object) error {
		rec.Kind = c.Entity.Name
		return nil
	}}
}

// Load creates many objects, each as by [Objects.Create], and reports those that were refused.
//
// Errors: Invalid for the options; Denied; those of the database, which end the load.
func (o Objects) Load(ctx context.Context, rows iter.Seq2[Draft, error], opt *work.LoadOptions) (work.LoadReport, error) {
	return work.LoadRows(ctx, o.records, o.scope, rows, opt, creation)
}

// Import returns the target of files whose rows are objects. Rows with the column "id" keep their ids, and importing them
// again refuses them.
func (o Objects) Import() transfer.Target {
	own := o.records.Kind()
	return transfer.Of(rows.In(own), o.m.objects.Engine(), o.scope, func(s *work.Scope) Objects { return o.m.of(own.Name(), s) })
}

// Get returns one object.
//
// Errors: NotFound, also for one that the caller may not see or that is of another kind; Denied.
func (o Objects) Get(ctx context.Context, id ident.ID) (Object, error) {
	return o.records.Get(ctx, o.scope, id)
}

// Update changes fields. version is the version the caller saw, or [schema.AnyVersion].
//
// Errors: Invalid; NotFound, also for a customer that the caller may not see; Denied; Conflict with the current version.
func (o Objects) Update(ctx context.Context, id ident.ID, version int64, up Update) (Object, error) {
	return o.records.Update(ctx, o.scope, work.Verb[Object]{ID: id, Version: version, Args: up, Set: update.With(&up)})
}

// Delete removes an object from every list. Its history and events stay. version is the version the caller saw, or
// [schema.AnyVersion].
//
// Errors: NotFound; Denied; Conflict with the current version.
func (o Objects) Delete(ctx context.Context, id ident.ID, version int64) error {
	return o.records.Delete(ctx, o.scope, id, version)
}

// Restore brings a deleted object back as it was.
//
// Errors: NotFound for one that is not deleted; Denied.
func (o Objects) Restore(ctx context.Context, id ident.ID) (Object, error) {
	return o.records.Restore(ctx, o.scope, id)
}

// History returns the changes of an object, oldest first, the newest [work.MaxEntries] of them.
//
// Errors: NotFound; Denied.
func (o Objects) History(ctx context.Context, id ident.ID) ([]work.Entry, error) {
	return o.records.History(ctx, o.scope, id)
}

// Page returns one page of objects.
//
// Errors: Invalid for a malformed query or cursor; NotFound for a customer that the caller may not see; Denied.
func (o Objects) Page(ctx context.Context, f Filter) (page.Page[Object], error) {
	return o.records.PageOf(ctx, o.scope, f.Customer, rule.True(), f.Query)
}

// All ranges over every object of the filter, page by page. It stops at the first error.
func (o Objects) All(ctx context.Context, f Filter) iter.Seq2[Object, error] {
	return work.All(f.Query, func(q page.Query) (page.Page[Object], error) {
		f.Query = q
		return o.Page(ctx, f)
	})
}

// Count returns how many objects the query chooses; more than [work.MaxCount] are MaxCount + 1. Its sort, limit and cursor
// play no part.
//
// Errors: Invalid for a malformed query; Denied.
func (o Objects) Count(ctx context.Context, q page.Query) (int, error) {
	return o.records.Count(ctx, o.scope, rule.True(), q)
}
