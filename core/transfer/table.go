package transfer

import (
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
)

// Table is a file read through a mapping: its records are asked by field, not by column. Not safe for concurrent use.
type Table struct {
	m        Mapping
	form     Form
	reader   *Reader
	columns  map[string]int // field to column
	filled   []Field        // by a column or a constant, in the order of the form
	notation schema.Notation
	seen     map[string]int // external id to the row that had it first
	blank    int            // rows with delimiters only
}

// OpenTable reads a file's header and binds the mapping to its columns. The delimiter of f goes before the mapping's.
//
// Errors: those of [Mapping.Validate] and [NewReader]; Invalid for a column that the file does not have.
func OpenTable(r io.Reader, m Mapping, form Form, f Format) (*Table, error) {
	const op = "transfer: open"
	if !m.ByHeader {
		if err := m.Validate(form); err != nil {
			return nil, fault.At(op, err)
		}
	}
	delimiter, err := m.delimiter()
	if err != nil {
		return nil, fault.At(op, err)
	}
	if f.Delimiter == 0 {
		f.Delimiter, f.Detect = delimiter, m.ByHeader
	}
	rd, err := NewReader(r, f)
	if err != nil {
		return nil, fault.At(op, err)
	}
	if m.ByHeader {
		m = m.byHeader(rd.Header(), &form)
		if err := m.Validate(form); err != nil {
			return nil, fault.At(op, err)
		}
	}
	tab := &Table{m: m, form: form, reader: rd, columns: map[string]int{}, seen: map[string]int{}}
	return tab, fault.At(op, tab.bind())
}

// byHeader returns the mapping with the columns that have the name of a field which nothing fills yet.
func (m Mapping) byHeader(header []string, form *Form) Mapping {
	used := slices.Concat(m.Ignore, slices.Collect(maps.Values(m.Columns)))
	columns := maps.Clone(m.Columns)
	if columns == nil {
		columns = map[string]string{}
	}
	for _, name := range header {
		field, ok := form.takes(name)
		id := field == FieldExt || field == fieldID
		if !ok || slices.Contains(used, name) || columns[field] != "" || m.Fills(field) || id && m.WithoutIDs {
			continue
		}
		columns[field] = name
	}
	m.Columns = columns
	return m
}

// bind finds the mapping's columns in the header.
func (t *Table) bind() error {
	var v fault.Violations
	layout, err := t.m.layout()
	if err != nil {
		return err
	}
	t.notation = schema.Notation{Date: layout, Currency: t.m.Currency, System: t.m.System}
	if t.m.Kind != "" {
		t.m.Constants = maps.Clone(t.m.Constants)
		if t.m.Constants == nil {
			t.m.Constants = map[string]string{}
		}
		t.m.Constants[fieldKind] = t.m.Kind
	}
	header := t.reader.Header()
	for _, f := range slices.Sorted(maps.Keys(t.m.Columns)) {
		name := strings.TrimSpace(t.m.Columns[f])
		if t.columns[f] = slices.Index(header, name); t.columns[f] < 0 {
			v.Add("columns."+f, "the file has no column %s%s", fault.Quote(name), t.hint(name))
		}
	}
	for _, name := range t.m.Ignore {
		if !slices.Contains(header, strings.TrimSpace(name)) {
			v.Add("ignore", "the file has no column %s%s", fault.Quote(name), t.hint(name))
		}
	}
	t.filled = t.fills()
	return v.Err()
}

// fills returns the fields that the mapping fills, in the order of the form, labelled ones by their labels. The currency
// fills none: it goes with the amounts.
func (t *Table) fills() []Field {
	var out []Field
	names := slices.Sorted(maps.Keys(t.m.Columns))
	names = append(names, slices.Sorted(maps.Keys(t.m.Constants))...)
	for _, base := range t.form.Fields {
		for _, name := range names {
			if f, ok := t.form.Field(name); ok && (name == base.Name || base.Labelled && strings.HasPrefix(name, base.Name+".")) {
				out = append(out, f)
			}
		}
	}
	return out
}

// hint helps to find the column that was meant.
func (t *Table) hint(name string) string {
	header := t.reader.Header()
	if len(header) == 1 {
		for _, d := range [][2]string{{";", ";"}, {",", ","}, {"|", "|"}, {"\t", "tab"}} {
			if strings.Contains(header[0], d[0]) {
				return fmt.Sprintf(`, but one column only: should the mapping say "delimiter": %q?`, d[1])
			}
		}
	}
	return didYouMean(name, header)
}

// Unmapped returns the columns that no field is filled from and that the mapping does not ignore, in their order.
func (t *Table) Unmapped() []string {
	var out []string
	for i, name := range t.reader.Header() {
		used := slices.Contains(slices.Collect(maps.Values(t.columns)), i)
		ignored := slices.ContainsFunc(t.m.Ignore, func(s string) bool { return strings.TrimSpace(s) == name })
		if !used && !ignored {
			out = append(out, name)
		}
	}
	return out
}

// Blank returns how many rows were passed over so far because nothing stands in them.
func (t *Table) Blank() int { return t.blank + t.reader.Blank() }

// Records returns the rows of the file in order, also those with faults, without those in which nothing stands. It can be
// ranged over once. A second row with the same external id has a fault that names the first. An error ends the sequence: the
// file could not be read any further.
func (t *Table) Records() iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for row, err := range t.reader.Rows() {
			if err != nil {
				yield(nil, err)
				return
			}
			if row.Blank() {
				t.blank++
				continue
			}
			rec := &Record{Line: row.Line, t: t, row: row, faults: row.Faults()}
			if rec.broken = rec.Err() != nil; !rec.broken {
				rec.readExt()
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// Column returns the name of the column that fills a field, or the field's own name when none does. A path within a
// field, such as "ext[0].id", goes to the field.
func (t *Table) Column(field string) string {
	for f := field; ; {
		if c, ok := t.columns[f]; ok {
			return t.reader.Header()[c]
		}
		cut := strings.LastIndexAny(f, ".[")
		if cut < 0 {
			return field
		}
		f = f[:cut]
	}
}
