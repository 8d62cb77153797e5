package work

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
)

// BulkRecorder is a [Recorder] that keeps the records of many writes faster than one by one.
type BulkRecorder interface {
	// RecordAll must do what Record does for each of the records.
	RecordAll(ctx context.Context, u Unit, list []Record) error
}

// Check looks at new records that are about to be inserted together. It returns a fault for each record, in order, that
// cannot be stored beside those before it or those in the database, and nil for the others.
type Check[T any] func(ctx context.Context, c *Call, recs []*T) ([]error, error)

// CreateAll creates many records in one transaction, as fast as the database can take them. Each passes the same checks
// and leaves the same traces as by [Records.Create]. One that fails its checks is left out, and the others are written;
// the result has its fault at its place, and nil for those that were written. When another writer takes a key between
// check and insert, the records are written one by one, so that only those concerned fail.
//
// Apply of the verbs runs on several goroutines at once and must not ask the store. check may be nil.
//
// Errors: Invalid for the scope; Denied; those of the database, and then nothing was written. Idempotency keys play no
// part.
func (r *Records[T, P]) CreateAll(ctx context.Context, s *Scope, verbs []Verb[T], check Check[T]) ([]error, error) {
	op := r.op("load")
	if err := s.Validate(); err != nil {
		return nil, fault.At(op, err)
	}
	faults, err := r.createAll(ctx, s, op, verbs, check)
	if IsTaken(err) {
		faults, err = r.createEach(ctx, s, verbs)
	}
	if err != nil {
		return nil, fault.At(op, err)
	}
	for i := range faults {
		faults[i] = fault.At(op, faults[i])
	}
	return faults, nil
}

func (r *Records[T, P]) createAll(ctx context.Context, s *Scope, op string, verbs []Verb[T], check Check[T]) (faults []error, err error) {
	err = r.engine.Units.Write(ctx, s.Unit, func(ctx context.Context, u Unit) error {
		in := *s
		in.Unit = u
		c, err := r.engine.call(ctx, in, r.kind.Name(), Create)
		if err != nil {
			return err
		}
		c.keys = map[ident.ID][]byte{}
		b := &batch[T, P]{r: r, c: c, op: op}
		faults, err = b.run(ctx, verbs, check)
		return err
	})
	return faults, err
}

func (r *Records[T, P]) createEach(ctx context.Context, s *Scope, verbs []Verb[T]) ([]error, error) {
	faults := make([]error, len(verbs))
	err := r.engine.Units.Write(ctx, s.Unit, func(ctx context.Context, u Unit) error {
		for i, v := range verbs {
			v.Name = "load"
			if _, faults[i] = r.Create(ctx, s.On(u), v); faults[i] != nil && !OfRow(faults[i]) {
				return faults[i]
			}
		}
		return nil
	})
	return faults, err
}

// ReasonTaken is the reason of the Conflict fault of a key that another record has.
const ReasonTaken = "taken"

// IsTaken reports whether an error is the Conflict of a key that another record has.
func IsTaken(err error) bool {
	return errors.Is(err, &fault.Error{Code: fault.Conflict, Reason: ReasonTaken})
}

// OfRow reports whether a fault is about the record that was to be written, and not about the database or the caller: a
// load goes on after it.
func OfRow(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Invalid, fault.NotFound, fault.Conflict, fault.Denied, fault.NoConsent, fault.Gate, fault.LimitExceeded:
		return true
	default:
		return false
	}
}

// batch is one CreateAll under way.
type batch[T any, P Aggregate[T]] struct {
	r  *Records[T, P]
	c  *Call
	op string
}

// draft is one record of a batch on a call of its own.
type draft[T any] struct {
	place int // in the caller's list
	rec   *T
	call  *Call
	refs  referrals
	trace Record
}

func (b *batch[T, P]) run(ctx context.Context, verbs []Verb[T], check Check[T]) ([]error, error) {
	all, faults := make([]*draft[T], len(verbs)), make([]error, len(verbs))
	if _, err := b.c.Zone(ctx); err != nil {
		return nil, err
	}
	spread(len(verbs), func(i int) { all[i], faults[i] = b.create(ctx, verbs[i], i) })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	drafts := keep(all, faults)
	for _, check := range []Check[T]{b.referred(drafts), check} {
		if check == nil || len(drafts) == 0 {
			continue
		}
		found, err := check(ctx, b.c, recordsOf(drafts))
		if err != nil {
			return nil, err
		}
		for i, d := range drafts {
			faults[d.place] = found[i]
		}
		drafts = keep(drafts, faults)
	}
	if len(drafts) == 0 {
		return faults, nil
	}
	return faults, b.save(ctx, drafts)
}

