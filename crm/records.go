package crm

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/work"
)

// Records are the records of one kind by the kind's name, without their Go type: for admin pages, exports and whatever
// else ranges over kinds. They go the way of the kind's façade, with the same rights and the same mask. It is a light
// value, safe for concurrent use unless its session is inside a transaction. [Session.Records] returns it.
//
// A record is a pointer to the kind's own type, such as *customer.Customer.
type Records struct {
	source work.Source
	scope  *work.Scope
}

// Records returns the records of a kind: "customer", "lead" and so on, as [CRM.Kinds] lists them, or one that the tenant has
// defined, such as "object.boat". Whether it has, the methods of Records find out.
//
// Errors: Invalid for field "kind" on an unknown name.
func (s *Session) Records(kind string) (Records, error) {
	source, ok := s.crm.sources[kind]
	if family, own := schema.FamilyOf(kind); own && family == custom.Family {
		source, ok = s.crm.objects.Source(kind), true
	}
	if !ok {
		known := slices.Sorted(maps.Keys(s.crm.sources))
		return Records{}, fault.At("crm: records", fault.Field("kind", "no kind %s: want one of %s", fault.Quote(kind), strings.Join(known, ", ")))
	}
	return Records{source, &s.scope}, nil
}

// Get returns one record.
//
// Errors: NotFound, also for a record that the caller may not see; Denied when it may see none.
func (r Records) Get(ctx context.Context, id ident.ID) (schema.Aggregate, error) {
	return r.source.Get(ctx, r.scope, id)
}

// GetMany returns the records of several ids in the order of the ids, by one read. Those that are missing, or that the
// caller may not see, are left out; an id that is there twice counts once.
//
// Errors: Invalid for more than [page.MaxLimit] ids; Denied.
func (r Records) GetMany(ctx context.Context, ids ...ident.ID) ([]schema.Aggregate, error) {
	return r.source.GetMany(ctx, r.scope, ids)
}

// Reveal returns one record with its sensitive fields, which every other read masks; see [customer.Customers.Reveal].
//
// Errors: NotFound; Denied without the right to reveal; in a transaction that is read-only Invalid, or with SQLite
// Unavailable.
func (r Records) Reveal(ctx context.Context, id ident.ID) (schema.Aggregate, error) {
	return r.source.Reveal(ctx, r.scope, id)
}

// Page returns one page of the records that the caller may see.
//
// Errors: Invalid for a malformed query or cursor, and for a kind whose records are listed with whom they belong to, such as
// consents: ask [Records.PageOf]; Denied.
func (r Records) Page(ctx context.Context, q page.Query) (page.Page[schema.Aggregate], error) {
	return r.source.Page(ctx, r.scope, ident.ID{}, q)
}

// PageOf is Page for the records that belong to one customer, or to one that was merged into it.
//
// Errors: NotFound for a customer that the caller may not see; Invalid, also for a kind whose records belong to nobody;
// Denied.
func (r Records) PageOf(ctx context.Context, customer ident.ID, q page.Query) (page.Page[schema.Aggregate], error) {
	return r.source.Page(ctx, r.scope, customer, q)
}

// History returns the changes of a record, oldest first, the newest [work.MaxEntries] of them: who did what and when, and
// the names of the changed fields that the caller may see.
//
// Errors: NotFound; Denied.
func (r Records) History(ctx context.Context, id ident.ID) ([]work.Entry, error) {
	return r.source.History(ctx, r.scope, id)
}

// Kinds lists the kinds of records in use: those of the modules in [Config.Modules], without those that tenants define.
func (c *CRM) Kinds() []*work.Kind {
	var out []*work.Kind
	for _, name := range slices.Sorted(maps.Keys(c.sources)) {
		if k := c.sources[name].Kind(); c.cfg.has(Module(k.Module)) {
			out = append(out, k)
		}
	}
	return out
}
