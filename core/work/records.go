package work

import (
	"context"
	"iter"
	"slices"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
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
	// Delete must hide the record from every read but that of a deleted one; Restore must undo that.
	Delete(ctx context.Context, c *Call, before, after *T) error
	Restore(ctx context.Context, c *Call, before, after *T) error
	// Insert must do what Save does for many new records, as fast as the database allows.
	Insert(ctx context.Context, c *Call, recs []*T) error
	// List must return one page, not yet masked, with the sort keys.
	List(ctx context.Context, c *Call, l Listing) ([]Row[T], error)
	// Count must count the records of a listing, and may stop at limit.
	Count(ctx context.Context, c *Call, l Listing, limit int) (int, error)
}

// Ahead is a [Store] whose read of one record can be sent together with others.
type Ahead[T any] interface {
	// GetLater must return what waits for the answer of Get with [Look].
	GetLater(ctx context.Context, c *Call, id ident.ID) func(ctx context.Context) (*T, error)
}

// Records are the records of one kind: the only way to them, in and out. Each method takes the scope of its caller.
// A façade holds one and adds the verbs of its domain. It is immutable and safe for concurrent use.
type Records[T any, P Aggregate[T]] struct {
	engine *Engine
	kind   *Kind
	store  Store[T]
}

// NewRecords returns the records of a kind in a store. It panics for a ledger that is not permanent: that is a programmer's
// error.
func NewRecords[T any, P Aggregate[T]](e *Engine, k *Kind, store Store[T]) *Records[T, P] {
	if k.Ledger && !k.Permanent {
		panic("work: " + k.Name() + " is a ledger, so it must be permanent")
	}
	return &Records[T, P]{e, k, store}
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

// Seen loads a record of this kind within a call of another kind, with the scope's right to read. It is not masked: it is
// for the domain's own decisions, and must not leave them.
//
// Errors: NotFound, also for a record that the scope may not see; Denied.
func (r *Records[T, P]) Seen(ctx context.Context, c *Call, id ident.ID) (*T, error) {
	return r.Reach(ctx, &c.Scope, id, Read)(ctx)
}

// Reach asks for a record with which the scope may do a, and returns what waits for it, so that several questions are sent
// together. Like that of [Records.Seen] the record is not masked, and must not leave the domain.
//
// Errors: Invalid for the scope; NotFound, also for a record with which the scope may not do a; Denied.
func (r *Records[T, P]) Reach(ctx context.Context, s *Scope, id ident.ID, a Action) (wait func(ctx context.Context) (*T, error)) {
	failed := func(err error) func(context.Context) (*T, error) {
		return func(context.Context) (*T, error) { return nil, err }
	}
	if err := s.Validate(); err != nil {
		return failed(err)
	}
	c, err := r.engine.call(ctx, *s, r.kind.Name(), a)
	switch {
	case err != nil:
		return failed(err)
	case id.IsZero():
		return failed(r.missing())
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

// sight is the call with which another kind's call reads this one.
func (r *Records[T, P]) sight(ctx context.Context, c *Call) (*Call, error) {
	own, err := r.engine.call(ctx, c.Scope, r.kind.Name(), Read)
	if err != nil {
		return nil, err
	}
	own.Now, own.keys = c.Now, c.keys
	return own, nil
}

// Refer implements [Referee].
func (r *Records[T, P]) Refer(ctx context.Context, c *Call, id ident.ID) func(ctx context.Context) error {
	wait := r.Reach(ctx, &c.Scope, id, Read)
	return func(ctx context.Context) error {
		_, err := wait(ctx)
		return err
	}
}

// Page returns one page of the records that a domain's own filter and the query choose.
//
// Errors: Invalid for a malformed query or cursor; Denied, also for a filter or sort by a field that is hidden.
func (r *Records[T, P]) Page(ctx context.Context, s *Scope, filter rule.Predicate, q page.Query) (page.Page[T], error) {
	return r.PageOf(ctx, s, ident.ID{}, filter, q)
}

// PageOf is Page for the records of one customer, with those of customers merged into it; the zero id is everybody.
//
// Errors: as Page; NotFound for a customer that the scope may not see; Invalid without one for a kind that is read with its
// subject.
func (r *Records[T, P]) PageOf(ctx context.Context, s *Scope, subject ident.ID, filter rule.Predicate, q page.Query) (page.Page[T], error) {
	return View(ctx, r.engine, *s, r.op("list"), r.kind.Name(), func(ctx context.Context, c *Call) (page.Page[T], error) {
		l := Listing{}
		switch {
		case subject.IsZero() && r.kind.WithSubject:
			return page.Page[T]{}, r.unnamed()
		case !subject.IsZero() && len(c.Entity.SubjectFields()) == 0:
			return page.Page[T]{}, fault.Field("customer", "must be left out: a %s belongs to no customer", r.kind.Name())
		case !subject.IsZero():
			var err error
			if l.Subjects, err = r.engine.Subjects.Resolve(ctx, c.Scope, subject, Read); err != nil {
				return page.Page[T]{}, err
			}
		}
		return list(ctx, c, l, filter, q, r.store.List)
	})
}

// PageIn is PageOf for a domain that has resolved the customer.
func (r *Records[T, P]) PageIn(ctx context.Context, s *Scope, subjects []ident.ID, filter rule.Predicate, q page.Query) (page.Page[T], error) {
	return View(ctx, r.engine, *s, r.op("list"), r.kind.Name(), func(ctx context.Context, c *Call) (page.Page[T], error) {
		return list(ctx, c, Listing{Subjects: subjects}, filter, q, r.store.List)
	})
}

// All ranges over every record of a list, page by page. It stops at the first error.
func All[T any](q page.Query, get func(q page.Query) (page.Page[T], error)) iter.Seq2[T, error] {
	return page.All(func(cursor string) (page.Page[T], error) {
		next := q
		if cursor != "" {
			next.Cursor = cursor
		}
		return get(next)
	})
}

// MaxCount is where [Records.Count] stops.
const MaxCount = 10_000

// Count returns how many records a list holds; more than [MaxCount] are MaxCount + 1, so that a count costs the same
// however many there are. Sort, limit and cursor of the query play no part.
//
// Errors: as Page.
func (r *Records[T, P]) Count(ctx context.Context, s *Scope, filter rule.Predicate, q page.Query) (int, error) {
	return View(ctx, r.engine, *s, r.op("count"), r.kind.Name(), func(ctx context.Context, c *Call) (int, error) {
		if r.kind.WithSubject {
			return 0, r.unnamed()
		}
		if err := c.CheckFilter(filter); err != nil {
			return 0, err
		}
		expr, err := c.Where(ctx, q.Where)
		if err != nil {
			return 0, err
		}
		l := Listing{Where: rule.All(c.Access.Rows, filter, expr)}
		if l.Search, err = c.search(q.Search); err != nil {
			return 0, err
		}
		return r.store.Count(ctx, c, l, MaxCount+1)
	})
}

// Create writes a new record. v.ID may be the host's own id; v.Event defaults to [Kind.Created] and v.Action to [Create].
//
// Errors: Invalid; Denied; NotFound naming the field of a record that v.Set refers to and that the scope may not see;
// Conflict when the id is taken, or with reason "once"; whatever v.Apply returns.
func (r *Records[T, P]) Create(ctx context.Context, s *Scope, v Verb[T]) (T, error) {
	return write[T, P](ctx, r.engine, *s, r.creation(v, "create"))
}

func (r *Records[T, P]) creation(v Verb[T], name string) change[T] {
	v.Action, v.Name, v.Event = or(v.Action, Create), or(v.Name, name), or(v.Event, r.kind.Created())
	return r.change(v)
}

// Change runs a verb on a record that exists. A verb that changes nothing writes nothing and returns the record.
//
// Errors: as Create; NotFound; Conflict with the current version.
func (r *Records[T, P]) Change(ctx context.Context, s *Scope, v Verb[T]) (T, error) {
	v.Action = or(v.Action, Edit)
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
	v.Name, v.Event = or(v.Name, "update"), or(v.Event, r.kind.Updated())
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
	return fault.New(fault.Invalid, "a %s is never deleted", r.kind.Name())
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
		return fault.New(fault.Internal, "a %s is never changed", r.kind.Name())
	}
	return r.store.Save(ctx, c, before, after)
}

func or[V comparable](v, otherwise V) V {
	var zero V
	if v == zero {
		return otherwise
	}
	return v
}

// Lines is a [History] that can be read.
type Lines[L any] interface {
	History
	// Of must return the lines of a record in their order. subject is under whose key sealed texts lie.
	Of(ctx context.Context, c *Call, m *schema.Meta, subject ident.ID) ([]L, error)
}

// HistoryOf returns a history of a record that the scope may see. hide takes out of each line what the call hides; nil for
// lines that hold nothing personal and no field of the record.
//
// Errors: NotFound; Denied.
func HistoryOf[T any, P Aggregate[T], L any](ctx context.Context, r *Records[T, P], s *Scope, id ident.ID, lines Lines[L], hide func(c *Call, line *L)) ([]L, error) {
	return Of(ctx, r, s, "history", r.ByID(id), func(ctx context.Context, c *Call, rec *T) ([]L, error) {
		own := *c
		own.saved(P(rec))
		list, err := lines.Of(ctx, c, own.meta, own.subject)
		for i := 0; hide != nil && i < len(list); i++ {
			hide(c, &list[i])
		}
		return list, err
	})
}
