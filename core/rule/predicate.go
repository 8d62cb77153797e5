package rule

// Predicate is a condition over one record that a store turns into SQL and Go evaluates, with equal results.
// List filters, segments and access policies share it. Its zero value is true for every record.
//
// Predicates are built by [Eq], [In], [All] and their like, or from a rule by the engine. They hold no database
// names: [Columns] maps fields when the predicate is rendered. A Predicate is immutable and safe for concurrent use.
type Predicate struct{ n *node }

// op is the kind of a node.
type op uint8

const (
	opTrue op = iota
	opFalse
	opAnd
	opOr
	opNot
	opEq // blank == blank is true, as in CEL
	opNe
	opLt
	opLe
	opGt
	opGe
	opIn
	opStarts
	opEnds
	opContains
	opHas // texts field contains the value
	opIs  // bool field is true; unknown when blank
	opOpen
	opIf
)

// node is one node of a predicate: an operator over children, or over a field and a value or second field.
type node struct {
	op    op
	kids  []Predicate
	field string
	other string // second field, when value is not used
	value Value
	list  []Value
}

// True is the predicate that every record satisfies; it is the zero Predicate.
func True() Predicate { return Predicate{} }

// False is the predicate that no record satisfies.
func False() Predicate { return Predicate{&node{op: opFalse}} }

// All is true when every part is; without parts it is true.
func All(parts ...Predicate) Predicate { return join(opAnd, parts) }

// Any is true when at least one part is; without parts it is false.
func Any(parts ...Predicate) Predicate {
	if len(parts) == 0 {
		return False()
	}
	return join(opOr, parts)
}

// Not is true where p is false; where p is unknown, Not is unknown.
func Not(p Predicate) Predicate {
	switch {
	case p.n == nil:
		return False()
	case p.n.op == opFalse:
		return True()
	}
	return Predicate{&node{op: opNot, kids: []Predicate{p}}}
}

func join(o op, parts []Predicate) Predicate {
	kids := make([]Predicate, 0, len(parts))
	for _, p := range parts {
		switch {
		case p.n == nil && o == opAnd:
		case p.n == nil:
			return True()
		case p.n.op == opFalse && o == opOr:
		case p.n.op == opFalse:
			return False()
		default:
			kids = append(kids, p)
		}
	}
	switch {
	case len(kids) == 1:
		return kids[0]
	case len(kids) == 0 && o == opAnd:
		return True()
	case len(kids) == 0:
		return False()
	}
	return Predicate{&node{op: o, kids: kids}}
}

func leaf(o op, field string, v Value) Predicate {
	return Predicate{&node{op: o, field: field, value: v}}
}

// Eq is true where the field equals v; a blank v asks for blank fields.
func Eq(field string, v Value) Predicate { return leaf(opEq, field, v) }

// Ne is true where the field differs from v; a blank field differs from every value.
func Ne(field string, v Value) Predicate { return leaf(opNe, field, v) }

// Lt is true where the field is less than v; unknown where the field is blank.
func Lt(field string, v Value) Predicate { return leaf(opLt, field, v) }

// Le is true where the field is at most v; unknown where the field is blank.
func Le(field string, v Value) Predicate { return leaf(opLe, field, v) }

// Gt is true where the field is greater than v; unknown where the field is blank.
func Gt(field string, v Value) Predicate { return leaf(opGt, field, v) }

// Ge is true where the field is at least v; unknown where the field is blank.
func Ge(field string, v Value) Predicate { return leaf(opGe, field, v) }

// In is true where the field equals one of the values; without values it is false.
func In(field string, values ...Value) Predicate {
	if len(values) == 0 {
		return False()
	}
	return Predicate{&node{op: opIn, field: field, list: values}}
}

// InTexts is [In] for the texts of a list, whatever a domain calls their type.
func InTexts[T ~string](field string, list ...T) Predicate {
	values := make([]Value, len(list))
	for i, s := range list {
		values[i] = Text(string(s))
	}
	return In(field, values...)
}

// StartsWith is true where the text field begins with s; unknown where the field is blank.
func StartsWith(field, s string) Predicate { return leaf(opStarts, field, Text(s)) }

// EndsWith is true where the text field ends with s; unknown where the field is blank.
func EndsWith(field, s string) Predicate { return leaf(opEnds, field, Text(s)) }

// Contains is true where the text field contains s; unknown where the field is blank.
func Contains(field, s string) Predicate { return leaf(opContains, field, Text(s)) }

// Has is true where the list field has the element s; false where the field is blank.
func Has(field, s string) Predicate { return leaf(opHas, field, Text(s)) }

// Is is true where the bool field is true and unknown where it is blank, unlike Eq, which is false there.
func Is(field string) Predicate { return leaf(opIs, field, Bool(true)) }

// If is then where cond is true, and otherwise where cond is false; it is unknown where cond is, even when both answers
// would be the same.
func If(cond, then, otherwise Predicate) Predicate {
	switch {
	case cond.IsTrue():
		return then
	case cond.IsFalse():
		return otherwise
	}
	return Predicate{&node{op: opIf, kids: []Predicate{cond, then, otherwise}}}
}

// Undecided is unknown for every record: it selects none, and neither does its negation.
func Undecided() Predicate { return Predicate{&node{op: opOpen}} }

// IsTrue reports whether p is the constant true, so that a statement can leave it out.
func (p Predicate) IsTrue() bool { return p.n == nil }

// IsFalse reports whether p is the constant false, so that a list can answer without a statement.
func (p Predicate) IsFalse() bool { return p.n != nil && p.n.op == opFalse }

// EqField is true where both fields hold the same value, two blanks included.
func EqField(field, other string) Predicate { return pair(opEq, field, other) }

// LtField is true where field is less than other; unknown where either is blank.
func LtField(field, other string) Predicate { return pair(opLt, field, other) }

// LeField is true where field is at most other; unknown where either is blank.
func LeField(field, other string) Predicate { return pair(opLe, field, other) }

func pair(o op, field, other string) Predicate {
	return Predicate{&node{op: o, field: field, other: other}}
}
