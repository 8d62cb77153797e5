package customer

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Customers is the façade over the customers of a tenant as one principal sees them, for one purpose. It is a light value
// of [Module.Customers], safe for concurrent use unless its scope is inside a transaction.
type Customers struct {
	m     *Module
	scope *work.Scope
}

var (
	customerKind = &work.Kind{
		Entity: schema.Of[Customer](EntityCustomer), Module: ModuleName, Table: "crm_customer",
		Rights: work.Rights{
			Manager: "aatttttn", Sales: "tttontnn", Service: "aaannann", Marketing: "annnnann", Viewer: "annnnnnn",
			Hide: map[string][]string{work.RoleMarketing: {"points"}, work.RoleViewer: {"points"}},
			Fix:  map[string][]string{work.RoleService: {"owner_user", "owner_team", "lifecycle"}},
		},
	}
	customerDraft  = schema.PatchOf[Customer, PersonDraft](customerKind.Entity)
	customerUpdate = schema.PatchOf[Customer, Update](customerKind.Entity)
)

// Create stores a new customer.
//
// Errors: Invalid with every breach; Denied; Conflict with reason "taken" when the id, an external id or a verified point
// belongs to another customer.
func (cs Customers) Create(ctx context.Context, d Draft) (Customer, error) {
	in, err := partsOf(d)
	if err != nil {
		return Customer{}, fault.At("customer: create", err)
	}
	return cs.m.customers.Create(ctx, cs.scope, cs.m.newCustomer(&in))
}

func (m *Module) newCustomer(d *draft) work.Verb[Customer] {
	return work.Verb[Customer]{
		ID: d.ID, Args: d, Set: customerDraft.With(&d.PersonDraft),
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error {
			var v fault.Violations
			rec.Kind, rec.Lifecycle, rec.LifecycleSince = d.Kind, m.lifecycle[0], c.Now
			rec.settle(&v, nil, d.Name != "")
			m.addPoints(c, &v, rec, d.Points, false)
			rec.addExt(&v, "ext", d.Ext)
			rec.checkName(&v)
			return v.Err()
		},
	}
}

// Update changes a customer. version is the one the caller saw, or [schema.AnyVersion]. An update that changes nothing
// writes nothing.
//
// Errors: NotFound; Invalid; Denied; Conflict with the current version, or with reason "taken" as for Create.
func (cs Customers) Update(ctx context.Context, id ident.ID, version int64, u Update) (Customer, error) {
	var sets []string
	if len(u.AddExt)+len(u.RemoveExt) > 0 {
		sets = []string{"ext"}
	}
	return cs.m.customers.Update(ctx, cs.scope, work.Verb[Customer]{
		ID: id, Version: version, Args: u, Set: customerUpdate.With(&u), Sets: sets,
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error {
			var v fault.Violations
			rec.settle(&v, work.Before[Customer](c), u.Name != nil)
			rec.removeExt(u.RemoveExt)
			rec.addExt(&v, "add_ext", u.AddExt)
			rec.checkName(&v)
			return v.Err()
		},
	})
}

// Delete hides a customer from every read and frees its external ids and verified points; the audit and the timeline stay.
// version is the one the caller saw, or [schema.AnyVersion]. Erasing personal data is another operation, of package
// privacy.
//
// Errors: NotFound; Denied; Conflict with the current version.
func (cs Customers) Delete(ctx context.Context, id ident.ID, version int64) error {
	return cs.m.customers.Delete(ctx, cs.scope, id, version)
}

// Restore brings a deleted customer back with its points and external ids.
//
// Errors: NotFound for a customer that is not deleted; Denied; Conflict with reason "taken" when an external id or a
// verified point belongs to another customer by now.
func (cs Customers) Restore(ctx context.Context, id ident.ID) (Customer, error) {
	return cs.m.customers.Restore(ctx, cs.scope, id)
}

