package customer

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Upsert creates the customer with an external id, or brings what the draft holds into the one that exists: fields
// that are blank in the draft stay, points and external ids are added. Of concurrent upserts of one id exactly one
// creates; the others update.
//
// Errors: Invalid, also for a draft of another kind; Denied; Conflict with reason "taken" when the external id
// belongs to a customer the caller may not change, or another unique value to another customer.
func (cs Customers) Upsert(ctx context.Context, ext ident.Ext, d Draft) (Customer, error) {
	in, err := partsOf(d)
	if err != nil {
		return Customer{}, fault.At("customer: upsert", err)
	}
	rec, _, err := cs.upsert(ctx, ext, &in)
	return rec, err
}

func (cs Customers) upsert(ctx context.Context, ext ident.Ext, in *draft) (Customer, work.Outcome, error) {
	if err := fault.Under("ext", ext.Validate()); err != nil {
		return Customer{}, 0, fault.At("customer: upsert", err)
	}
	if !slices.Contains(in.Ext, ext) {
		in.Ext = append([]ident.Ext{ext}, in.Ext...)
	}
	create := cs.m.newCustomer(in)
	create.Name = "upsert"
	return cs.m.customers.Upsert(ctx, cs.scope, cs.m.byExt(ext, work.Lock), cs.m.merge(in), create)
}

// byExt returns what reads the customer with an external id.
func (m *Module) byExt(ext ident.Ext, how work.Fetch) func(ctx context.Context, c *work.Call) (*Customer, error) {
	return func(ctx context.Context, c *work.Call) (*Customer, error) {
		id, ok, err := m.store.ByExt(ctx, c, ext)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, missing("customer")
		}
		return m.store.Customers().Get(ctx, c, id, how)
	}
}

// merge brings what a draft holds into a customer that exists. Its ID is that of the draft, so that a creation and an
// update compare alike under one idempotency key.
func (m *Module) merge(in *draft) work.Verb[Customer] {
	sets := []string{"ext"}
	if len(in.Points) > 0 {
		sets = append(sets, "points")
	}
	return work.Verb[Customer]{
		ID: in.ID, Args: in, Set: customerDraft.With(&in.PersonDraft), Sets: sets,
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error {
			if in.Kind != rec.Kind {
				return fault.Field("kind", "the customer with this external id is of kind %s, not %s", rec.Kind, in.Kind)
			}
			var v fault.Violations
			rec.settle(&v, work.Before[Customer](c), in.Name != "")
			m.addPoints(c, &v, rec, in.Points, true)
			rec.addExt(&v, "ext", in.Ext)
			rec.checkName(&v)
			return v.Err()
		},
	}
}
