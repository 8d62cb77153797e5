package pipeline

import (
	"context"
	"errors"
	"iter"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
)

// Row is one opportunity of a bulk load.
type Row struct {
	Line       int              // where it stands in the caller's source, for the report
	Draft      OpportunityDraft // with Ext, loading the same row again changes nothing
	ClosedOn   date.Date        // history only: the day of a won or lost one; zero when not known
	LostReason string           // history only: a key, such as "price"; "" when not known
}

// LoadOptions says how rows are taken. Its zero value loads rows as if each were created now.
type LoadOptions struct {
	// History says that the rows tell what happened elsewhere: stages and dates are taken as they come, entry gates
	// are not asked, closed opportunities may be corrected, and nothing unknown is filled in. Each row of history
	// is marked as imported, and the scope must name a source, which is stored with what is written.
	History bool
	// Batch is how many rows share a transaction. Defaults to 500; at most 5,000.
	Batch int
	// Progress, when set, is called after each batch with the number of rows done so far.
	Progress func(done int)
}

// RowFault is one row that was refused, with the reason.
type RowFault struct {
	Line    int        `json:"line"`            // Row.Line
	Code    fault.Code `json:"code"`            // as a write of the row alone would have it
	Field   string     `json:"field,omitempty"` // path of the field at fault; "" for the whole row
	Message string     `json:"message"`         // what is wrong, without the row's values
}

// Report is what became of the rows: each is counted once.
type Report struct {
	Created   int        `json:"created"`   // were new
	Updated   int        `json:"updated"`   // had that external id already, and something changed
	Unchanged int        `json:"unchanged"` // had that external id already, and nothing changed
	Faults    []RowFault `json:"faults"`    // in the order of the rows
}

// Rows returns how many rows the report is about.
func (r *Report) Rows() int { return r.Created + r.Updated + r.Unchanged + len(r.Faults) }

// Load creates many opportunities, or brings those with a known external id up to date. Each batch is one
// transaction, each row a savepoint in it: a row that is refused leaves nothing behind, is reported, and the others
// go on. An error of the sequence is a fault of its row.
//
// Errors: Invalid for the options; Denied; an error of the database or the context, which ends the load: the report
// then tells what earlier batches have done.
func (o Opportunities) Load(ctx context.Context, rows iter.Seq2[Row, error], opt LoadOptions) (Report, error) {
	const op = "opportunity: load"
	var rep Report
	err := o.loadable(&opt)
	if err == nil && rows == nil {
		err = fault.Field("rows", "must be a sequence of rows")
	}
	if err != nil {
		return rep, fault.At(op, err)
	}
	batch := make([]entry, 0, opt.Batch)
	flush := func() error {
		part, err := o.loadBatch(ctx, batch, opt)
		if err != nil {
			return err
		}
		rep.add(part)
		batch = batch[:0]
		if opt.Progress != nil {
			opt.Progress(rep.Rows())
		}
		return nil
	}
	for row, err := range rows {
		if _, ours := errors.AsType[*fault.Error](err); err != nil && !ours {
			err = fault.New(fault.Invalid, "the row cannot be read: %w", err)
		}
		if batch = append(batch, entry{row: row, err: err}); len(batch) < opt.Batch {
			continue
		}
		if err := flush(); err != nil {
			return rep, fault.At(op, err)
		}
	}
	if len(batch) > 0 {
		if err := flush(); err != nil {
			return rep, fault.At(op, err)
		}
	}
	return rep, nil
}

// entry is one element of the caller's sequence, and what became of it.
type entry struct {
	row Row
	err error
	did fate
}

func (o Opportunities) loadable(opt *LoadOptions) error {
	if err := o.scope.Validate(); err != nil {
		return err
	}
	if opt.Batch == 0 {
		opt.Batch = 500
	}
	switch {
	case opt.Batch < 0 || opt.Batch > 5000:
		return fault.Field("batch", "want 1 to 5000, have %d", opt.Batch)
	case opt.History && o.scope.Source.System == "":
		return fault.Field("source", "history needs a source: name the system or file it comes from with Session.From")
	case o.scope.Once != "":
		return fault.Field("once", "a load takes no idempotency key: give its rows external ids")
	}
	return nil
}
