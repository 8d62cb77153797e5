package work

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
)

// Get returns one record as the scope may see it.
//
// Errors: Invalid for the scope; NotFound, also for a record that the scope may not see; Denied.
func (r *Records[T, P]) Get(ctx context.Context, s *Scope, id ident.ID) (T, error) {
	return r.By(ctx, s, "get", func(ctx context.Context, c *Call) (*T, error) { return r.store.Get(ctx, c, id, Look) })
}

// By is Get for a record that is found by another key than its id.
func (r *Records[T, P]) By(ctx context.Context, s *Scope, what string, find func(ctx context.Context, c *Call) (*T, error)) (T, error) {
	return Of(ctx, r, s, what, find, func(_ context.Context, c *Call, rec *T) (T, error) {
		c.Mask(rec)
		return *rec, nil
	})
}

// Of runs fn for a record that the scope may see: for its history or its children. The record is not masked; what fn
// returns must show nothing that the call hides.
func Of[T any, P Aggregate[T], R any](ctx context.Context, r *Records[T, P], s *Scope, what string,
	find func(ctx context.Context, c *Call) (*T, error), fn func(ctx context.Context, c *Call, rec *T) (R, error),
) (R, error) {
	return View(ctx, r.engine, *s, r.op(what), r.kind.Name(), func(ctx context.Context, c *Call) (out R, err error) {
		rec, err := find(ctx, c)
		if rec, err = r.see(ctx, c, rec, err); err != nil {
			return out, err
		}
		return fn(ctx, c, rec)
	})
}

// Beside is [Of] for what can be asked for by the record's id, together with the record: ask returns what waits for it. Its
// answer is dropped when the scope may not see the record, and it is asked again for one that has another id, since it was merged.
func Beside[T any, P Aggregate[T], W, R any](ctx context.Context, r *Records[T, P], s *Scope, what string, id ident.ID,
	ask func(ctx context.Context, c *Call, id ident.ID) W, fn func(ctx context.Context, c *Call, rec *T, wait W) (R, error),
) (R, error) {
	return View(ctx, r.engine, *s, r.op(what), r.kind.Name(), func(ctx context.Context, c *Call) (out R, err error) {
		find := r.later(ctx, c, id)
		wait := ask(ctx, c, id)
		rec, err := find(ctx)
		if err != nil {
			return out, err
		}
		if own := P(rec).Base().ID; own != id {
			wait = ask(ctx, c, own)
		}
		return fn(ctx, c, rec, wait)
	})
}

// later asks for a record by its id, and returns what waits for it.
func (r *Records[T, P]) later(ctx context.Context, c *Call, id ident.ID) func(ctx context.Context) (*T, error) {
	if id.IsZero() {
		return func(context.Context) (*T, error) { return nil, r.missing() }
	}
	find := func(ctx context.Context) (*T, error) { return r.store.Get(ctx, c, id, Look) }
	if s, ok := r.store.(Ahead[T]); ok {
		find = s.GetLater(ctx, c, id)
	}
	return func(ctx context.Context) (*T, error) {
		rec, err := find(ctx)
		return r.see(ctx, c, rec, err)
	}
}

// ByID finds the record of [Of] by its id.
func (r *Records[T, P]) ByID(id ident.ID) func(ctx context.Context, c *Call) (*T, error) {
	return func(ctx context.Context, c *Call) (*T, error) { return r.load(ctx, c, id, Look) }
}

// GetMany returns the records of several ids in the order of the ids. Those that are missing, or that the scope may not
// see, are left out; an id that is there twice counts once.
//
// Errors: Invalid for the scope or for more than [page.MaxLimit] ids; Denied.
func (r *Records[T, P]) GetMany(ctx context.Context, s *Scope, ids []ident.ID) ([]T, error) {
	return View(ctx, r.engine, *s, r.op("get"), r.kind.Name(), func(ctx context.Context, c *Call) ([]T, error) {
		if len(ids) > page.MaxLimit {
			return nil, fault.Field("ids", "want at most %d, have %d", page.MaxLimit, len(ids))
		}
		return r.Show(ctx, c, ids)
	})
}

