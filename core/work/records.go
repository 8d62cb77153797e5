package work

import (
	"context"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// Aggregate is the pointer to a record type, which embeds [schema.Meta].
type Aggregate[T any] interface {
	*T
	schema.Aggregate
}

// Fetch says how a store reads one record.
type Fetch uint8

// The ways to read one record.
const (
	Look    Fetch = iota // as it is
	Lock                 // held against other writers until the transaction ends
	Undrawn              // a deleted one, held as by Lock
)

// Store keeps the records of one kind. Every method works on the call's unit and in its tenant. Stores know neither rights
// nor masks, except for the predicates they are given: [Records] applies both.
type Store[T any] interface {
	// Get must return one record. A missing one must be NotFound; so must a deleted one, unless how asks for it.
	Get(ctx context.Context, c *Call, id ident.ID, how Fetch) (*T, error)
	// GetMany must return those of the ids that Get would, in no order.
	GetMany(ctx context.Context, c *Call, ids []ident.ID) ([]T, error)
	// Save must write the record; before is nil for a new one, whose taken id must be a Conflict with reason "taken". For
	// another one the caller holds the row of before. Writes may be queued on the unit.
	Save(ctx context.Context, c *Call, before, after *T) error
	// Delete must hide the record from every read but that of a deleted one.
	Delete(ctx context.Context, c *Call, before, after *T) error
	// Restore must undo a Delete: every read finds the record as after has it.
	Restore(ctx context.Context, c *Call, before, after *T) error
	// Insert must do what Save does for many new records, as fast as the database allows.
	Insert(ctx context.Context, c *Call, recs []*T) error
	// List must return one page, not yet masked.
	List(ctx context.Context, c *Call, l Listing) (Rows[T], error)
	// Count must count the records of a listing, and may stop at limit.
	Count(ctx context.Context, c *Call, l Listing, limit int) (int, error)
}

// Ahead is a [Store] whose read of one record can be sent together with others.
type Ahead[T any] interface {
	// GetLater must return what waits for the answer of Get with [Look].
	GetLater(ctx context.Context, c *Call, id ident.ID) func(ctx context.Context) (*T, error)
}

// ListAhead is a [Store] whose pages can be sent for together with other reads.
type ListAhead[T any] interface {
	// ListLater must return what waits for the answer of List.
	ListLater(ctx context.Context, c *Call, l Listing) func(ctx context.Context) (Rows[T], error)
}

// Records are the records of one kind: the only way to them, in and out. Each method takes the scope of its caller.
// A façade holds one and adds the verbs of its domain. It is immutable and safe for concurrent use.
type Records[T any, P Aggregate[T]] struct {
	engine *Engine
	kind   *Kind
	store  Store[T]
}

// NewRecords returns the records of a kind in a store. It panics for a ledger that is not permanent, and for a family whose
// records do not name their kind: that is a programmer's error.
func NewRecords[T any, P Aggregate[T]](e *Engine, k *Kind, store Store[T]) *Records[T, P] {
	if k.Ledger && !k.Permanent {
		panic("work: " + k.Name() + " is a ledger, so it must be permanent")
	}
	if _, named := k.Entity.Field("kind"); k.Family && !named {
		panic("work: " + k.Name() + " is a family, so its records must have a field kind")
	}
	return &Records[T, P]{e, k, store}
}

// Member returns the records of a kind that a tenant has defined within this family. Whether the tenant has, each operation
// finds out: an unknown kind is an Invalid fault for field "entity".
func (r *Records[T, P]) Member(name string) *Records[T, P] {
	return &Records[T, P]{r.engine, r.kind.Member(name), r.store}
}

// Kind returns what was declared.
func (r *Records[T, P]) Kind() *Kind { return r.kind }

// Engine returns what both paths run on.
func (r *Records[T, P]) Engine() *Engine { return r.engine }

func (r *Records[T, P]) op(verb string) string { return r.kind.Name() + ": " + verb }

// missing is the one answer for records that are not there and records that are not the caller's.
func (r *Records[T, P]) missing() error {
	return fault.New(fault.NotFound, "no such %s, or none that you may see", r.kind.Name())
}

// pass is the one place where a record passes the row predicate of a call.
func (r *Records[T, P]) pass(c *Call, rec *T, err error) (*T, error) {
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		return nil, r.missing()
	case err != nil:
		return nil, err
	case !c.Access.Rows.IsTrue() && c.Access.Rows.Eval(c.Entity.Record(rec)) != rule.Yes:
		return nil, r.missing()
	}
	return rec, nil
}

func (r *Records[T, P]) load(ctx context.Context, c *Call, id ident.ID, how Fetch) (*T, error) {
	if id.IsZero() {
		return nil, r.missing()
	}
	rec, err := r.store.Get(ctx, c, id, how)
	return r.see(ctx, c, rec, err)
}
