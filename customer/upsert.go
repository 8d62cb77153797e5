package customer

import (
	"context"
	"errors"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// upsertTries bounds how often an upsert starts anew because others create or delete the same customer.
const upsertTries = 5

// Upsert creates the customer with an external id, or brings what the draft holds into the one that exists: fields
// that are blank in the draft stay, points and external ids are added. Of concurrent upserts of one id exactly one
// creates; the others update.
//
// Errors: Invalid, also for a draft of another kind; Denied; Conflict with reason "taken" when the external id
// belongs to a customer the caller may not change, or another unique value to another customer.
func (cs Customers) Upsert(ctx context.Context, ext ident.Ext, d Draft) (Customer, error) {
	const op = "customer: upsert"
	in, err := partsOf(d)
	if err != nil {
		return Customer{}, fault.At(op, err)
	}
	if err := checkExt(ext); err != nil {
		return Customer{}, fault.At(op, prefixed("ext", err))
	}
	if !slices.Contains(in.Ext, ext) {
		in.Ext = append([]ident.Ext{ext}, in.Ext...)
	}
	for try := 1; ; try++ {
		out, again, err := cs.upsert(ctx, ext, &in)
		if !again || try == upsertTries {
			return out, fault.At(op, err)
		}
	}
}

// upsert is one attempt; again reports whether somebody else was in between.
func (cs Customers) upsert(ctx context.Context, ext ident.Ext, in *draft) (out Customer, again bool, err error) {
	id, found, err := cs.find(ctx, ext)
	if err != nil {
		return out, false, err
	}
	if !found {
		v := cs.m.newCustomer(in)
		v.Name = "upsert"
		out, err = cs.m.customers.Create(ctx, cs.scope, v)
		return out, cs.raced(ctx, ext, err), err
	}
	out, err = cs.m.customers.Update(ctx, cs.scope, cs.m.merge(id, in))
	if !errors.Is(err, fault.ErrNotFound) {
		return out, false, err
	}
	if now, still, lookErr := cs.find(ctx, ext); lookErr == nil && still && now == id {
		return out, false, taken("ext", "the external id belongs to a customer you may not change")
	}
	return out, true, err
}

// merge brings what a draft holds into a customer that exists. Its ID is that of the draft, so that a creation and an
// update compare alike under one idempotency key.
func (m *Module) merge(id ident.ID, in *draft) work.Verb[Customer] {
	sets := []string{"ext"}
	if len(in.Points) > 0 {
		sets = append(sets, "points")
	}
	return work.Verb[Customer]{
		Name: "upsert", ID: in.ID, Args: in, Set: customerDraft.With(&in.PersonDraft), Sets: sets,
		Find: func(ctx context.Context, c *work.Call) (*Customer, error) {
			return m.store.Customers().Get(ctx, c, id, work.Lock)
		},
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

// raced reports whether a creation failed because somebody else has stored the external id meanwhile.
func (cs Customers) raced(ctx context.Context, ext ident.Ext, err error) bool {
	if !errors.Is(err, &fault.Error{Code: fault.Conflict, Reason: work.ReasonTaken}) {
		return false
	}
	_, found, lookErr := cs.find(ctx, ext)
	return lookErr == nil && found
}

// find looks the external id up without rights to the record: what is done with it needs them.
func (cs Customers) find(ctx context.Context, ext ident.Ext) (id ident.ID, found bool, err error) {
	if err := cs.scope.Validate(); err != nil {
		return id, false, err
	}
	err = cs.m.engine.Units.Read(ctx, cs.scope.Unit, func(ctx context.Context, u work.Unit) error {
		ent, err := cs.m.engine.Schemas.Entity(ctx, u, cs.scope.Principal.Tenant, EntityCustomer)
		if err != nil {
			return err
		}
		id, found, err = cs.m.store.ByExt(ctx, &work.Call{Scope: *cs.scope.On(u), Engine: cs.m.engine, Entity: ent}, ext)
		return err
	})
	return id, found, err
}
