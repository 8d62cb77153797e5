package pipeline

import (
	"context"
	"errors"
	"iter"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Row is one opportunity of a bulk load.
type Row struct {
	Line       int       // where it stands in the caller's source, for the report
	Draft      Draft     // with Ext, loading the same row again changes nothing
	ClosedOn   date.Date // history only: the day of a won or lost one; zero when not known
	LostReason string    // history only: a key, such as "price"; "" when not known
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
	Line    int        `json:"line"`
	Code    fault.Code `json:"code"`
	Field   string     `json:"field,omitempty"`
	Message string     `json:"message"`
}

// Report is what became of the rows: each is counted once.
type Report struct {
	Created   int        `json:"created"`
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
	if err := o.loadable(&opt); err != nil {
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
		if batch = append(batch, entry{row, err}); len(batch) < opt.Batch {
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

// entry is one element of the caller's sequence.
type entry struct {
	row Row
	err error
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

func (o Opportunities) loadBatch(ctx context.Context, batch []entry, opt LoadOptions) (rep Report, err error) {
	err = o.svc.cfg.Engine.Units.Write(ctx, o.scope.Unit, func(ctx context.Context, u work.Unit) error {
		rep = Report{} // the transaction may run again
		in := o
		in.scope.Unit = u
		m := &memo{customers: map[ident.ID]error{}, pipelines: map[pin]*Pipeline{}}
		for _, e := range batch {
			did, err := in.loadRow(ctx, e, opt, m)
			if err := rep.count(e.row.Line, did, err); err != nil {
				return err
			}
		}
		return nil
	})
	return rep, err
}

func (o Opportunities) loadRow(ctx context.Context, e entry, opt LoadOptions, m *memo) (fate, error) {
	if e.err != nil {
		return 0, e.err
	}
	var p *past
	switch {
	case opt.History && e.row.LostReason != "" && !word.MatchString(e.row.LostReason):
		return 0, fault.Field("lost_reason", "%s", wordForm)
	case opt.History:
		p = &past{closedOn: e.row.ClosedOn, reason: e.row.LostReason}
	case !e.row.ClosedOn.IsZero():
		return 0, fault.Field("closed_on", "is for history only: set LoadOptions.History")
	case e.row.LostReason != "":
		return 0, fault.Field("lost_reason", "is for history only: set LoadOptions.History")
	}
	if e.row.Draft.Ext.IsZero() {
		_, err := o.create(ctx, "opportunity: load", e.row.Draft, p, m)
		return created, err
	}
	_, did, err := o.upsert(ctx, e.row.Draft, p, m)
	return did, err
}

// count adds one row. It returns an error that is not the row's own.
func (r *Report) count(line int, did fate, err error) error {
	if err == nil {
		switch did {
		case created:
			r.Created++
		case updated:
			r.Updated++
		case unchanged:
			r.Unchanged++
		}
		return nil
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	switch f.Code { //nolint:exhaustive // everything else ends the load
	case fault.Invalid, fault.NotFound, fault.Denied, fault.Gate, fault.Conflict, fault.LimitExceeded:
		r.Faults = append(r.Faults, RowFault{Line: line, Code: f.Code, Field: f.Field, Message: f.Message})
		return nil
	}
	return err
}

func (r *Report) add(part Report) {
	r.Created += part.Created
	r.Updated += part.Updated
	r.Unchanged += part.Unchanged
	r.Faults = append(r.Faults, part.Faults...)
}

// memo remembers, within one transaction of a load, what many rows ask for. A nil memo remembers nothing.
type memo struct {
	customers map[ident.ID]error
	pipelines map[pin]*Pipeline
}

type pin struct {
	key     string
	version int64
}

// customer checks that a customer exists and may be seen.
func (m *memo) customer(ctx context.Context, c *work.Call, s *Service, id ident.ID) error {
	if m != nil {
		if err, ok := m.customers[id]; ok {
			return err
		}
	}
	_, err := s.cfg.Customers.Resolve(ctx, c.Scope, id)
	if fault.CodeOf(err) == fault.NotFound {
		f := fault.New(fault.NotFound, "no such customer")
		f.Field = "customer"
		err = f
	}
	if m != nil && (err == nil || fault.CodeOf(err) == fault.NotFound) {
		m.customers[id] = err
	}
	return err
}

// pinned returns one version of a pipeline. What a row's own write has just stored is not remembered: it goes with the
// row when that is refused.
func (m *memo) pinned(ctx context.Context, c *work.Call, s *Service, key string, version int64) (*Pipeline, error) {
	if m == nil {
		return s.pinned(ctx, c, key, version)
	}
	if key == "" {
		key = s.cfg.Default.Key
	}
	at := pin{key, version}
	if p, ok := m.pipelines[at]; ok {
		return p, nil
	}
	p, err := s.cfg.Store.Pipeline(ctx, c, key, version)
	if err == nil {
		m.pipelines[at] = p
		return p, nil
	}
	return s.pinned(ctx, c, key, version)
}
