package rule

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Named gives the values of one record by field name.
type Named interface {
	// Field must return the field's value, blank for an empty or unknown field.
	Field(name string) Value
}

// Eval answers the predicate for one record, with three values: a comparison that a blank field, another currency or
// another type keeps from an answer is [Unknown]; && and || answer where one part decides alone. A store that renders
// the predicate with [Predicate.SQL] selects the records for which Eval answers [Yes].
func (p Predicate) Eval(rec Named) Outcome {
	if p.n == nil {
		return Yes
	}
	n := p.n
	switch n.op {
	case opTrue:
		return Yes
	case opFalse:
		return No
	case opAnd:
		return fold(n.kids, rec, No)
	case opOr:
		return fold(n.kids, rec, Yes)
	case opNot:
		return not(n.kids[0].Eval(rec))
	case opOpen:
		return Unknown
	case opIf:
		return choose(n.kids, rec)
	}
	x := rec.Field(n.field)
	switch {
	case n.other != "":
		return leafOutcome(n.op, x, rec.Field(n.other))
	case n.op == opIn:
		return bit(slices.ContainsFunc(n.list, func(v Value) bool { return same(x, v) }))
	case n.op == opHas:
		return bit(slices.Contains(x.list, n.value.text))
	}
	return leafOutcome(n.op, x, n.value)
}

// fold joins the parts of && (decided by No) or || (decided by Yes).
func fold(parts []Predicate, rec Named, decides Outcome) Outcome {
	out := not(decides)
	for _, p := range parts {
		switch o := p.Eval(rec); o {
		case decides:
			return decides
		case Unknown:
			out = Unknown
		}
	}
	return out
}

func choose(kids []Predicate, rec Named) Outcome {
	switch kids[0].Eval(rec) {
	case Yes:
		return kids[1].Eval(rec)
	case No:
		return kids[2].Eval(rec)
	case Unknown:
	}
	return Unknown
}

func not(o Outcome) Outcome {
	switch o {
	case Yes:
		return No
	case No:
		return Yes
	case Unknown:
	}
	return Unknown
}

func bit(b bool) Outcome {
	if b {
		return Yes
	}
	return No
}

// leafOutcome compares two values; equality is always definite, everything else wants two values of one kind.
func leafOutcome(o op, x, y Value) Outcome {
	switch o {
	case opEq:
		return bit(same(x, y))
	case opNe:
		return bit(!same(x, y))
	case opIs:
		if x.typ != TypeBool {
			return Unknown
		}
		return bit(x.num == 1)
	case opStarts, opEnds, opContains:
		return textOutcome(o, x, y)
	}
	c, ok := order(x, y)
	if !ok {
		return Unknown
	}
	switch o {
	case opLt:
		return bit(c < 0)
	case opLe:
		return bit(c <= 0)
	case opGt:
		return bit(c > 0)
	case opGe:
		return bit(c >= 0)
	}
	return Unknown
}

func textOutcome(o op, x, y Value) Outcome {
	switch {
	case x.typ != TypeText || y.typ != TypeText:
		return Unknown
	case o == opStarts:
		return bit(strings.HasPrefix(x.text, y.text))
	case o == opEnds:
		return bit(strings.HasSuffix(x.text, y.text))
	}
	return bit(strings.Contains(x.text, y.text))
}

// same is Equal, with ints and floats compared as numbers.
func same(x, y Value) bool {
	if numeric(x) && numeric(y) && x.typ != y.typ {
		c, ok := order(x, y)
		return ok && c == 0
	}
	return x.Equal(y)
}

func numeric(v Value) bool { return v.typ == TypeInt || v.typ == TypeFloat }

// order compares two values of one kind; ok is false for blanks, lists, two currencies, NaN and two kinds.
func order(x, y Value) (c int, ok bool) {
	switch {
	case numeric(x) && numeric(y):
		return orderNumbers(x, y)
	case x.typ != y.typ:
		return 0, false
	}
	switch x.typ {
	case TypeBool, TypeTime, TypeDate:
		return cmp.Compare(x.num, y.num), true
	case TypeText:
		return strings.Compare(x.text, y.text), true
	case TypeID:
		return x.id.Compare(y.id), true
	case TypeMoney:
		return cmp.Compare(x.num, y.num), x.text == y.text
	}
	return 0, false
}

func orderNumbers(x, y Value) (int, bool) {
	switch {
	case x.typ == TypeInt && y.typ == TypeInt:
		return cmp.Compare(x.num, y.num), true
	case x.typ == TypeFloat && y.typ == TypeFloat:
		return cmp.Compare(x.flt, y.flt), !math.IsNaN(x.flt) && !math.IsNaN(y.flt)
	case x.typ == TypeFloat:
		c, ok := orderNumbers(y, x)
		return -c, ok
	}
	return orderMixed(x.num, y.flt)
}

// orderMixed compares exactly: a float conversion of the int could round it onto its neighbour.
func orderMixed(n int64, f float64) (int, bool) {
	switch {
	case math.IsNaN(f):
		return 0, false
	case f >= 1<<63:
		return -1, true
	case f < -1<<63:
		return 1, true
	}
	whole := math.Trunc(f)
	if c := cmp.Compare(n, int64(whole)); c != 0 {
		return c, true
	}
	return cmp.Compare(whole, f), true
}