// Show is GetMany inside a read of this kind that is under way, for reads that find ids by other means.
func (r *Records[T, P]) Show(ctx context.Context, c *Call, ids []ident.ID) ([]T, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := r.store.GetMany(ctx, c, ids)
	if err == nil {
		found, err = r.besideSubjects(ctx, c, found)
	}
	if err != nil {
		return nil, err
	}
	place := func(rec *T) int { // one that was found by the id of another, merged into it, comes last
		if i := slices.Index(ids, P(rec).Base().ID); i >= 0 {
			return i
		}
		return len(ids)
	}
	return r.mask(c, found, func(a, b *T) int {
		if x := place(a) - place(b); x != 0 {
			return x
		}
		return P(a).Base().ID.Compare(P(b).Base().ID)
	}), nil
}

// mask leaves out whom the call may not see, orders the rest, drops doubles and masks.
func (r *Records[T, P]) mask(c *Call, found []T, order func(a, b *T) int) []T {
	found = slices.DeleteFunc(found, func(rec T) bool {
		_, err := r.pass(c, &rec, nil)
		return err != nil
	})
	slices.SortFunc(found, func(a, b T) int { return order(&a, &b) })
	found = slices.CompactFunc(found, func(a, b T) bool { return P(&a).Base().ID == P(&b).Base().ID })
	for i := range found {
		c.Mask(&found[i])
	}
	return found
}

// Reach asks for a record with which the scope may do a, and returns what waits for it, so that several questions are sent
// together. The record is not masked: it is for the domain's own decisions, and must not leave them.
//
// Errors: Invalid for the scope; NotFound, also for a record with which the scope may not do a; Denied.
func (r *Records[T, P]) Reach(ctx context.Context, s *Scope, id ident.ID, a Action) (wait func(ctx context.Context) (*T, error)) {
	if err := s.Validate(); err != nil {
		return func(context.Context) (*T, error) { return nil, err }
	}
	c, err := r.engine.call(ctx, *s, r.kind.Name(), a)
	if err != nil {
		return func(context.Context) (*T, error) { return nil, err }
	}
	return r.later(ctx, c, id)
}

// sight is the call with which another kind's call reads this one.
func (r *Records[T, P]) sight(ctx context.Context, c *Call) (*Call, error) {
	own, err := r.engine.call(ctx, c.Scope, r.kind.Name(), Read)
	if err != nil {
		return nil, err
	}
	own.Now, own.keys = c.Now, c.keys
	return own, nil
}

// SeenLater is [Records.Reach] within a call of another kind, with the scope's right to read. A write asks for each record
// once, so what its fields refer to costs its verb nothing more.
func (r *Records[T, P]) SeenLater(ctx context.Context, c *Call, id ident.ID) (wait func(ctx context.Context) (*T, error)) {
	ref := ident.Ref{Entity: r.kind.Name(), ID: id}
	if known, ok := c.asked[ref].(func(ctx context.Context) (*T, error)); ok {
		return known
	}
	own, err := r.sight(ctx, c)
	if err != nil {
		return func(context.Context) (*T, error) { return nil, err }
	}
	wait = once(r.later(ctx, own, id))
	if c.asked != nil {
		c.asked[ref] = wait
	}
	return wait
}

// once calls fn at the first call.
func once[R any](fn func(ctx context.Context) (R, error)) func(ctx context.Context) (R, error) {
	var out R
	var err error
	done := false
	return func(ctx context.Context) (R, error) {
		if !done {
			done = true
			out, err = fn(ctx)
		}
		return out, err
	}
}

// Refer implements [Referee].
func (r *Records[T, P]) Refer(ctx context.Context, c *Call, id ident.ID) func(ctx context.Context) error {
	wait := r.SeenLater(ctx, c, id)
	return func(ctx context.Context) error {
		_, err := wait(ctx)
		return err
	}
}
