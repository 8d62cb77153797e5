package rule

import (
	"strconv"
	"strings"
)

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
