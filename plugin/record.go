package plugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Field is one value of a record with its class of personal data.
type Field struct {
	Class personal.Class // its class of personal data
	Value rule.Value     // blank for an empty field
}

// Record is one record, cut down to what a plugin may see. Printing, logging or encoding one shows the classes of its
// personal fields, not their values. It is immutable and safe for concurrent use; its zero value has no fields.
type Record struct {
	Ref     ident.Ref // which record it is
	Version int64     // its version when it was read
	hidden  []string
	fields  map[string]Field
}

// NewRecord returns a record with the given fields. Hidden names declared fields that this reader may not see now.
// Hosts make records; authors need this in tests only.
func NewRecord(ref ident.Ref, version int64, fields map[string]Field, hidden ...string) Record {
	slices.Sort(hidden)
	return Record{Ref: ref, Version: version, fields: maps.Clone(fields), hidden: hidden}
}

// IsZero reports whether the record is missing.
func (r Record) IsZero() bool { return r.Ref.IsZero() && len(r.fields) == 0 }

// Value returns a field's value on purpose; blank for a blank, hidden or undeclared field.
func (r Record) Value(name string) rule.Value { return r.fields[name].Value }

// Text returns a text field that does not print itself: clear, absent, or masked when it is hidden.
func (r Record) Text(name string) personal.Text {
	f := r.fields[name]
	if slices.Contains(r.hidden, name) {
		return personal.NewMasked(f.Class)
	}
	return personal.NewText(f.Class, f.Value.String())
}

// Field returns a field and whether the record has it.
func (r Record) Field(name string) (f Field, ok bool) {
	f, ok = r.fields[name]
	return f, ok
}

// Names returns the names of the fields, sorted.
func (r Record) Names() []string { return slices.Sorted(maps.Keys(r.fields)) }

// Hidden returns the declared fields that may not be seen now, sorted.
func (r Record) Hidden() []string { return slices.Clone(r.hidden) }

// String shows ids, and values of fields that hold no personal data.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString(r.Ref.String())
	for _, n := range r.Names() {
		fmt.Fprintf(&b, " %s:%s", n, r.shown(n))
	}
	return b.String()
}

// Format writes String for every verb.
func (r Record) Format(f fmt.State, _ rune) { fmt.Fprint(f, r.String()) }

// MarshalJSON writes what String shows.
func (r Record) MarshalJSON() ([]byte, error) {
	out := map[string]string{"ref": r.Ref.String()}
	for _, n := range r.Names() {
		out[n] = r.shown(n)
	}
	return json.Marshal(out)
}

func (r Record) shown(name string) string {
	f := r.fields[name]
	if f.Class.Personal() && !f.Value.IsBlank() {
		return "[" + string(f.Class) + "]"
	}
	return f.Value.String()
}
