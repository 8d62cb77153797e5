package claim

import (
	"context"
	"errors"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

var kind = &work.Kind{
	Entity: schema.Of[Claim](Entity), Module: work.Foundation, Table: "crm_claim", Permanent: true,
	Rights: work.Rights{Manager: "aaaannnn", Sales: "aooonnnn", Service: "aooonnnn", Marketing: "aooonnnn", Viewer: "annnnnnn"},
}

// Kinds returns the kind of claims.
func Kinds() []*work.Kind { return []*work.Kind{kind} }

// Service makes [Claims] for scopes. It is immutable and safe for concurrent use.
type Service struct {
	claims *work.Records[Claim, *Claim]
	store  Store
}

// New returns a Service over an engine and a store, both required.
func New(e *work.Engine, store Store) *Service {
	return &Service{work.NewRecords(e, kind, store), store}
}

// Sources returns the records of each of [Kinds], without their Go type.
func (s *Service) Sources() []work.Source { return []work.Source{s.claims.Source()} }

// In returns the claims as the scope's principal may use them.
func (s *Service) In(scope *work.Scope) Claims { return Claims{s, scope} }

// Claims acquires and gives back exclusive keys. It is a light value, safe for concurrent use.
//
// Every method returns Invalid for malformed input, Denied without the right, and NotFound for a claim that does
// not exist or that the caller may not see.
type Claims struct {
	s     *Service
	scope *work.Scope
}

// Acquire takes all keys of the request or none. Keys of holds that have run out are free.
//
// Errors: Conflict with reason "taken" and the key as field when somebody has one of them.
func (cs Claims) Acquire(ctx context.Context, r Request) (Claim, error) {
	return cs.s.claims.Create(ctx, cs.scope, work.Verb[Claim]{
		Name: "acquire", Event: Acquired, ID: r.ID, Args: r,
		Apply: func(_ context.Context, c *work.Call, rec *Claim) error {
			var v fault.Violations
			keys, err := normal(r.Keys)
			v.AddAll("", err)
			v.AddAll("", checkFor(r.For))
			if ident.HostID(r.Holder.Entity) != "" || r.Holder.ID.IsZero() {
				v.Add("holder", "want the entity and id of the record the keys are for")
			}
			rec.Keys, rec.Holder, rec.State, rec.Until = keys, r.Holder, StateHeld, until(c, r.For)
			c.Refer(r.Holder)
			return v.Err()
		},
	})
}

// Extend lets a hold last for the given time from now. It never shortens: a hold that lasts longer stays as it is.
//
// Errors: Conflict with reason "expired" when the time had run out, "committed" or "released" in these states.
func (cs Claims) Extend(ctx context.Context, id ident.ID, d time.Duration) (Claim, error) {
	return cs.edit(ctx, "extend", Extended, id, d, func(c *work.Call, rec *Claim) error {
		if err := errors.Join(checkFor(d), live(c, rec)); err != nil {
			return err
		}
		if rec.State == StateCommitted {
			return conflict("committed", "the claim has no time limit any more")
		}
		if t := until(c, d); t.After(rec.Until) {
			rec.Until = t
		}
		return nil
	})
}

// Commit keeps the keys without limit, until they are released. Committing twice changes nothing.
//
// Errors: Conflict with reason "expired" when the time had run out, "released" in that state.
func (cs Claims) Commit(ctx context.Context, id ident.ID) (Claim, error) {
	return cs.edit(ctx, "commit", Committed, id, nil, func(c *work.Call, rec *Claim) error {
		if err := live(c, rec); err != nil {
			return err
		}
		rec.State, rec.Until = StateCommitted, time.Time{}
		return nil
	})
}

// Release gives the keys back, committed ones too. Releasing twice changes nothing, and releasing a hold that has
// run out leaves alone whoever took its keys since.
func (cs Claims) Release(ctx context.Context, id ident.ID) (Claim, error) {
	return cs.edit(ctx, "release", Released, id, nil, func(_ *work.Call, rec *Claim) error {
		rec.State, rec.Until = StateReleased, time.Time{}
		return nil
	})
}

// Swap takes the given keys in place of the present ones, all or none; keys in both sets are never free in between.
// State and time limit stay.
//
// Errors: Conflict with reason "taken" and the key as field, "expired", "released".
func (cs Claims) Swap(ctx context.Context, id ident.ID, keys []Key) (Claim, error) {
	return cs.edit(ctx, "swap", Swapped, id, keys, func(c *work.Call, rec *Claim) error {
		sorted, err := normal(keys)
		if err := errors.Join(err, live(c, rec)); err != nil {
			return err
		}
		rec.Keys = sorted
		return nil
	})
}

// Get returns one claim, live or not.
func (cs Claims) Get(ctx context.Context, id ident.ID) (Claim, error) {
	return cs.s.claims.Get(ctx, cs.scope, id)
}

// Of returns the claim that has the key now; ok is false when nobody has it, or somebody whose claims the caller
// may not see.
func (cs Claims) Of(ctx context.Context, key Key) (claim Claim, ok bool, err error) {
	claim, err = cs.s.claims.By(ctx, cs.scope, "of", func(ctx context.Context, c *work.Call) (*Claim, error) {
		if _, err := normal([]Key{key}); err != nil {
			return nil, err
		}
		rec, err := cs.s.store.Of(ctx, c, key)
		ok = err == nil && rec.Live(c.Now)
		return rec, err
	})
	switch {
	case errors.Is(err, fault.ErrNotFound), err == nil && !ok:
		return Claim{}, false, nil
	case err != nil:
		return Claim{}, false, err
	}
	return claim, true, nil
}

func (cs Claims) edit(ctx context.Context, name string, kind event.Kind, id ident.ID, args any, apply func(c *work.Call, rec *Claim) error) (Claim, error) {
	return cs.s.claims.Change(ctx, cs.scope, work.Verb[Claim]{
		Name: name, Event: kind, ID: id, Args: args,
		Apply: func(_ context.Context, c *work.Call, rec *Claim) error {
			c.Refer(rec.Holder)
			return apply(c, rec)
		},
	})
}

// Taken is the fault of a key that another claim has.
func Taken(k Key) error {
	f := conflict("taken", "somebody else has this key: choose another one, or wait until it is free")
	f.Field = k.String()
	return f
}

func until(c *work.Call, d time.Duration) time.Time {
	return c.Now.Add(d).UTC().Truncate(time.Microsecond)
}

func live(c *work.Call, rec *Claim) error {
	switch {
	case rec.Live(c.Now):
		return nil
	case rec.State == StateReleased:
		return conflict("released", "the claim was given back: acquire the keys again")
	}
	return conflict("expired", "the time of the claim has run out: acquire the keys again")
}

func conflict(reason, message string) *fault.Error {
	f := fault.New(fault.Conflict, "%s", message)
	f.Reason = reason
	return f
}
