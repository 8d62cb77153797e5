package transfer

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
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
			v.Add("columns."+f, "the file has no column %q%s", name, t.hint(name))
		}
	}
	for _, name := range t.m.Ignore {
		if !slices.Contains(header, strings.TrimSpace(name)) {
			v.Add("ignore", "the file has no column %q%s", name, t.hint(name))
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

// Records returns the rows of the file in order, those with faults too, and those in which nothing stands not. It can be ranged over once. A second row with
// an external id is a fault that names the first. An error ends it: the file could not be read any further.
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
			rec := &Record{Row: row.Line, t: t, row: row, Faults: row.Faults()}
			rec.broken = len(rec.Faults) > 0
			if !rec.broken {
				rec.readExt()
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// Record is one row asked by field. Its getters note a fault where a value cannot be read, and return the zero value
// then; of a row that is broken as a whole they return zero values.
type Record struct {
	Row    int     // line of the file on which the row begins
	Faults []Fault // what is wrong with it so far; a record with any must not be loaded

	t      *Table
	row    *Row
	ext    ident.Ext
	ids    map[string]ident.ID // by field: the records that it names
	draft  any
	broken bool
}

// Ext returns the row's id in the mapping's system; zero when the mapping has none.
func (r *Record) Ext() ident.Ext { return r.ext }

func (r *Record) readExt() {
	if _, mapped := r.t.columns[FieldExt]; !mapped {
		return
	}
	id := r.Text(FieldExt)
	if id == "" {
		r.Fault(FieldExt, "must not be blank")
		return
	}
	r.ext = ident.Ext{System: r.t.m.System, ID: id}
	if first, again := r.t.seen[id]; again {
		r.Fault(FieldExt, "is the same as in row %d", first)
		return
	}
	r.t.seen[strings.Clone(id)] = r.Row
}

// Fault notes a complaint about a field.
func (r *Record) Fault(field, format string, args ...any) {
	r.Faults = append(r.Faults, Fault{Row: r.Row, Field: r.t.Column(field), Message: fmt.Sprintf(format, args...)})
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

// Text returns a field's text, from its column without spaces around it, or its constant, translated by the mapping's
// values; "" when it has neither.
func (r *Record) Text(field string) string {
	if r.broken {
		return ""
	}
	s := r.t.m.Constants[field]
	if c, ok := r.t.columns[field]; ok {
		s = strings.TrimSpace(r.row.At(c))
	}
	if value, ok := r.t.m.Values[field][s]; ok {
		return value
	}
	return s
}

// Fields returns what the mapping fills, in the order of the form; of labelled fields those with their labels.
func (r *Record) Fields() []Field { return r.t.filled }

// Notation returns how the row's values are written.
func (r *Record) Notation() schema.Notation {
	n := r.t.notation
	if c := r.Text(fieldCurrency); c != "" {
		n.Currency = c
	}
	return n
}

// value returns the text of a field, with the id of the record in place of whatever names it; "" where nothing has that
// name, which is a fault already.
func (r *Record) value(f Field) string {
	id, names := r.ids[f.Name]
	switch {
	case !names:
		return r.Text(f.Name)
	case id.IsZero():
		return ""
	}
	return id.String()
}

// Custom returns an assignment for each custom field that is mapped and not blank.
func (r *Record) Custom() []schema.Set {
	var out []schema.Set
	for _, f := range r.t.filled {
		if !strings.HasPrefix(f.Name, schema.CustomPrefix) {
			continue
		}
		v, err := schema.ParseValue(f.Field, r.Text(f.Name), r.Notation())
		if r.Refuse(err); !v.IsBlank() {
			out = append(out, schema.NewSet(f.Name, v))
		}
	}
	return out
}

// Refuse notes what an error says about the row; nil notes nothing.
func (r *Record) Refuse(err error) {
	if err != nil {
		r.Faults = append(r.Faults, r.t.Refused(r.Row, err, nil)...)
	}
}

// Refused turns an error about the record, as a write returns it, into faults of its row. rename gives the field of a
// path the table does not know; nil knows none.
func (t *Table) Refused(row int, err error, rename func(path string) string) []Fault {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return []Fault{{Row: row, Message: "was refused"}}
	}
	list := f.Violations
	if len(list) == 0 {
		list = []fault.Violation{{Field: f.Field, Message: f.Message}}
	}
	out := make([]Fault, len(list))
	for i, x := range list {
		if rename != nil {
			x.Field = rename(x.Field)
		}
		message := x.Message
		if message == "" {
			message = strings.ReplaceAll(string(f.Code), "_", " ")
		}
		out[i] = Fault{Row: row, Field: t.Column(x.Field), Message: message}
	}
	return out
}
