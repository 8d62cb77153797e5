package plugin

import (
	"maps"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
)

// Values are the named inputs or outputs of an action. A nil Values is empty.
type Values map[string]rule.Value

// ValuesOf turns Go values into Values; see rule.Of for the types.
//
// Errors: Invalid, naming every value of another type.
func ValuesOf(in map[string]any) (Values, error) {
	var v fault.Violations
	out := make(Values, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		x, ok := rule.Of(in[name])
		if !ok {
			v.Add(name, "want a bool, number, string, time, date, money, id or list of strings, have %T", in[name])
		}
		out[name] = x
	}
	return out, v.Err()
}

// Text returns a text value, "" when it is missing or of another type.
func (v Values) Text(name string) string { return v[name].Text() }

// ID returns an id, zero when it is missing or of another type.
func (v Values) ID(name string) ident.ID { return v[name].ID() }

// Int returns an integer, 0 when it is missing or of another type.
func (v Values) Int(name string) int64 { return v[name].Int() }

// Bool returns a bool, false when it is missing or of another type.
func (v Values) Bool(name string) bool { return v[name].Bool() }
