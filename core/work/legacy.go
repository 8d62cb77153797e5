package work

// This file goes when every domain has its Records.

import (
	"context"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// Change is the former Verb.
type Change[T any] struct {
	Op      string
	Entity  string
	Action  Action
	Kind    event.Kind
	ID      ident.ID
	Version int64
	Args    any
	Load    func(ctx context.Context, c *Call) (*T, error)
	Apply   func(ctx context.Context, c *Call, rec *T) error
	Save    func(ctx context.Context, c *Call, before, after *T) error
	Replay  func(ctx context.Context, c *Call, id ident.ID) (*T, error)
}

// Write is the former write.
func Write[T any, P Aggregate[T]](ctx context.Context, e *Engine, s Scope, ch Change[T]) (T, error) {
	return write[T, P](ctx, e, s, change[T]{
		Verb: Verb[T]{Event: ch.Kind, Action: ch.Action, ID: ch.ID, Version: ch.Version, Args: ch.Args, Apply: ch.Apply},
		Op:   ch.Op, Entity: ch.Entity, Load: ch.Load, Save: ch.Save, Replay: ch.Replay,
	})
}

// List is the former list.
func List[T any](ctx context.Context, e *Engine, s Scope, op, entity string, filter rule.Predicate, q page.Query,
	load func(ctx context.Context, c *Call, l Listing) ([]Row[T], error),
) (page.Page[T], error) {
	return View(ctx, e, s, op, entity, func(ctx context.Context, c *Call) (page.Page[T], error) {
		return list(ctx, c, Listing{}, filter, q, load)
	})
}

// Unseal is the former Reveal.
func Unseal[T any, P Aggregate[T]](ctx context.Context, e *Engine, s Scope, op, entity string, load func(ctx context.Context, c *Call) (*T, error)) (T, error) {
	r := &Records[T, P]{engine: e, kind: &Kind{Entity: &schema.Entity{Name: entity}}}
	return r.Reveal(ctx, &s, load)
}

// Batch describes the creation of many records of type T in one transaction. Each record passes the same checks and
// leaves the same traces as by [Write]; one that fails its checks is left out, and the others are written.
type Batch[T any] struct {
	Op     string     // "customer: load", for errors and audit
	Entity string     // name in the schema registry
	Kind   event.Kind // the main event of each record
	IDs    []ident.ID // one for each record: the host's own, or zero for a new one

	// Apply fills record i: input checks, domain rules. It is called on several goroutines at once.
	Apply func(ctx context.Context, c *Call, i int, rec *T) error
	// Check returns a fault for each record, in order, that cannot be stored beside those before it or those in the
	// database, and nil for the others.
	Check func(ctx context.Context, c *Call, recs []*T) ([]error, error)
	// Save must write the rows of all.
	Save func(ctx context.Context, c *Call, recs []*T) error
}

// WriteBatch runs one batch. It returns a fault for each record that was left out, nil for those written. An error
// means that nothing was written. Idempotency keys play no part.
//
// Errors: Invalid for the scope, Denied, and whatever Check and Save return.
func WriteBatch[T any, P interface {
	*T
	schema.Aggregate
}](ctx context.Context, e *Engine, s Scope, b Batch[T]) (faults []error, err error) {
	if err := s.Validate(); err != nil {
		return nil, fault.At(b.Op, err)
	}
	err = e.Units.Write(ctx, s.Unit, func(ctx context.Context, u Unit) error {
		in := s
		in.Unit = u
		c, err := e.call(ctx, in, b.Entity, Create)
		if err != nil {
			return err
		}
		faults, err = writeBatch[T, P](ctx, c, &b)
		return err
	})
	if err != nil {
		return nil, fault.At(b.Op, err)
	}
	for i := range faults {
		faults[i] = fault.At(b.Op, faults[i])
	}
	return faults, nil
}

func writeBatch[T any, P interface {
	*T
	schema.Aggregate
}](ctx context.Context, c *Call, b *Batch[T]) ([]error, error) {
	n := len(b.IDs)
	recs, traced, faults := make([]*T, n), make([]Record, n), make([]error, n)
	spread(n, func(i int) { recs[i], traced[i], faults[i] = create[T, P](ctx, c, b, i) })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	place := compact(faults, &recs, &traced)
	if b.Check != nil && len(recs) > 0 {
		found, err := b.Check(ctx, c, recs)
		if err != nil {
			return nil, err
		}
		for i, f := range found {
			faults[place[i]] = f
		}
		compact(found, &recs, &traced)
	}
	if len(recs) == 0 {
		return faults, nil
	}
	if err := b.Save(ctx, c, recs); err != nil {
		return nil, err
	}
	return faults, c.Engine.recordAll(ctx, c.Unit, traced)
}

// create makes one record on a call of its own.
func create[T any, P interface {
	*T
	schema.Aggregate
}](ctx context.Context, c *Call, b *Batch[T], i int) (*T, Record, error) {
	own := &Call{Scope: c.Scope, Engine: c.Engine, Entity: c.Entity, Action: Create, Access: c.Access, Now: c.Now}
	ch := change[T]{Op: b.Op, Entity: b.Entity, Verb: Verb[T]{Action: Create, Event: b.Kind, ID: b.IDs[i]}}
	_, rec, err := load[T, P](ctx, own, &ch)
	if err != nil {
		return nil, Record{}, err
	}
	if err := b.Apply(ctx, own, i, rec); err != nil {
		return nil, Record{}, err
	}
	changed, err := inspect(own, &ch, nil, rec)
	if err != nil {
		return nil, Record{}, err
	}
	m := P(rec).Base()
	stamp(own, m, true)
	return rec, recordOf(own, &ch, m, nil, changed), nil
}

// compact drops the records that have a fault, and returns where the others stood.
func compact[T any](faults []error, recs *[]*T, traced *[]Record) []int {
	place := make([]int, 0, len(*recs))
	for i, f := range faults {
		if f == nil {
			(*recs)[len(place)], (*traced)[len(place)] = (*recs)[i], (*traced)[i]
			place = append(place, i)
		}
	}
	*recs, *traced = (*recs)[:len(place)], (*traced)[:len(place)]
	return place
}
