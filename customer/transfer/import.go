package transfer

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strconv"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
)

// Options are the options of [Customers]. A nil *Options means all defaults.
type Options struct {
	// Format says how the file is written. Its delimiter defaults to the mapping's.
	Format Format
	// Fields are the fields of a customer in the tenant; the custom ones among them can be imported. Session.Schema.Fields
	// lists them. Defaults to none.
	Fields []schema.Field
	// Batch is how many rows are written at once. Defaults to [customer.DefaultBatch]; at most [work.MaxBatch].
	Batch int
	// InTx runs fn in one transaction for each batch, with the customers of a session inside it; fn may run again.
	// Without it new customers are written a batch at a time, and those that exist one by one. An InTx that rolls back
	// and returns nil makes the import a rehearsal.
	InTx func(ctx context.Context, fn func(ctx context.Context, cs customer.Customers) error) error
	// Progress is called after each batch with the report so far. Defaults to nothing.
	Progress func(Report)
}

// Report is what became of the rows of a file. Each row that is not blank is counted once: it was created, updated,
// unchanged or rejected, and a rejected one has at least one fault.
type Report struct {
	Rows      int      `json:"rows"`               // rows in which something stands
	Created   int      `json:"created"`            // were new
	Updated   int      `json:"updated"`            // had that external id already, and something changed
	Unchanged int      `json:"unchanged"`          // had that external id already, and nothing changed
	Rejected  int      `json:"rejected"`           // has faults
	Blank     int      `json:"blank,omitempty"`    // rows in which nothing stands; not counted in Rows
	Unmapped  []string `json:"unmapped,omitempty"` // columns that were not imported and that the mapping does not ignore
	Faults    []Fault  `json:"faults"`             // in the order of the rows
}

// Customers imports a CSV file of customers. A row whose external id the tenant knows brings what it holds into that
// customer, as [customer.Customers.Upsert] does; any other row creates one. Rows that cannot be taken are reported, the
// others are loaded. Running it again after an error is safe when rows have external ids.
//
// Errors: those of [OpenTable] before anything is written; Denied, and those of the database and of src: the report
// then tells what earlier batches have done.
func Customers(ctx context.Context, cs customer.Customers, src io.Reader, m Mapping, opts *Options) (Report, error) {
	const op = "transfer: customers"
	im := importer{report: Report{Faults: []Fault{}}}
	if opts != nil {
		im.opts = *opts
	}
	if im.opts.Batch == 0 {
		im.opts.Batch = customer.DefaultBatch
	}
	if im.opts.Batch < 0 || im.opts.Batch > work.MaxBatch {
		return im.report, fault.At(op, fault.Field("batch", "want 1 to %d, have %d", work.MaxBatch, im.opts.Batch))
	}
	if im.opts.InTx == nil {
		im.opts.InTx = func(ctx context.Context, fn func(context.Context, customer.Customers) error) error {
			return fn(ctx, cs)
		}
	}
	target := CustomerTarget(m, im.opts.Fields)
	if err := CheckCustomers(m, im.opts.Fields); err != nil {
		return im.report, fault.At(op, err)
	}
	var err error
	if im.table, err = OpenTable(src, m, target, im.opts.Format); err != nil {
		return im.report, err
	}
	return im.run(ctx)
}

// importer collects one batch after the other.
type importer struct {
	opts   Options
	table  *Table
	report Report
	batch  []candidate
	rows   int // rows of the batch, bad ones included
	bad    int // rows of the batch that never became drafts
	faults []Fault
}

func (im *importer) run(ctx context.Context) (Report, error) {
	im.report.Unmapped = im.table.Unmapped()
	for rec, err := range im.table.Records() {
		if err != nil {
			return im.report, errors.Join(err, im.flush(ctx)) // the rows before it are whole
		}
		c := rec.candidate()
		im.rows++
		if len(rec.Faults) > 0 {
			im.faults = append(im.faults, rec.Faults...)
			im.bad++
		} else {
			im.batch = append(im.batch, c)
		}
		if im.rows < im.opts.Batch {
			continue
		}
		if err := im.flush(ctx); err != nil {
			return im.report, err
		}
	}
	return im.report, im.flush(ctx)
}

// flush writes the batch and adds what became of it to the report.
func (im *importer) flush(ctx context.Context) error {
	var did outcome
	if len(im.batch) > 0 {
		err := im.opts.InTx(ctx, func(ctx context.Context, cs customer.Customers) (err error) {
			did, err = im.write(ctx, cs)
			return err
		})
		if err != nil {
			return err
		}
	}
	r := &im.report
	r.Rows += im.rows
	r.Created += did.created
	r.Updated += did.updated
	r.Unchanged += did.unchanged
	r.Rejected += im.bad + did.rejected
	r.Blank = im.table.Blank()
	faults := slices.Concat(im.faults, did.faults)
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.Row, b.Row) })
	r.Faults = append(r.Faults, faults...)
	im.batch, im.faults, im.rows, im.bad = im.batch[:0], nil, 0, 0
	if im.opts.Progress != nil {
		im.opts.Progress(*r)
	}
	return nil
}

// outcome is what became of one batch.
type outcome struct {
	created, updated, unchanged, rejected int
	faults                                []Fault
}

// write creates what is new, and updates what the tenant has under the same external id.
func (im *importer) write(ctx context.Context, cs customer.Customers) (did outcome, err error) {
	rep, err := cs.Load(ctx, im.drafts(), &work.LoadOptions{Batch: max(1, len(im.batch))})
	if err != nil {
		return did, err
	}
	did.created = rep.Created
	for _, f := range rep.Faults {
		c := &im.batch[f.Row]
		err := f.Err
		if reason(err) == "taken" && !c.ext.IsZero() {
			var changed bool
			if changed, err = upsert(ctx, cs, c); err == nil && changed {
				did.updated++
				continue
			} else if err == nil {
				did.unchanged++
				continue
			}
		}
		if !ownFault(err) {
			return did, err
		}
		did.rejected++
		did.faults = append(did.faults, im.table.Refused(c.row, err, c.rename)...)
	}
	return did, nil
}

func (im *importer) drafts() iter.Seq2[customer.Draft, error] {
	return func(yield func(customer.Draft, error) bool) {
		for i := range im.batch {
			if !yield(im.batch[i].draft, nil) {
				return
			}
		}
	}
}

// upsert brings a row into the customer with its external id; changed tells whether that changed anything.
func upsert(ctx context.Context, cs customer.Customers, c *candidate) (changed bool, err error) {
	before, err := cs.ByExt(ctx, c.ext)
	if err != nil && !ownFault(err) {
		return false, err
	}
	after, err := cs.Upsert(ctx, c.ext, c.draft)
	return after.ID != before.ID || after.Version != before.Version, err
}

func reason(err error) string {
	if f, ok := asFault(err); ok {
		return f.Reason
	}
	return ""
}

// ownFault reports whether an error is about the row, and not about the database or the caller.
func ownFault(err error) bool {
	switch fault.CodeOf(err) {
	case fault.NotFound, fault.Invalid, fault.Conflict, fault.Denied, fault.NoConsent, fault.Gate, fault.LimitExceeded:
		return true
	default:
		return false
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
