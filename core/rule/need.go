package rule

import (
	"strconv"
	"strings"
)

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
