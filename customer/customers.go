package customer

import (
	"context"
	"errors"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

// Customers are the customers of a tenant as one principal sees them, for one purpose. It is a light value, got from
// [Module.Customers].
type Customers struct {
	s     *Module
	scope work.Scope
}

// Create stores a new customer.
//
// Errors: Invalid with every breach, Denied, Conflict with reason "taken" when the id, an external id or a verified
// point belongs to another customer.
func (cs Customers) Create(ctx context.Context, d Draft) (Customer, error) {
	in, err := partsOf(d)
	if err != nil {
		return Customer{}, fault.At("customer: create", err)
	}
	return work.Write(ctx, cs.s.engine, cs.scope, cs.creation("customer: create", &in))
}

func (cs Customers) creation(op string, in *draft) work.Change[Customer] {
	return work.Change[Customer]{
		Op: op, Entity: EntityCustomer, Action: work.Create, Kind: Created, ID: in.ID, Args: in,
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error { return cs.s.fill(c, rec, in) },
		Save: func(ctx context.Context, c *work.Call, _, rec *Customer) error {
			return cs.s.store.InsertCustomer(ctx, c, rec)
		},
		Replay: cs.again,
	}
}

// again loads the result of an earlier write under the same idempotency key.
func (cs Customers) again(ctx context.Context, c *work.Call, id ident.ID) (*Customer, error) {
	seen, err := cs.s.seen(ctx, c)
	if err != nil {
		return nil, err
	}
	return cs.s.visible(ctx, seen, id)
}

// change runs a write on a customer that exists; ch fills in what differs between verbs.
func (cs Customers) change(ctx context.Context, ch work.Change[Customer]) (Customer, error) {
	id := ch.ID
	ch.Entity = EntityCustomer
	if ch.Replay == nil {
		ch.Replay = cs.again
	}
	if ch.Action == "" {
		ch.Action = work.Edit
	}
	ch.Load = func(ctx context.Context, c *work.Call) (*Customer, error) { return cs.s.locked(ctx, c, id) }
	if ch.Save == nil {
		ch.Save = cs.s.store.UpdateCustomer
	}
	return work.Write(ctx, cs.s.engine, cs.scope, ch)
}

// Update changes a customer. version is the one the caller saw; 0 means whatever is stored now. An update that
// changes nothing writes nothing.
//
// Errors: NotFound, Invalid, Denied, Conflict with the current version, or with reason "taken" as for Create.
func (cs Customers) Update(ctx context.Context, id ident.ID, version int64, u Update) (Customer, error) {
	return cs.change(ctx, work.Change[Customer]{
		Op: "customer: update", Kind: Updated, ID: id, Version: version, Args: u,
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error { return u.apply(c, rec) },
	})
}

// Delete hides a customer from every read and frees its external ids; the audit and the timeline stay.
// Erasing personal data is another operation, of package privacy.
//
// Errors: NotFound, Denied, Conflict with the current version.
func (cs Customers) Delete(ctx context.Context, id ident.ID, version int64) error {
	_, err := cs.change(ctx, work.Change[Customer]{
		Op: "customer: delete", Action: work.Delete, Kind: Deleted, ID: id, Version: version,
		Apply: func(_ context.Context, c *work.Call, _ *Customer) error {
			c.Touch("deleted_at")
			return nil
		},
		Save: func(ctx context.Context, c *work.Call, _, rec *Customer) error {
			return cs.s.store.DeleteCustomer(ctx, c, rec)
		},
		Replay: func(context.Context, *work.Call, ident.ID) (*Customer, error) {
			return &Customer{}, nil // it is gone, as the first call said
		},
	})
	return err
}

// Get returns a customer by its id, or the one it was merged into.
//
// Errors: NotFound, also for one the caller may not see; Denied when it may see none.
func (cs Customers) Get(ctx context.Context, id ident.ID) (Customer, error) {
	return cs.view(ctx, "customer: get", func(ctx context.Context, c *work.Call) (*Customer, error) {
		return cs.s.visible(ctx, c, id)
	})
}

// ByExt returns the customer with an external id.
//
// Errors: Invalid for a malformed external id, and as Get.
func (cs Customers) ByExt(ctx context.Context, ext ident.Ext) (Customer, error) {
	const op = "customer: get by external id"
	if err := checkExt(ext); err != nil {
		return Customer{}, fault.At(op, prefixed("ext", err))
	}
	return cs.view(ctx, op, func(ctx context.Context, c *work.Call) (*Customer, error) {
		id, ok, err := cs.s.store.ByExt(ctx, c, ext)
		if err != nil || !ok {
			return nil, errors.Join(err, missing("customer"))
		}
		return cs.s.visible(ctx, c, id)
	})
}

func (cs Customers) view(ctx context.Context, op string, load func(context.Context, *work.Call) (*Customer, error)) (Customer, error) {
	return work.View(ctx, cs.s.engine, cs.scope, op, EntityCustomer, func(ctx context.Context, c *work.Call) (Customer, error) {
		rec, err := load(ctx, c)
		if err != nil {
			return Customer{}, err
		}
		c.Mask(rec)
		return *rec, nil
	})
}

// maxCandidates bounds what one contact point gives.
const maxCandidates = 100

// ByPoint returns every customer that has the value on a live point of the channel, in order of id, at most 100.
// It never picks one: a family shares an address, and whoever typed it in may have erred.
//
// Errors: Invalid for a value no such channel has, Denied.
func (cs Customers) ByPoint(ctx context.Context, ch personal.Channel, value string) ([]Customer, error) {
	const op = "customer: get by point"
	normal, err := cs.s.points.Normalise(ch, value, "")
	if err != nil {
		return nil, fault.At(op, err)
	}
	return work.View(ctx, cs.s.engine, cs.scope, op, EntityCustomer, func(ctx context.Context, c *work.Call) ([]Customer, error) {
		if err := c.CheckField("points.value"); err != nil {
			return nil, err
		}
		ids, err := cs.s.store.ByPoint(ctx, c, normal, maxCandidates, ch)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		found, err := cs.s.store.Customers(ctx, c, ids)
		return show(c, found, func(a, b *Customer) int { return a.ID.Compare(b.ID) }), err
	})
}

// predicate turns the filter's own fields into a condition.
func (f Filter) predicate() rule.Predicate {
	var all []rule.Predicate
	if len(f.Kinds) > 0 {
		all = append(all, rule.In("kind", texts(f.Kinds)...))
	}
	if len(f.Lifecycle) > 0 {
		all = append(all, rule.In("lifecycle", texts(f.Lifecycle)...))
	}
	if f.OwnerUser != "" {
		all = append(all, rule.Eq("owner_user", rule.Text(f.OwnerUser)))
	}
	if f.OwnerTeam != "" {
		all = append(all, rule.Eq("owner_team", rule.Text(f.OwnerTeam)))
	}
	return rule.All(all...)
}

func texts[S ~string](list []S) []rule.Value {
	out := make([]rule.Value, len(list))
	for i, s := range list {
		out[i] = rule.Text(string(s))
	}
	return out
}

// Page returns one page of customers. Names sort by their folded key, so that case and accents do not count.
//
// Errors: Invalid for a malformed filter, sort or cursor; Denied, also for a filter over hidden fields.
func (cs Customers) Page(ctx context.Context, f Filter) (page.Page[Customer], error) {
	return work.List(ctx, cs.s.engine, cs.scope, "customer: list", EntityCustomer, f.predicate(), f.Query,
		func(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[Customer], error) {
			return cs.s.store.ListCustomers(ctx, c, l)
		})
}

// All returns the customers of every page, loading page after page. It stops at the first error. Filter.Query.Limit
// is the size of the pages beneath.
func (cs Customers) All(ctx context.Context, f Filter) iter.Seq2[Customer, error] {
	return page.All(func(cursor string) (page.Page[Customer], error) {
		if cursor != "" {
			f.Query.Cursor = cursor
		}
		return cs.Page(ctx, f)
	})
}

// MaxCount is where [Customers.Count] stops.
const MaxCount = 10_000

// Count returns how many customers a filter finds; more than [MaxCount] are MaxCount + 1, so that a count costs the
// same however many there are. Sort, limit and cursor of the query play no part.
//
// Errors: as Page.
func (cs Customers) Count(ctx context.Context, f Filter) (int, error) {
	return work.View(ctx, cs.s.engine, cs.scope, "customer: count", EntityCustomer, func(ctx context.Context, c *work.Call) (int, error) {
		own := f.predicate()
		if err := c.CheckFilter(own); err != nil {
			return 0, err
		}
		expr, err := c.Where(ctx, f.Query.Where)
		if err != nil {
			return 0, err
		}
		return cs.s.store.CountCustomers(ctx, c, rule.All(c.Access.Rows, own, expr), MaxCount+1)
	})
}
