package schema

import (
	"fmt"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// maxSets is the greatest number of assignments of one write: more than there are fields.
const maxSets = 1000

// Apply gives v the values of the assignments, in order. It checks each against the entity's custom field and
// returns one Invalid fault with every breach, of field "custom.<key>"; then v is unchanged. An int is taken for a
// float field. Unknown keys are answered with the nearest known one.
func Apply(e *Entity, v *Values, sets []Set) error {
	switch {
	case len(sets) == 0:
		return nil
	case len(sets) > maxSets:
		return fault.Field("custom", "want at most %d assignments, have %d", maxSets, len(sets))
	}
	var out fault.Violations
	next := *v
	for i, s := range sets {
		n := e.byName[CustomPrefix+s.key]
		switch {
		case s.key == "":
			out.Add(fmt.Sprintf("custom[%d]", i), "names no field: use schema.NewKey")
			continue
		case n == nil && keyFault(s.key, true) != "":
			out.Add(fmt.Sprintf("custom[%d]", i), "is no key of a custom field: %s", keyFault(s.key, true))
			continue
		case n == nil:
			out.Add(CustomPrefix+s.key, "%s", e.unknown(s.key))
			continue
		}
		x, msg := n.fit(s)
		if msg != "" {
			out.Add(n.Name, "%s", msg)
			continue
		}
		n.checkSet(&out, x)
		next.setClassed(s.key, x, n.Class)
	}
	if err := out.Err(); err != nil {
		return err
	}
	*v = next
	return nil
}

// checkSet checks a value that is about to be set; whether a blank one is allowed is for Validate to say.
func (n *node) checkSet(out *fault.Violations, x rule.Value) {
	if !blank(x) {
		n.checkValue(out, n.Name, x)
	}
}

// fit turns the assigned value into one of the field's type.
func (n *node) fit(s Set) (rule.Value, string) {
	switch {
	case s.bad:
		return rule.Blank, "has a type that custom fields cannot have"
	case s.value.IsBlank() || s.value.Type() == n.Type:
		return s.value, ""
	case n.Type == rule.TypeFloat && s.value.Type() == rule.TypeInt:
		return rule.Float(s.value.Float()), ""
	}
	return rule.Blank, fmt.Sprintf("want %s, have %s", n.Type, s.value.Type())
}

// unknown words the fault of a key that no field has.
func (e *Entity) unknown(key string) string {
	if !e.HasCustom() {
		return "the kind " + e.Name + " has no custom fields"
	}
	names := make([]string, len(e.custom))
	for i, n := range e.custom {
		names[i] = n.key
	}
	if near := rule.Nearest(key, names); near != "" {
		return fmt.Sprintf("no such custom field: did you mean %q?", CustomPrefix+near)
	}
	return "no such custom field: define it first"
}

// With returns a copy of the entity that has custom fields as well. Names may be given with or without the prefix
// "custom."; a name of two words, "expo.size", is an extension's. Fields of class None to Behaviour are possible:
// sealed classes are refused, see [Definition].
//
// Errors: Invalid naming the field, also when records of the entity cannot carry custom fields.
func (e *Entity) With(custom ...Field) (*Entity, error) {
	if len(custom) == 0 {
		return e, nil
	}
	if !e.HasCustom() {
		return nil, fault.Field("entity", "%s has no custom fields", e.Name)
	}
	var out fault.Violations
	c := *e
	c.custom = append([]*node(nil), e.custom...)
	seen := map[string]bool{}
	for _, f := range custom {
		n, msg := customNode(f)
		if msg == "" && (seen[n.Name] || e.byName[n.Name] != nil) {
			msg = "is defined twice"
		}
		if msg != "" {
			out.Add(f.Name, "%s", msg)
			continue
		}
		seen[n.Name] = true
		c.custom = append(c.custom, n)
	}
	if err := out.Err(); err != nil {
		return nil, err
	}
	sortByKey(c.custom)
	c.index()
	return &c, nil
}

func customNode(f Field) (*node, string) {
	d := Definition{Key: NewSet(f.Name, rule.Blank).Key(), Type: f.Type, Label: f.Label, Class: f.Class,
		Enum: f.Enum, MaxLen: f.MaxLen, Sortable: f.Sortable, Required: f.Required}
	if msg := keyFault(d.Key, true); msg != "" {
		return nil, msg
	}
	var v fault.Violations
	d.check(&v)
	if err := v.Err(); err != nil {
		return nil, err.Error()
	}
	n := &node{Field: d.Field(), kind: kindCustom, key: d.Key}
	n.ReadOnly = f.ReadOnly
	if f.Origin != "" {
		n.Origin = f.Origin
	}
	if n.Class == "" {
		n.Class = personal.None
	}
	return n, ""
}
