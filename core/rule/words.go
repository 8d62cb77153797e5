package rule

import (
	"slices"
	"strconv"
	"strings"
)

// EqField is true where both fields hold the same value, two blanks included.
func EqField(field, other string) Predicate { return pair(opEq, field, other) }

// LtField is true where field is less than other; unknown where either is blank.
func LtField(field, other string) Predicate { return pair(opLt, field, other) }

// LeField is true where field is at most other; unknown where either is blank.
func LeField(field, other string) Predicate { return pair(opLe, field, other) }

func pair(o op, field, other string) Predicate {
	return Predicate{&node{op: o, field: field, other: other}}
}

// Fields lists the fields the predicate reads, sorted, each once; nil for a constant.
func (p Predicate) Fields() []string {
	out := p.fields(nil)
	slices.Sort(out)
	return slices.Compact(out)
}

func (p Predicate) fields(out []string) []string {
	if p.n == nil {
		return out
	}
	for _, k := range p.n.kids {
		out = k.fields(out)
	}
	if p.n.field != "" {
		out = append(out, p.n.field)
	}
	if p.n.other != "" {
		out = append(out, p.n.other)
	}
	return out
}

// Leaves calls fn for each comparison of a field with values, until fn returns an error, which it returns.
func (p Predicate) Leaves(fn func(field string, values []Value) error) error {
	if p.n == nil {
		return nil
	}
	for _, k := range p.n.kids {
		if err := k.Leaves(fn); err != nil {
			return err
		}
	}
	switch {
	case p.n.field == "" || p.n.other != "":
		return nil
	case p.n.op == opIn:
		return fn(p.n.field, p.n.list)
	}
	return fn(p.n.field, []Value{p.n.value})
}

// String writes the predicate with its values, so that two predicates of equal text are equal. It is made for digests
// and tests: values may be personal, so it must not be logged.
func (p Predicate) String() string {
	var b strings.Builder
	p.write(&b, opAnd)
	return b.String()
}

var words = [...]string{opEq: " == ", opNe: " != ", opLt: " < ", opLe: " <= ", opGt: " > ", opGe: " >= ", opIn: " in ",
	opStarts: " startsWith ", opEnds: " endsWith ", opContains: " contains ", opHas: " has "}

func (p Predicate) write(b *strings.Builder, within op) {
	switch {
	case p.n == nil || p.n.op == opTrue:
		b.WriteString("true")
		return
	case p.n.op == opFalse:
		b.WriteString("false")
		return
	case p.n.op == opOpen:
		b.WriteString("unknown")
		return
	case p.n.op == opIs:
		b.WriteString(p.n.field)
		return
	case p.n.op == opAnd, p.n.op == opOr:
		p.writeJoin(b, within)
		return
	case p.n.op == opIf:
		for i, word := range []string{"(", " ? ", " : "} {
			b.WriteString(word)
			p.n.kids[i].write(b, opIf)
		}
		b.WriteString(")")
		return
	case p.n.op == opNot:
		b.WriteString("!(")
		p.n.kids[0].write(b, opNot)
		b.WriteString(")")
		return
	}
	n := p.n
	b.WriteString(n.field + words[n.op])
	switch {
	case n.other != "":
		b.WriteString(n.other)
	case n.op == opIn:
		b.WriteByte('[')
		for i, v := range n.list {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(v.Literal())
		}
		b.WriteByte(']')
	default:
		b.WriteString(n.value.Literal())
	}
}

