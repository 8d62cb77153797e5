package work

import (
	"cmp"
	"context"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
)

// Create writes a new record. v.ID may be the host's own id; v.Event defaults to [Kind.Created] and v.Action to [Create].
//
// Errors: Invalid; Denied; NotFound naming the field of a record that v.Set refers to and that the scope may not see;
// Conflict when the id is taken, or with reason "once"; whatever v.Apply returns.
func (r *Records[T, P]) Create(ctx context.Context, s *Scope, v Verb[T]) (T, error) {
	return write[T, P](ctx, r.engine, *s, r.creation(v, "create"))
}

// CreateIn is Create within a write that is under way, of a record that its verb makes beside its own: both come to be, or
// neither does. It takes no savepoint, and its writes leave together with those of c, which fails when it fails. The
// idempotency key stays with c.
func (r *Records[T, P]) CreateIn(ctx context.Context, c *Call, v Verb[T]) (T, error) {
	s, ch := c.Scope, r.creation(v, "create")
	s.Once, ch.Within = "", c
	rec, err := writeIn[T, P](ctx, r.engine, s, ch)
	if err != nil {
		var none T
		c.failed = fault.At(ch.Op, err)
		return none, c.failed
	}
	return *rec, nil
}

func (r *Records[T, P]) creation(v Verb[T], name string) change[T] {
	v.Action, v.Name, v.Event = cmp.Or(v.Action, Create), cmp.Or(v.Name, name), cmp.Or(v.Event, r.kind.Created())
	return r.change(v)
}

// Change runs a verb on a record that exists. A verb that changes nothing writes nothing and returns the record.
//
// Errors: as Create; NotFound; Conflict with the current version.
func (r *Records[T, P]) Change(ctx context.Context, s *Scope, v Verb[T]) (T, error) {
	v.Action = cmp.Or(v.Action, Edit)
	ch := r.change(v)
	find := v.Find
	if find == nil {
		find = func(ctx context.Context, c *Call) (*T, error) { return r.load(ctx, c, v.ID, Lock) }
	}
	ch.Load = func(ctx context.Context, c *Call) (*T, error) {
		rec, err := find(ctx, c)
		return r.see(ctx, c, rec, err)
	}
	return write[T, P](ctx, r.engine, *s, ch)
}

// Update is the verb of a façade's Update: it assigns, and raises [Kind.Updated].
func (r *Records[T, P]) Update(ctx context.Context, s *Scope, v Verb[T]) (T, error) {
	v.Name, v.Event = cmp.Or(v.Name, "update"), cmp.Or(v.Event, r.kind.Updated())
	return r.Change(ctx, s, v)
}

// Delete hides a record from every read. Its history and events stay, and [Records.Restore] brings it back.
//
// Errors: NotFound; Denied; Conflict with the current version; Invalid for a kind that is permanent.
func (r *Records[T, P]) Delete(ctx context.Context, s *Scope, id ident.ID, version int64) error {
	if r.kind.Permanent {
		return fault.At(r.op("delete"), r.permanent())
	}
	ch := r.change(Verb[T]{Name: "delete", Event: r.kind.Deleted(), Action: Delete, ID: id, Version: version})
	ch.Load = func(ctx context.Context, c *Call) (*T, error) { return r.load(ctx, c, id, Lock) }
	ch.Apply = func(_ context.Context, c *Call, _ *T) error { c.Touch("deleted_at"); return nil }
	ch.Save = r.store.Delete
	ch.Replay = func(context.Context, *Call, ident.ID) (*T, error) { return new(T), nil } // it is gone, as the first call said
	_, err := write[T, P](ctx, r.engine, *s, ch)
	return err
}

// Restore brings a deleted record back as it was. It needs the right to delete it.
//
// Errors: NotFound for a record that is not deleted; Denied; Invalid for a kind that is permanent.
func (r *Records[T, P]) Restore(ctx context.Context, s *Scope, id ident.ID) (T, error) {
	if r.kind.Permanent {
		var none T
		return none, fault.At(r.op("restore"), r.permanent())
	}
	ch := r.change(Verb[T]{Name: "restore", Event: r.kind.Restored(), Action: Delete, ID: id})
	ch.Load = func(ctx context.Context, c *Call) (*T, error) { return r.load(ctx, c, id, Undrawn) }
	ch.Apply = func(_ context.Context, c *Call, _ *T) error { c.Touch("deleted_at"); return nil }
	ch.Save = r.store.Restore
	return write[T, P](ctx, r.engine, *s, ch)
}

func (r *Records[T, P]) permanent() error {
	return fault.New(fault.Invalid, "the kind %s is never deleted", r.kind.Name())
}

// Verb is one change of a record of type T, as a domain describes it.
type Verb[T any] struct {
	Name    string     // "qualify"; errors, the audit and idempotency keys know it as "lead: qualify"
	Event   event.Kind // the main event
	Action  Action     // the right that is needed. Defaults to Edit, and for a creation to Create
	ID      ident.ID   // the record; for a creation the host's own id, or zero for a new one
	Version int64      // the version that the caller saw, or [schema.AnyVersion]
	Args    any        // the caller's arguments, compared when an idempotency key is used twice

	// Find loads the record, locked, by another key than ID; nil loads ID. The row predicate is not its concern.
	Find func(ctx context.Context, c *Call) (*T, error)
	// Set is the caller's draft or update. It is assigned before Apply, and what it refers to must be there for the caller
	// to see. nil assigns nothing.
	Set schema.Assignment[T]
	// Sets names the fields that Apply assigns for the caller. Who may not see one of them is refused before Apply looks at
	// the record, so that neither a refusal nor its absence tells what the field holds.
	Sets []string
	// Apply changes rec in place: the laws and consequences that belong to the verb. nil changes nothing more.
	Apply func(ctx context.Context, c *Call, rec *T) error
	// Check returns a fault for a change that the record's state forbids; before is nil for a creation. nil forbids nothing.
	Check func(before, after *T) error
}

func (r *Records[T, P]) change(v Verb[T]) change[T] {
	return change[T]{
		Verb: v, Op: r.op(v.Name), Entity: r.kind.Name(), Save: r.save,
		Replay: func(ctx context.Context, c *Call, id ident.ID) (*T, error) {
			own, err := r.sight(ctx, c)
			if err != nil {
				return nil, err
			}
			return r.load(ctx, own, id, Look)
		},
	}
}

// save refuses to change what is only ever added to, however the verb has found its record.
func (r *Records[T, P]) save(ctx context.Context, c *Call, before, after *T) error {
	if before != nil && r.kind.Ledger {
		return fault.New(fault.Internal, "the kind %s is never changed", r.kind.Name())
	}
	return r.store.Save(ctx, c, before, after)
}
