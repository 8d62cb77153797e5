package customer

import (
	"context"
	"errors"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Sizes of the batches of a load.
const (
	DefaultBatch = 5_000
	MaxBatch     = 50_000
)

// LoadOptions are the options of [Customers.Load]. A nil *LoadOptions means all defaults.
type LoadOptions struct {
	// Batch is how many customers one transaction holds. Defaults to [DefaultBatch]; at most [MaxBatch].
	Batch int
	// Progress is called after each batch, on the goroutine that loads. Defaults to nothing.
	Progress func(LoadReport)
}

// LoadReport is what a load did so far. Rows counts what was read; each row is either created or has a fault.
type LoadReport struct {
	Rows    int        // rows that were read
	Created int        // rows that became customers
	Faults  []RowFault // in order of rows
}

// RowFault is one row that was not created.
type RowFault struct {
	Row int   // place in the sequence, from 0
	Err error // as Create would return it, or the sequence's own error for the row
}

// Load creates many customers, as fast as the database can take them, with the same checks, rows, audit and events
// as by [Customers.Create] one after another. Rows that fail are reported, the others are created; an error that rows
// yields for a row is reported as that row's fault.
//
// Each batch is one transaction (on a session inside a transaction, one savepoint), so batches before an error stay.
// Load does not use an idempotency key: give rows external ids, and a row that was loaded before is reported as taken.
//
// Errors: Invalid, Denied, and those of the database; the report tells what was done until then.
func (cs Customers) Load(ctx context.Context, rows iter.Seq2[Draft, error], opts *LoadOptions) (LoadReport, error) {
	const op = "customer: load"
	var o LoadOptions
	if opts != nil {
		o = *opts
	}
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	switch {
	case rows == nil:
		return LoadReport{}, fault.At(op, fault.Field("rows", "must be a sequence of drafts"))
	case o.Batch < 0 || o.Batch > MaxBatch:
		return LoadReport{}, fault.At(op, fault.Field("batch", "want 1 to %d, have %d", MaxBatch, o.Batch))
	case cs.scope.Once != "":
		return LoadReport{}, fault.At(op, fault.Field("once", "a load takes no idempotency key: give its rows external ids"))
	}
	l := loader{cs: cs, op: op, drafts: make([]draft, 0, o.Batch)}
	for d, err := range rows {
		l.add(d, err)
		if len(l.drafts) < o.Batch {
			continue
		}
		if err := l.flush(ctx, o.Progress); err != nil {
			return l.report, err
		}
	}
	return l.report, l.flush(ctx, o.Progress)
}

// loader collects one batch after the other.
type loader struct {
	cs     Customers
	op     string
	report LoadReport
	drafts []draft
	rows   []int      // row of each draft
	bad    []RowFault // rows of the batch that never became drafts
}

func (l *loader) add(d Draft, err error) {
	row := l.report.Rows + len(l.drafts) + len(l.bad)
	var in draft
	if err == nil {
		in, err = partsOf(d)
		err = fault.At(l.op, err)
	}
	if err != nil {
		l.bad = append(l.bad, RowFault{row, err})
		return
	}
	l.drafts, l.rows = append(l.drafts, in), append(l.rows, row)
}

// flush writes the batch and brings its faults into the order of rows.
func (l *loader) flush(ctx context.Context, progress func(LoadReport)) error {
	if len(l.drafts)+len(l.bad) == 0 {
		return nil
	}
	faults := make([]error, len(l.drafts))
	if len(l.drafts) > 0 {
		var err error
		if faults, err = l.cs.loadBatch(ctx, l.op, l.drafts); err != nil {
			return err
		}
	}
	l.report.Rows += len(l.drafts) + len(l.bad)
	bad := l.bad
	for i, err := range faults {
		for ; len(bad) > 0 && bad[0].Row < l.rows[i]; bad = bad[1:] {
			l.report.Faults = append(l.report.Faults, bad[0])
		}
		if err == nil {
			l.report.Created++
		} else {
			l.report.Faults = append(l.report.Faults, RowFault{l.rows[i], err})
		}
	}
	l.report.Faults = append(l.report.Faults, bad...)
	clear(l.drafts)
	l.drafts, l.rows, l.bad = l.drafts[:0], l.rows[:0], l.bad[:0]
	if progress != nil {
		progress(l.report)
	}
	return nil
}

// loadBatch creates the drafts in one transaction. When somebody else takes a key between check and insert, the batch
// is written again row by row, so that only the rows concerned fail.
func (cs Customers) loadBatch(ctx context.Context, op string, drafts []draft) ([]error, error) {
	ids, given := make([]ident.ID, len(drafts)), false
	for i := range drafts {
		ids[i] = drafts[i].ID
		given = given || !ids[i].IsZero()
	}
	faults, err := work.WriteBatch(ctx, cs.s.engine, cs.scope, work.Batch[Customer]{
		Op: op, Entity: EntityCustomer, Kind: Created, IDs: ids,
		Apply: func(_ context.Context, c *work.Call, i int, rec *Customer) error {
			return cs.s.fill(c, rec, &drafts[i])
		},
		Check: func(ctx context.Context, c *work.Call, recs []*Customer) ([]error, error) {
			return cs.s.store.CheckCustomers(ctx, c, recs, given)
		},
		Save: cs.s.store.InsertCustomers,
	})
	if !errors.Is(err, &fault.Error{Code: fault.Conflict, Reason: "taken"}) {
		return faults, err
	}
	faults = make([]error, len(drafts))
	for i := range drafts {
		_, faults[i] = work.Write(ctx, cs.s.engine, cs.scope, cs.creation(op, &drafts[i]))
		if err := faults[i]; err != nil && !rowFault(err) {
			return nil, err
		}
	}
	return faults, nil
}

// rowFault reports whether an error is about the row, and not about the database or the caller.
func rowFault(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Invalid, fault.Conflict, fault.Denied, fault.NoConsent, fault.Gate, fault.LimitExceeded:
		return true
	default:
		return false
	}
}