func (p Predicate) writeJoin(b *strings.Builder, within op) {
	word := " && "
	if p.n.op == opOr {
		word = " || "
	}
	if p.n.op != within {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	for i, k := range p.n.kids {
		if i > 0 {
			b.WriteString(word)
		}
		k.write(b, p.n.op)
	}
}

// Literal writes the value as a rule spells it: "gold", 5, 0.5, date("2026-03-29"), money("10.00 EUR"), null.
func (v Value) Literal() string {
	switch v.typ {
	case TypeNone:
		return "null"
	case TypeText:
		return strconv.Quote(v.text)
	case TypeFloat:
		s := v.String()
		if !strings.ContainsAny(s, ".eINn") {
			s += ".0"
		}
		return s
	case TypeTime:
		return `timestamp("` + v.String() + `")`
	case TypeDate:
		return `date("` + v.String() + `")`
	case TypeMoney:
		return `money("` + v.String() + `")`
	case TypeID:
		return `id("` + v.String() + `")`
	case TypeTexts:
		parts := make([]string, len(v.list))
		for i, s := range v.list {
			parts[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case TypeBool, TypeInt:
	}
	return v.String()
}

// Need says what the fields of a predicate need for it to be want. For one comparison of a field with a value the field
// goes without saying: ">= 10000.00 EUR", `one of "a", "b"`, "a value", "blank"; comparisons joined by && and || name
// theirs: `amount >= 10000.00 EUR or stage is "won"`. It is "" for every other predicate.
func (p Predicate) Need(want bool) string {
	p, want = p.bare(want)
	if p.n != nil && (p.n.op == opAnd || p.n.op == opOr) {
		return p.needs(want, p.n.op)
	}
	return p.needOne(want)
}

// bare takes off the negations around a predicate.
func (p Predicate) bare(want bool) (Predicate, bool) {
	for p.n != nil && p.n.op == opNot {
		p, want = p.n.kids[0], !want
	}
	return p, want
}

// needs is Need with the names of the fields; within is the operation around it.
func (p Predicate) needs(want bool, within op) string {
	p, want = p.bare(want)
	if p.n == nil || p.n.op != opAnd && p.n.op != opOr {
		return p.named(want)
	}
	parts := make([]string, len(p.n.kids))
	for i, k := range p.n.kids {
		if parts[i] = k.needs(want, p.n.op); parts[i] == "" {
			return ""
		}
	}
	word := " or "
	if (p.n.op == opAnd) == want {
		word = " and "
	}
	out := strings.Join(parts, word)
	if p.n.op != within {
		out = "(" + out + ")"
	}
	return out
}

// named is the need of one comparison with the name of its field.
func (p Predicate) named(want bool) string {
	need := p.needOne(want)
	switch {
	case need == "":
		return ""
	case p.n.other != "" || p.n.op >= opLt && p.n.op <= opGe:
		return p.n.field + " " + need
	case p.n.op == opHas && want:
		return p.n.field + " with " + need
	case p.n.op == opHas:
		return p.n.field + " without " + strings.TrimPrefix(need, "not ")
	}
	return p.n.field + " is " + need
}

func (p Predicate) needOne(want bool) string {
	if p.n == nil || p.n.field == "" {
		return ""
	}
	n := p.n
	o := n.op
	if !want && int(o) < len(negated) && negated[o] != opTrue {
		o = negated[o]
	}
	switch {
	case n.other != "":
		return strings.TrimSpace(words[o]) + " " + n.other
	case o == opEq && n.value.IsBlank():
		return "blank"
	case o == opNe && n.value.IsBlank():
		return "a value"
	case o == opIs:
		return strconv.FormatBool(want)
	}
	var s string
	switch o {
	case opIn:
		s = "one of " + needList(n.list)
	case opStarts:
		s = "a text that starts with " + n.value.need()
	case opEnds:
		s = "a text that ends with " + n.value.need()
	case opContains:
		s = "a text that contains " + n.value.need()
	case opHas:
		s = "the element " + n.value.need()
	case opEq:
		return n.value.need()
	case opNe:
		return "not " + n.value.need()
	default:
		return strings.TrimSpace(words[o]) + " " + n.value.need()
	}
	if !want {
		return "not " + s
	}
	return s
}

func needList(list []Value) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = v.need()
	}
	return strings.Join(parts, ", ")
}

// need writes a value as people read it: text in quotes, everything else bare.
func (v Value) need() string {
	if v.typ == TypeText || v.typ == TypeNone {
		return v.Literal()
	}
	return v.String()
}
