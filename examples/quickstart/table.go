package main

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/customer/names"
)

// rowFault is one complaint about one row: what --json lists under imported.faults.
type rowFault struct {
	File    string `json:"file"`
	Row     int    `json:"row"`     // line in the file on which the row begins; the header is line 1
	Field   string `json:"field"`   // name of the column
	Message string `json:"message"` // worded to follow the field's name
}

// row is one record of a CSV file, by column name.
type row struct {
	file    string
	line    int
	cells   *transfer.Row
	broken  bool              // does not have the form of the file, so that its columns are not worth a look
	columns map[string]string // the CRM's field → column, where their names differ
	faults  []rowFault
}

// get returns what stands in a column. Spaces around it are a complaint: to cut them would be to mend the row.
func (r *row) get(column string) string {
	if r.broken {
		return ""
	}
	s := r.cells.Get(column)
	trimmed := strings.TrimSpace(s)
	if trimmed != s {
		r.fault(column, "has spaces before or after it")
	}
	return trimmed
}

// name returns a name. One that the CRM would spell differently is a complaint, as spaces around it are.
func (r *row) name(column string) string {
	s := r.get(column)
	if kept := names.Normal(s); kept != s {
		r.fault(column, "has spaces or letters in a form that the CRM does not keep: write %q", kept)
	}
	return s
}

// fault notes a complaint; a row with any is not imported. The first one about a column is enough.
func (r *row) fault(column, format string, args ...any) {
	if !slices.ContainsFunc(r.faults, func(f rowFault) bool { return f.Field == column }) {
		r.faults = append(r.faults, rowFault{r.file, r.line, column, fmt.Sprintf(format, args...)})
	}
}

// refuse notes every complaint of the CRM's about the row, under the names of its columns.
func (r *row) refuse(f *fault.Error) {
	list := f.Violations
	if len(list) == 0 {
		list = []fault.Violation{{Field: f.Field, Message: f.Message}}
	}
	for _, v := range list {
		column, ok := r.columns[v.Field]
		if !ok {
			column = v.Field
		}
		r.fault(column, "%s", v.Message)
	}
}

// table is one file of a data set, and the columns it must have.
type table struct {
	set     dataset
	file    string
	columns []string
}

// open reads the header. done is never nil.
func (t table) open() (r *transfer.Reader, done func(), err error) {
	place := filepath.Join(t.set.folder, t.file)
	f, err := t.set.files.Open(t.file)
	if missing, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, func() {}, fmt.Errorf("cannot read %s: %w", place, missing.Err)
	}
	if err != nil {
		return nil, func() {}, err
	}
	done = func() { f.Close() } //nolint:errcheck // opened for reading
	if r, err = transfer.NewReader(f, transfer.Format{}); err != nil {
		return nil, done, fmt.Errorf("%s: %w", place, err)
	}
	for _, column := range t.columns {
		if !slices.Contains(r.Header(), column) {
			return nil, done, fmt.Errorf("%s has no column %q, only %q", place, column, r.Header())
		}
	}
	return r, done, nil
}

// rows reads the file. A row that cannot be read is a row with faults, never a missing row; only lines in which
// nothing stands are none.
func (t table) rows() iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		r, done, err := t.open()
		defer done()
		if err != nil {
			yield(nil, err)
			return
		}
		for cells, err := range r.Rows() {
			if err != nil {
				yield(nil, fmt.Errorf("%s: %w", t.file, err))
				return
			}
			x := &row{file: t.file, line: cells.Line, cells: cells, broken: len(cells.Faults()) > 0}
			for _, f := range cells.Faults() {
				x.fault(f.Field, "%s", f.Message)
			}
			if !yield(x, nil) {
				return
			}
		}
	}
}
