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
		out, again, err := cs.upsert(ctx, op, ext, &in)
		if !again || try == upsertTries {
			return out, err
		}
	}
}

// upsert is one attempt; again tells that somebody else was in between.
func (cs Customers) upsert(ctx context.Context, op string, ext ident.Ext, in *draft) (out Customer, again bool, err error) {
	id, found, err := cs.find(ctx, op, ext)
	if err != nil {
		return out, false, err
	}
	if !found {
		out, err = work.Write(ctx, cs.s.engine, cs.scope, cs.creation(op, in))
		return out, cs.raced(ctx, op, ext, err), err
	}
	ch := work.Change[Customer]{
		Op: op, Entity: EntityCustomer, Action: work.Edit, Kind: Updated, ID: in.ID, Args: in, Replay: cs.again,
		Load:  func(ctx context.Context, c *work.Call) (*Customer, error) { return cs.s.locked(ctx, c, id) },
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error { return cs.s.merge(c, rec, in) },
		Save:  cs.s.store.UpdateCustomer,
	}
	out, err = work.Write(ctx, cs.s.engine, cs.scope, ch)
	if !errors.Is(err, fault.ErrNotFound) {
		return out, false, err
	}
	if now, still, lookErr := cs.find(ctx, op, ext); lookErr == nil && still && now == id {
		return out, false, fault.At(op, taken("ext", "the external id belongs to a customer you may not change"))
	}
	return out, true, err
}

// raced reports whether a creation failed because somebody else has stored the external id meanwhile.
func (cs Customers) raced(ctx context.Context, op string, ext ident.Ext, err error) bool {
	if !errors.Is(err, &fault.Error{Code: fault.Conflict, Reason: "taken"}) {
		return false
	}
	_, found, lookErr := cs.find(ctx, op, ext)
	return lookErr == nil && found
}

// find looks the external id up without rights to the record: what is done with it needs them.
func (cs Customers) find(ctx context.Context, op string, ext ident.Ext) (id ident.ID, found bool, err error) {
	if err := cs.scope.Validate(); err != nil {
		return id, false, fault.At(op, err)
	}
	err = cs.s.engine.Units.Read(ctx, cs.scope.Unit, func(ctx context.Context, u work.Unit) error {
		scope := cs.scope
		scope.Unit = u
		ent, err := cs.s.engine.Schemas.Entity(ctx, u, scope.Principal.Tenant, EntityCustomer)
		if err != nil {
			return err
		}
		id, found, err = cs.s.store.ByExt(ctx, &work.Call{Scope: scope, Engine: cs.s.engine, Entity: ent}, ext)
		return err
	})
	return id, found, fault.At(op, err)
}

// prefixed puts a path in front of the fields of an Invalid fault.
func prefixed(path string, err error) error {
	var v fault.Violations
	v.AddAll(path, err)
	return v.Err()
}
