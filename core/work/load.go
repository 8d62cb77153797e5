package work

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
)

// Sizes of the batches of a load.
const (
	DefaultBatch = 1_000
	MaxBatch     = 50_000
)

// LoadOptions are the options of a façade's Load. A nil *LoadOptions means all defaults.
type LoadOptions struct {
	// Batch is how many rows one transaction holds. Defaults to [DefaultBatch], or what the façade says; at most
	// [MaxBatch].
	Batch int
	// Progress is called after each batch, on the goroutine that loads. Defaults to nothing.
	Progress func(LoadReport)
	// History says that the rows record what happened elsewhere: states and dates are taken as they come, gates are not
	// asked, and nothing unknown is filled in. Each row of history is marked as imported, and the scope must name a source,
	// which is stored with what is written. Kinds without a history of states refuse it.
	History bool
}

// LoadReport is what became of the rows of a load so far. Each row is counted once: it was created, updated or unchanged, or
// it has a fault.
type LoadReport struct {
	Rows      int        // rows that were read
	Created   int        // were new
	Updated   int        // were there by their external id, and something changed
	Unchanged int        // were there by their external id, and nothing changed
	Faults    []RowFault // rows that were refused, in their order, each once

	// Of the rows of a file:

	Blank    int      // lines in which nothing stands; not counted in Rows
	Unmapped []string // columns that were not read and that the mapping does not ignore
}

// RowFault is one row that was refused.
type RowFault struct {
	Row  int   // place in the sequence, from 0; of a file, its place among the rows in which something stands
	Line int   // of a file, the line on which the row begins, from 1; 0 for rows that come from no file
	Err  error // as a write of the row alone would return it, or the sequence's own error for the row
}

// Violations returns what is wrong with the row, by field: at least one. The fields of a row of a file are its columns.
func (f RowFault) Violations() []fault.Violation {
	err, ok := errors.AsType[*fault.Error](f.Err)
	switch {
	case !ok:
		return []fault.Violation{{Message: "was refused"}}
	case len(err.Violations) > 0:
		return err.Violations
	case err.Message == "":
		return []fault.Violation{{Field: err.Field, Message: strings.ReplaceAll(string(err.Code), "_", " ")}}
	}
	return []fault.Violation{{Field: err.Field, Message: err.Message}}
}

// String returns a line for each violation, such as "line 7, email: is not an e-mail address", or with "row 5" for rows that
// come from no file.
func (f RowFault) String() string {
	place := fmt.Sprintf("row %d", f.Row)
	if f.Line > 0 {
		place = fmt.Sprintf("line %d", f.Line)
	}
	var b strings.Builder
	for i, v := range f.Violations() {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(place)
		if v.Field != "" {
			b.WriteString(", " + v.Field)
		}
		b.WriteString(": " + v.Message)
	}
	return b.String()
}

// Outcome says what became of one row.
type Outcome uint8

// The outcomes of a row without a fault.
const (
	Created Outcome = iota
	Updated
	Unchanged
)

// Result is what became of one row: an outcome, or a fault.
type Result struct {
	Outcome Outcome // what was done; of no meaning beside an Err
	Err     error   // why the row was refused; nil when it was not
}

// Load takes rows batch by batch. An error that rows yields is the fault of its row; an error of batch ends the load, and
// the report holds what earlier batches have done.
//
// Errors: Invalid for rows, options or an idempotency key, which a load does not take; whatever batch returns.
func Load[D any](ctx context.Context, op string, s *Scope, rows iter.Seq2[D, error], o *LoadOptions,
	batch func(ctx context.Context, drafts []D) ([]Result, error),
) (LoadReport, error) {
	if o == nil {
		o = &LoadOptions{}
	}
	l := loader[D]{size: cmp.Or(o.Batch, DefaultBatch), batch: batch, progress: o.Progress}
	switch err := s.Validate(); {
	case err != nil:
		return l.report, fault.At(op, err)
	case rows == nil:
		return l.report, fault.At(op, fault.Field("rows", "must be a sequence of drafts"))
	case l.size < 0 || l.size > MaxBatch:
		return l.report, fault.At(op, fault.Field("batch", "want 1 to %d, have %d", MaxBatch, o.Batch))
	case s.Once != "":
		return l.report, fault.At(op, fault.Field("once", "a load takes no idempotency key: give its rows ids, which are not taken twice"))
	case o.History && s.Source.System == "":
		return l.report, fault.At(op, fault.Field("source", "history needs a source: name the system or file it comes from with Session.From"))
	}
	for d, err := range rows {
		l.add(d, rowError(err))
		if len(l.results) < l.size {
			continue
		}
		if err := l.flush(ctx); err != nil {
			return l.report, fault.At(op, err)
		}
	}
	return l.report, fault.At(op, l.flush(ctx))
}

// rowError makes a fault of an error of the caller's sequence.
func rowError(err error) error {
	if _, ours := errors.AsType[*fault.Error](err); err == nil || ours {
		return err
	}
	return fault.New(fault.Invalid, "the row cannot be read: %w", err)
}

// loader collects one batch after the other.
type loader[D any] struct {
	size     int
	batch    func(ctx context.Context, drafts []D) ([]Result, error)
	progress func(LoadReport)
	report   LoadReport
	drafts   []D
	places   []int    // of each draft among the results
	results  []Result // of each row of the batch
}

func (l *loader[D]) add(d D, err error) {
	if err == nil {
		l.drafts, l.places = append(l.drafts, d), append(l.places, len(l.results))
	}
	l.results = append(l.results, Result{Err: err})
}

func (l *loader[D]) flush(ctx context.Context) error {
	first := l.report.Rows == 0
	if len(l.results) == 0 && !first {
		return nil
	}
	if len(l.drafts) > 0 || first { // who may load nothing is told so, also without a draft
		did, err := l.batch(ctx, l.drafts)
		if err != nil {
			return err
		}
		for i, r := range did {
			l.results[l.places[i]] = r
		}
	}
	for _, r := range l.results {
		l.report.count(r)
	}
	clear(l.drafts)
	l.drafts, l.places, l.results = l.drafts[:0], l.places[:0], l.results[:0]
	if l.progress != nil {
		l.progress(l.report)
	}
	return nil
}

func (r *LoadReport) count(x Result) {
	switch {
	case x.Err != nil:
		r.Faults = append(r.Faults, RowFault{Row: r.Rows, Err: x.Err})
	case x.Outcome == Created:
		r.Created++
	case x.Outcome == Updated:
		r.Updated++
	default:
		r.Unchanged++
	}
	r.Rows++
}

// LoadRows is what the Load of most façades is: each draft becomes a new record.
func LoadRows[D, T any, P Aggregate[T]](ctx context.Context, r *Records[T, P], s *Scope, rows iter.Seq2[D, error], o *LoadOptions, create func(d *D) Verb[T]) (LoadReport, error) {
	if o != nil && o.History {
		return LoadReport{}, fault.At(r.op("load"), fault.Field("history", "the kind %s cannot be loaded with its history", r.kind.Name()))
	}
	return Load(ctx, r.op("load"), s, rows, o, func(ctx context.Context, drafts []D) ([]Result, error) {
		verbs := make([]Verb[T], len(drafts))
		for i := range drafts {
			verbs[i] = create(&drafts[i])
		}
		faults, err := r.CreateAll(ctx, s, verbs, nil)
		if err != nil {
			return nil, err
		}
		out := make([]Result, len(faults))
		for i, f := range faults {
			out[i].Err = f
		}
		return out, nil
	})
}
