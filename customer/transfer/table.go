package transfer

import (
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// Table is a file read through a mapping: its records are asked by field, not by column. Not safe for concurrent use.
type Table struct {
	m       Mapping
	target  Target
	reader  *Reader
	columns map[string]int // field to column
	parse   parser
	seen    map[string]int // external id to the row that had it first
	blank   int            // rows with delimiters only
}

// OpenTable reads a file's header and binds the mapping to its columns. The delimiter of f goes before the mapping's.
//
// Errors: those of [Mapping.Validate] and [NewReader]; Invalid for a column that the file does not have.
func OpenTable(r io.Reader, m Mapping, t Target, f Format) (*Table, error) {
	const op = "transfer: open"
	if err := m.Validate(t); err != nil {
		return nil, fault.At(op, err)
	}
	if f.Delimiter == 0 {
		f.Delimiter, _ = m.delimiter() // Validate has read it
	}
	rd, err := NewReader(r, f)
	if err != nil {
		return nil, fault.At(op, err)
	}
	layout, err := m.layout()
	if err != nil {
		return nil, fault.At(op, err)
	}
	tab := &Table{m: m, target: t, reader: rd, columns: map[string]int{}, seen: map[string]int{}, parse: parser{layout, m.Currency}}
	return tab, fault.At(op, tab.bind())
}

// bind finds the mapping's columns in the header.
func (t *Table) bind() error {
	var v fault.Violations
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
	return v.Err()
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

// Value returns a field's value, blank when nothing stands there or it cannot be read; the latter is a fault.
func (r *Record) Value(field string) rule.Value {
	s := r.Text(field)
	f, ok := r.t.target.field(field)
	if s == "" || !ok {
		return rule.Blank
	}
	p := r.t.parse
	if f.Type == rule.TypeMoney {
		if c := r.Text("currency"); c != "" {
			p.currency = c
		}
	}
	v, wrong := p.value(f, s)
	if wrong != "" {
		r.Fault(field, "%s", wrong)
		return rule.Blank
	}
	return v
}

// Custom returns an assignment for each custom field that is mapped and not blank, ordered by name.
func (r *Record) Custom() []schema.Set {
	var out []schema.Set
	for _, f := range r.t.target.Fields {
		if !strings.HasPrefix(f.Name, schema.CustomPrefix) {
			continue
		}
		if v := r.Value(f.Name); !v.IsBlank() {
			out = append(out, schema.NewSet(f.Name, v))
		}
	}
	return out
}

// Refused turns an error about the record, as a write returns it, into faults of its row. rename gives the field of a
// path the table does not know; nil knows none.
func (t *Table) Refused(row int, err error, rename func(path string) string) []Fault {
	f, ok := asFault(err)
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