// create makes one record.
func (b *batch[T, P]) create(ctx context.Context, v Verb[T], place int) (*draft[T], error) {
	c := &Call{Scope: b.c.Scope, Engine: b.c.Engine, Entity: b.c.Entity, Action: Create, Access: b.c.Access, Now: b.c.Now, zone: b.c.zone}
	v.Action, v.Event = Create, cmp.Or(v.Event, b.r.kind.Created())
	ch := change[T]{Verb: v, Op: b.op, Entity: b.r.kind.Name()}
	_, rec, err := load[T, P](ctx, c, &ch)
	if err != nil {
		return nil, err
	}
	if err := ch.assign(c, nil, rec); err != nil {
		return nil, err
	}
	if err := ch.run(ctx, c, nil, rec); err != nil {
		return nil, err
	}
	changed, err := inspect(c, &ch, nil, rec)
	if err != nil {
		return nil, err
	}
	m := P(rec).Base()
	stamp(c, m, changed)
	return &draft[T]{
		place: place, rec: rec, call: c, refs: references(c, ch.assigned(), nil, rec),
		trace: recordOf(c, &ch, m, c.Entity.Subjects(rec), changed),
	}, nil
}

// referred asks once for each record that the batch refers to.
func (b *batch[T, P]) referred(drafts []*draft[T]) Check[T] {
	return func(ctx context.Context, _ *Call, _ []*T) ([]error, error) {
		there, err := b.there(ctx, drafts)
		if err != nil {
			return nil, err
		}
		waits := map[ident.Ref]func(ctx context.Context) error{}
		for _, d := range drafts {
			for _, x := range d.refs {
				if t := (ident.Ref{Entity: x.Kind, ID: x.ID}); !there[t] && waits[t] == nil {
					waits[t] = b.c.refer(ctx, x.Kind, x.ID)
				}
			}
		}
		out, answers := make([]error, len(drafts)), map[ident.Ref]error{}
		for i, d := range drafts {
			for _, x := range d.refs {
				t := ident.Ref{Entity: x.Kind, ID: x.ID}
				if there[t] {
					continue
				}
				err, known := answers[t]
				if !known {
					err = waits[t](ctx)
					answers[t] = err
				}
				if err != nil && !OfRow(err) {
					return nil, err
				}
				out[i] = cmp.Or(out[i], InField(x.Path, err))
			}
		}
		return out, nil
	}
}

// save writes the records, then what belongs to them, then their traces.
func (b *batch[T, P]) save(ctx context.Context, drafts []*draft[T]) error {
	if err := b.r.store.Insert(ctx, b.c, recordsOf(drafts)); err != nil {
		return err
	}
	calls, traced := make([]*Call, len(drafts)), make([]Record, len(drafts))
	for i, d := range drafts {
		d.call.saved(P(d.rec))
		calls[i], traced[i] = d.call, d.trace
	}
	if err := b.c.finish(ctx, calls...); err != nil {
		return err
	}
	return b.c.Engine.recordAll(ctx, b.c.Unit, traced)
}

func recordsOf[T any](drafts []*draft[T]) []*T {
	out := make([]*T, len(drafts))
	for i, d := range drafts {
		out[i] = d.rec
	}
	return out
}

// keep returns the drafts without a fault.
func keep[T any](drafts []*draft[T], faults []error) []*draft[T] {
	out := drafts[:0]
	for _, d := range drafts {
		if d != nil && faults[d.place] == nil {
			out = append(out, d)
		}
	}
	return out
}

// recordAll keeps the records of a batch.
func (e *Engine) recordAll(ctx context.Context, u Unit, list []Record) error {
	if r, ok := e.Recorder.(BulkRecorder); ok {
		return r.RecordAll(ctx, u, list)
	}
	for i := range list {
		if err := e.Recorder.Record(ctx, u, list[i]); err != nil {
			return err
		}
	}
	return nil
}

// spread calls fn for 0 to n-1 on as many goroutines as there are processors, and waits for them.
func spread(n int, fn func(i int)) {
	const chunk = 64
	workers := min(runtime.GOMAXPROCS(0), (n+chunk-1)/chunk)
	if workers < 2 {
		for i := range n {
			fn(i)
		}
		return
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := 0
	for range workers {
		wg.Go(func() {
			for {
				mu.Lock()
				from := next
				next += chunk
				mu.Unlock()
				if from >= n {
					return
				}
				for i := from; i < min(from+chunk, n); i++ {
					fn(i)
				}
			}
		})
	}
	wg.Wait()
}
