package transfer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Record is one row asked by field. Its getters note a fault where a value cannot be read, and return the zero value
// then; of a row that is broken as a whole they return zero values.
type Record struct {
	Line int // of the file on which the row begins

	t      *Table
	row    *Row
	ext    ident.Ext
	ids    map[string]ident.ID // by field: the records that it names
	draft  any
	broken bool

	faults []fault.Violation // what is wrong with it so far
	refuse error             // of the load
}

// Err returns what is wrong with the row so far, with columns for fields; nil for a row that can be loaded.
func (r *Record) Err() error {
	if r.refuse != nil || len(r.faults) == 0 {
		return r.refuse
	}
	return &fault.Error{
		Code: fault.Invalid, Op: "transfer: row", Field: r.faults[0].Field, Message: r.faults[0].Message, Violations: slices.Clip(r.faults),
	}
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
		r.Fault(FieldExt, "is the same as in line %d", first)
		return
	}
	r.t.seen[strings.Clone(id)] = r.Line
}

// Fault notes a complaint about a field.
func (r *Record) Fault(field, format string, args ...any) {
	r.faults = append(r.faults, fault.Violation{Field: r.t.Column(field), Message: fmt.Sprintf(format, args...)})
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
	if err == nil {
		return
	}
	for _, v := range (work.RowFault{Err: err}).Violations() {
		v.Field = r.t.Column(v.Field)
		r.faults = append(r.faults, v)
	}
}

// refused notes the error of the row's load. place gives the field that filled a path of the draft; nil for those whose
// paths begin with it.
func (r *Record) refused(err error, place func(r *Record, path string) string) {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		f = fault.New(fault.Internal, "was refused: %w", err)
	}
	named := *f
	named.Violations = slices.Clone((work.RowFault{Err: f}).Violations())
	for i := range named.Violations {
		v := &named.Violations[i]
		if place != nil {
			v.Field = place(r, v.Field)
		}
		v.Field = r.t.Column(v.Field)
	}
	named.Field, named.Message = named.Violations[0].Field, named.Violations[0].Message
	r.refuse = &named
}
