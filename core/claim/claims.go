package claim

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Service makes [Claims] for scopes. It is immutable and safe for concurrent use.
type Service struct {
	engine *work.Engine
	store  Store
}

// New returns a Service over an engine and a store, both required.
func New(e *work.Engine, store Store) *Service { return &Service{engine: e, store: store} }

// In returns the claims as the scope's principal may use them.
func (s *Service) In(scope work.Scope) Claims { return Claims{s, scope} }

// Claims acquires and gives back exclusive keys. It is a light value, safe for concurrent use.
//
// Every method returns Invalid for malformed input, Denied without the right, and NotFound for a claim that does
// not exist or that the caller may not see.
type Claims struct {
	svc   *Service
	scope work.Scope
}

// Acquire takes all keys of the request or none. Keys of holds that have run out are free.
//
// Errors: Conflict with reason "taken" and the key as field when somebody has one of them.
func (cs Claims) Acquire(ctx context.Context, r Request) (Claim, error) {
	ch := cs.change("claim: acquire", work.Create, Acquired)
	ch.ID, ch.Args = r.ID, r
	ch.Apply = func(_ context.Context, c *work.Call, rec *Claim) error {
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
	}
	return work.Write[Claim](ctx, cs.svc.engine, cs.scope, ch)
}

// Extend lets a hold last for the given time from now. It never shortens: a hold that lasts longer stays as it is.
//
// Errors: Conflict with reason "expired" when the time had run out, "committed" or "released" in these states.
func (cs Claims) Extend(ctx context.Context, id ident.ID, d time.Duration) (Claim, error) {
	return cs.edit(ctx, "claim: extend", Extended, id, d, func(c *work.Call, rec *Claim) error {
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
	return cs.edit(ctx, "claim: commit", Committed, id, nil, func(c *work.Call, rec *Claim) error {
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
	return cs.edit(ctx, "claim: release", Released, id, nil, func(_ *work.Call, rec *Claim) error {
		rec.State, rec.Until = StateReleased, time.Time{}
		return nil
	})
}

// Swap takes the given keys in place of the present ones, all or none; keys in both sets are never free in between.
// State and time limit stay.
//
// Errors: Conflict with reason "taken" and the key as field, "expired", "released".
func (cs Claims) Swap(ctx context.Context, id ident.ID, keys []Key) (Claim, error) {
	return cs.edit(ctx, "claim: swap", Swapped, id, keys, func(c *work.Call, rec *Claim) error {
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
	return work.View(ctx, cs.svc.engine, cs.scope, "claim: get", Entity, func(ctx context.Context, c *work.Call) (Claim, error) {
		return cs.show(c)(cs.svc.store.Get(ctx, c, id, false))
	})
}

// Of returns the claim that has the key now; ok is false when nobody has it, or somebody whose claims the caller
// may not see.
func (cs Claims) Of(ctx context.Context, key Key) (claim Claim, ok bool, err error) {
	claim, err = work.View(ctx, cs.svc.engine, cs.scope, "claim: of", Entity, func(ctx context.Context, c *work.Call) (Claim, error) {
		if _, err := normal([]Key{key}); err != nil {
			return Claim{}, err
		}
		ok = false // fn may run again
		rec, err := cs.show(c)(cs.svc.store.Of(ctx, c, key))
		if errors.Is(err, fault.ErrNotFound) {
			return Claim{}, nil
		}
		ok = err == nil && rec.Live(c.Now)
		return rec, err
	})
	if !ok {
		claim = Claim{}
	}
	return claim, ok, err
}

func (cs Claims) show(c *work.Call) func(rec *Claim, err error) (Claim, error) {
	return func(rec *Claim, err error) (Claim, error) {
		if err != nil {
			return Claim{}, err
		}
		c.Mask(rec)
		return *rec, nil
	}
}

func (cs Claims) edit(ctx context.Context, op string, kind event.Kind, id ident.ID, args any, apply func(c *work.Call, rec *Claim) error) (Claim, error) {
	ch := cs.change(op, work.Edit, kind)
	ch.ID, ch.Args = id, args
	ch.Load = func(ctx context.Context, c *work.Call) (*Claim, error) { return cs.svc.store.Get(ctx, c, id, true) }
	ch.Apply = func(_ context.Context, c *work.Call, rec *Claim) error {
		c.Refer(rec.Holder)
		return apply(c, rec)
	}
	return work.Write[Claim](ctx, cs.svc.engine, cs.scope, ch)
}

func (cs Claims) change(op string, a work.Action, kind event.Kind) work.Change[Claim] {
	return work.Change[Claim]{
		Op: op, Entity: Entity, Action: a, Kind: kind, Save: cs.save,
		Replay: func(ctx context.Context, c *work.Call, id ident.ID) (*Claim, error) {
			read := *c
			var err error
			if read.Access, err = c.AccessTo(ctx, Entity, work.Read); err != nil {
				return nil, err
			}
			return cs.svc.store.Get(ctx, &read, id, false)
		},
	}
}

// save writes the claim and makes the keys follow it: a living one takes its keys, and lets go those it gave up.
func (cs Claims) save(ctx context.Context, c *work.Call, before, after *Claim) error {
	store := cs.svc.store
	if err := store.Save(ctx, c, before, after); err != nil {
		return err
	}
	if after.State == StateReleased {
		return store.Drop(ctx, c, after.ID, after.Keys)
	}
	key, taken, err := store.Take(ctx, c, after)
	if err != nil {
		return err
	}
	if taken {
		f := conflict("taken", "somebody else has this key: choose another one, or wait until it is free")
		f.Field = key.String()
		return f
	}
	if before == nil {
		return nil
	}
	gone := slices.DeleteFunc(slices.Clone(before.Keys), after.Holds)
	if len(gone) == 0 {
		return nil
	}
	return store.Drop(ctx, c, after.ID, gone)
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