// Get returns a customer by its id, or the one it was merged into.
//
// Errors: NotFound, also for one the caller may not see; Denied when it may see none.
func (cs Customers) Get(ctx context.Context, id ident.ID) (Customer, error) {
	return cs.m.customers.Get(ctx, cs.scope, id)
}

// Reveal returns a customer with its sensitive fields, which every other read masks whether or not there is a value:
// now the tax id. It needs the right to reveal customers and a purpose that needs the field's class, see
// privacy.DefaultPurposes; a field that either of them hides stays masked.
//
// When there is a value to show, one access record (who, for what purpose, when, which record, which fields) is
// written in the same transaction, and without it nothing is shown. In a transaction of the caller's the record stands
// or falls with that transaction: do not use what was revealed before it has committed.
//
// Errors: NotFound; Denied; in a transaction that is read-only Invalid, or with SQLite Unavailable.
func (cs Customers) Reveal(ctx context.Context, id ident.ID) (Customer, error) {
	return cs.m.customers.Reveal(ctx, cs.scope, cs.m.customers.ByID(id))
}

// ByExt returns the customer with an external id.
//
// Errors: Invalid for a malformed external id, and as Get.
func (cs Customers) ByExt(ctx context.Context, ext ident.Ext) (Customer, error) {
	const what = "get by external id"
	if err := fault.Under("ext", ext.Validate()); err != nil {
		return Customer{}, fault.At("customer: "+what, err)
	}
	return cs.m.customers.By(ctx, cs.scope, what, cs.m.byExt(ext, work.Look))
}

// maxCandidates bounds what one contact point gives.
const maxCandidates = 100

// ByPoint returns every customer that has the value on a live point of the channel, in order of id, at most 100.
// It never picks one: a family shares an address, and whoever typed it in may have erred.
//
// Errors: Invalid for a value no such channel has; Denied.
func (cs Customers) ByPoint(ctx context.Context, ch personal.Channel, value string) ([]Customer, error) {
	const op = "customer: get by point"
	normal, err := cs.m.points.Normalize(ch, value, "")
	if err != nil {
		return nil, fault.At(op, err)
	}
	return work.View(ctx, cs.m.engine, *cs.scope, op, EntityCustomer, func(ctx context.Context, c *work.Call) ([]Customer, error) {
		if err := c.CheckField("points.value"); err != nil {
			return nil, err
		}
		return cs.m.byPoint(ctx, c, normal, [2]personal.Channel{ch, ch})
	})
}

// byPoint returns the customers with a normalized value, as the call may see them, in order of id.
func (m *Module) byPoint(ctx context.Context, c *work.Call, value string, channels [2]personal.Channel) ([]Customer, error) {
	ids, err := m.store.ByPoint(ctx, c, value, maxCandidates, channels)
	if err != nil {
		return nil, err
	}
	return m.customers.Show(ctx, c, ids)
}

// Page returns one page of customers. Names sort by their folded key, so that case and accents do not count.
//
// Errors: Invalid for a malformed filter, sort or cursor; Denied, also for a filter over hidden fields.
func (cs Customers) Page(ctx context.Context, f Filter) (page.Page[Customer], error) {
	return cs.m.customers.Page(ctx, cs.scope, f.predicate(), f.Query)
}

// All ranges over every customer of the filter, page by page. It stops at the first error. Filter.Query.Limit is the size
// of the pages.
func (cs Customers) All(ctx context.Context, f Filter) iter.Seq2[Customer, error] {
	return work.All(f.Query, func(q page.Query) (page.Page[Customer], error) {
		f.Query = q
		return cs.Page(ctx, f)
	})
}

// Count returns how many customers a filter finds; more than [work.MaxCount] are MaxCount + 1, so that a count costs the
// same however many there are. Sort, limit and cursor of the query play no part.
//
// Errors: as Page.
func (cs Customers) Count(ctx context.Context, f Filter) (int, error) {
	return cs.m.customers.Count(ctx, cs.scope, f.predicate(), f.Query)
}
