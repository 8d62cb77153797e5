package work

import (
	"cmp"
	"context"

	"github.com/rapport-crm/rapport/core/fault"
)

// Upsert changes the record that find returns, or creates one when find returns NotFound, in one transaction. find loads
// the record, locked, by a key that only one record has; the row predicate is not its concern. The outcome says what
// became of the record. When another writer takes the key between look and creation, Upsert looks again.
//
// Errors: Denied without the right to read, unless both verbs need one and the same right; Conflict with reason "taken" for
// a record that is there and that the scope may not change; those of [Records.Change] and [Records.Create].
func (r *Records[T, P]) Upsert(ctx context.Context, s *Scope, find func(ctx context.Context, c *Call) (*T, error), change, create Verb[T]) (out T, did Outcome, err error) {
	change.Name, change.Event, change.Action = cmp.Or(change.Name, "upsert"), cmp.Or(change.Event, r.kind.Updated()), cmp.Or(change.Action, Edit)
	in := upsert[T, P]{r, find, r.change(change), r.creation(create, "upsert")}
	if err := s.Validate(); err != nil {
		return out, 0, fault.At(in.change.Op, err)
	}
	for try := 0; try == 0 || try == 1 && IsTaken(err); try++ {
		err = r.engine.Units.Write(ctx, s.Unit, func(ctx context.Context, u Unit) error {
			rec, what, err := in.run(ctx, s.On(u))
			if err == nil {
				out, did = *rec, what
			}
			return err
		})
	}
	if err != nil {
		var none T
		return none, 0, fault.At(in.change.Op, err)
	}
	return out, did, nil
}

// foreign is the answer for a key that belongs to a record out of the caller's sight: to make another one is no way out.
func (r *Records[T, P]) foreign() error {
	f := fault.New(fault.Conflict, "the key belongs to a %s that you may not change", r.kind.Name())
	f.Reason = ReasonTaken
	return f
}

// upsert is one Upsert under way.
type upsert[T any, P Aggregate[T]] struct {
	r              *Records[T, P]
	find           func(ctx context.Context, c *Call) (*T, error)
	change, create change[T]
}

// look is the right to find the record. Who needs the same one whether it is there or not learns nothing by that.
func (x *upsert[T, P]) look() Action {
	if x.change.Action == x.create.Action {
		return x.change.Action
	}
	return Read
}

func (x *upsert[T, P]) run(ctx context.Context, s *Scope) (*T, Outcome, error) {
	c, err := x.r.engine.call(ctx, *s, x.r.kind.Name(), x.look())
	if err != nil {
		return nil, 0, err
	}
	found, err := x.find(ctx, c)
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		rec, err := writeIn[T, P](ctx, x.r.engine, *s, x.create)
		return rec, Created, err
	case err != nil:
		return nil, 0, err
	}
	ch := x.change
	ch.Load = func(ctx context.Context, c *Call) (*T, error) {
		rec, err := x.r.see(ctx, c, found, nil)
		if fault.CodeOf(err) == fault.NotFound {
			err = x.r.foreign()
		}
		return rec, err
	}
	was := P(found).Base().Version
	rec, err := writeIn[T, P](ctx, x.r.engine, *s, ch)
	if err == nil && P(rec).Base().Version == was {
		return rec, Unchanged, nil
	}
	return rec, Updated, err
}
