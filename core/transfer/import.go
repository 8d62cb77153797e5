package transfer

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Options are the options of [Import]. A nil *Options means all defaults.
type Options struct {
	// Format says how the file is written. Its delimiter defaults to the mapping's.
	Format Format
	// Batch is how many rows are written in one transaction. Defaults to what the form says; at most [work.MaxBatch].
	Batch int
	// DryRun takes back each batch after it was written: a rehearsal, whose report is that of the import.
	DryRun bool
	// Progress is called after each batch with the report so far. Defaults to nothing.
	Progress func(work.LoadReport)
}

// Import loads the rows of a file. A row whose external id the tenant knows updates that record, where the kind has
// such ids; any other row creates one. Rows that cannot be taken are reported, the others are loaded. Importing again
// after an error is safe when rows have ids.
//
// Errors: those of [OpenTable] before anything is written; Invalid for the options and for a zero target; Denied, and those of
// the database, of src and of the context: the report then holds what earlier batches have done.
func Import(ctx context.Context, t Target, src io.Reader, m Mapping, o *Options) (work.LoadReport, error) {
	im := importer{target: t, refs: refs{t, map[reference]ident.ID{}}}
	if o != nil {
		im.opts = *o
	}
	im.opts.Batch = cmp.Or(im.opts.Batch, t.form.Batch, work.DefaultBatch)
	if im.opts.Batch < 0 || im.opts.Batch > work.MaxBatch {
		return im.report, fault.At(op, fault.Field("batch", "want 1 to %d, have %d", work.MaxBatch, im.opts.Batch))
	}
	form, err := t.Form(ctx)
	if err != nil {
		return im.report, fault.At(op, err)
	}
	if im.table, err = OpenTable(heeding(ctx, src), m, form, im.opts.Format); err != nil {
		return im.report, fault.At(op, err)
	}
	im.report.Unmapped = im.table.Unmapped()
	err = im.run(ctx)
	return im.report, fault.At(op, err)
}

const op = "transfer: import"

// heeding returns the source with reads that end with the context: a file may have no end, nor a line of it.
func heeding(ctx context.Context, src io.Reader) io.Reader {
	if src == nil {
		return nil
	}
	r := reads{ctx, src}
	if back, ok := src.(io.Seeker); ok {
		return struct {
			io.Reader
			io.Seeker
		}{r, back}
	}
	return r
}

type reads struct {
	ctx context.Context //nolint:containedctx // io.Reader has no argument for it
	src io.Reader
}

func (r reads) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.src.Read(p)
}

// importer takes one batch after the other.
type importer struct {
	target Target
	opts   Options
	table  *Table
	refs   refs
	report work.LoadReport
	batch  []*Record
}

func (im *importer) run(ctx context.Context) error {
	for rec, err := range im.table.Records() {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return errors.Join(fault.At(op, err), fault.At(op, im.flush(ctx))) // the rows before it are whole
		}
		if im.batch = append(im.batch, rec); len(im.batch) < im.opts.Batch {
			continue
		}
		if err := im.flush(ctx); err != nil {
			return err
		}
	}
	return im.flush(ctx)
}

// flush writes the batch and adds what became of it to the report.
func (im *importer) flush(ctx context.Context) error {
	good, err := im.read(ctx)
	if err != nil {
		return err
	}
	did, err := im.write(ctx, good)
	if err != nil {
		return err
	}
	for _, f := range did.Faults {
		good[f.Row].refused(f.Err, im.target.place)
	}
	im.count(did)
	im.batch = im.batch[:0]
	if im.opts.Progress != nil {
		im.opts.Progress(im.report)
	}
	return nil
}

// read makes drafts of the batch, and returns the rows that have one.
func (im *importer) read(ctx context.Context) ([]*Record, error) {
	good := whole(im.batch)
	if len(good) == 0 {
		return nil, nil
	}
	if err := im.refs.resolve(ctx, good); err != nil {
		return nil, err
	}
	for _, r := range good {
		r.draft = im.target.read(r)
	}
	return whole(good), nil
}

// whole returns the rows without faults.
func whole(list []*Record) []*Record {
	return slices.DeleteFunc(slices.Clone(list), func(r *Record) bool { return r.Err() != nil })
}

// errTakeBack rolls back the batches of a dry run.
var errTakeBack = errors.New("dry run")

// write loads the rows in one transaction, which a dry run takes back.
func (im *importer) write(ctx context.Context, good []*Record) (did work.LoadReport, err error) {
	if len(good) == 0 {
		return did, nil
	}
	t := im.target
	err = t.engine.Units.Write(ctx, t.scope.Unit, func(ctx context.Context, u work.Unit) (err error) {
		did, err = t.load(ctx, t.scope.On(u), good, &work.LoadOptions{Batch: len(good), History: im.table.m.History})
		if err == nil && im.opts.DryRun {
			err = errTakeBack
		}
		return err
	})
	if errors.Is(err, errTakeBack) {
		err = nil
	}
	return did, err
}

// count adds a batch to the report.
func (im *importer) count(did work.LoadReport) {
	rep := &im.report
	for i, r := range im.batch {
		if err := r.Err(); err != nil {
			rep.Faults = append(rep.Faults, work.RowFault{Row: rep.Rows + i, Line: r.Line, Err: err})
		}
	}
	rep.Rows += len(im.batch)
	rep.Created += did.Created
	rep.Updated += did.Updated
	rep.Unchanged += did.Unchanged
	rep.Blank = im.table.Blank()
}
