package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/rapport-crm/rapport/core/fault"
)

// rowFault is one complaint about one row: what --json lists under imported.faults.
type rowFault struct {
	File    string `json:"file"`
	Row     int    `json:"row"` // line in the file; the header is line 1
	Field   string `json:"field"`
	Message string `json:"message"`
}

// row is one record of a CSV file, by column name.
type row struct {
	file    string
	line    int
	values  map[string]string
	columns map[string]string // the CRM's field → column, where their names differ
	faults  []rowFault
}

// readable reports whether the row has the form of the file, so that its columns are worth a look.
func (r *row) readable() bool { return len(r.faults) == 0 || r.faults[0].Field != "" }

func (r *row) get(column string) string { return strings.TrimSpace(r.values[column]) }

// fault notes a complaint; a row with any is not imported. The first one about a column is enough.
func (r *row) fault(column, format string, args ...any) {
	for _, f := range r.faults {
		if f.Field == column {
			return
		}
	}
	r.faults = append(r.faults, rowFault{r.file, r.line, column, fmt.Sprintf(format, args...)})
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

// rows reads a CSV file with a header. A row that cannot be read is a row with a fault, never a missing row.
func rows(fsys fs.FS, file string, need ...string) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		f, err := fsys.Open(file)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close() //nolint:errcheck // opened for reading
		r := csv.NewReader(f)
		r.FieldsPerRecord = -1
		header, err := r.Read()
		if err != nil {
			yield(nil, fmt.Errorf("%s: the header cannot be read: %w", file, err))
			return
		}
		header[0] = strings.TrimPrefix(header[0], "\ufeff")
		for _, column := range need {
			if !contains(header, column) {
				yield(nil, fmt.Errorf("%s: has no column %q, only %q", file, column, header))
				return
			}
		}
		for {
			x, err := next(r, file, header)
			if errors.Is(err, io.EOF) || !yield(x, err) || err != nil {
				return
			}
		}
	}
}

func next(r *csv.Reader, file string, header []string) (*row, error) {
	record, err := r.Read()
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		x := &row{file: file, line: bad.StartLine}
		x.fault("", "the row cannot be read: %v", bad.Err)
		return x, nil
	}
	if err != nil {
		return nil, err
	}
	line, _ := r.FieldPos(0)
	x := &row{file: file, line: line, values: make(map[string]string, len(header))}
	if len(record) != len(header) {
		x.fault("", "has %d fields, the header has %d", len(record), len(header))
	}
	for i, column := range header {
		if i >= len(record) {
			break
		}
		if !utf8.ValidString(record[i]) || strings.ContainsRune(record[i], 0) {
			x.fault(column, "is not valid UTF-8 text")
			continue
		}
		x.values[column] = record[i]
	}
	return x, nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
