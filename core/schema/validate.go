package schema

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Validate checks a record against the schema: required fields, allowed values, lengths, well-formed text, finite
// numbers, years 1 to 9999, and the types of custom values. It returns one Invalid fault with every breach and its
// path, such as "points[1].value", or nil. Sealed text is not opened: it was checked when it was written.
func (e *Entity) Validate(rec any) error {
	var out fault.Violations
	v := e.open(rec)
	check(&out, e.nodes, v, "", 0)
	for _, n := range e.custom {
		n.checkValue(&out, n.Name, e.values(v).Get(n.key))
	}
	return out.Err()
}

// check looks at the fields of one struct; cut is the length of the group's name, which path replaces.
func check(out *fault.Violations, list []*node, v reflect.Value, path string, cut int) {
	for _, n := range list {
		x, name := n.at(v), path+n.Name[cut:]
		switch n.kind {
		case kindGroup:
			if n.Required && x.Len() == 0 {
				out.Add(name, "must not be empty: add at least one")
			}
			for i := range x.Len() {
				check(out, n.kids, x.Index(i), fmt.Sprintf("%s[%d]", name, i), len(n.Name))
			}
		case kindText:
			n.checkText(out, name, *at[personal.Text](x))
		case kindOpaque:
			if n.Required && (x.IsZero() || emptyList(x)) {
				out.Add(name, "must not be blank")
			}
		default:
			if x.Type() == moneyType {
				n.checkAmount(out, name, *at[money.Amount](x))
			} else {
				n.checkValue(out, name, n.get(x))
			}
		}
	}
}

var moneyType = reflect.TypeFor[money.Amount]()

// checkAmount refuses what is an amount for nobody: without a currency it would be blank to rules, and lost.
func (n *node) checkAmount(out *fault.Violations, name string, a money.Amount) {
	if n.Required && a.IsZero() {
		out.Add(name, "must not be blank")
	}
	out.AddAll(name, a.Validate())
}

func (n *node) checkText(out *fault.Violations, name string, t personal.Text) {
	switch t.State() {
	case personal.Absent:
		if n.Required {
			out.Add(name, "must not be blank")
		}
	case personal.Clear:
		if m := textFault(t.Reveal(), n.MaxLen); m != "" {
			out.Add(name, "%s", m)
		} else if n.Required && strings.TrimSpace(t.Reveal()) == "" {
			out.Add(name, "must not be blank")
		}
	case personal.Sealed, personal.Masked:
	}
}

// checkValue looks at one value; messages never hold a personal one.
func (n *node) checkValue(out *fault.Violations, name string, v rule.Value) {
	switch {
	case v.IsBlank():
		if n.Required {
			out.Add(name, "must not be blank")
		}
		return
	case v.Type() != n.Type:
		out.Add(name, "want %s, have %s", n.Type, v.Type())
		return
	}
	if m := valueFault(v, n.MaxLen); m != "" {
		out.Add(name, "%s", m)
		return
	}
	if n.Type == rule.TypeText && len(n.Enum) > 0 && !slices.Contains(n.Enum, v.Text()) {
		out.Add(name, "want one of %s", strings.Join(n.Enum, ", "))
	}
}

// maxList is the greatest number of elements of a list value.
const maxList = 200

func valueFault(v rule.Value, maxLen int) string {
	switch v.Type() {
	case rule.TypeText:
		return textFault(v.Text(), maxLen)
	case rule.TypeTexts:
		list := v.Texts()
		if len(list) > maxList {
			return fmt.Sprintf("must have at most %d elements, has %d", maxList, len(list))
		}
		for _, s := range list {
			if m := textFault(s, maxLen); m != "" {
				return m
			}
		}
	case rule.TypeFloat:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return "must be a finite number"
		}
	case rule.TypeMoney:
		if v.Money().Validate() != nil {
			return "must be an amount of an ISO 4217 currency"
		}
	case rule.TypeTime:
		if y := v.Time().Year(); y < 1 || y > 9999 {
			return "must lie in the years 1 to 9999"
		}
	}
	return ""
}

func tooLong(n, limit int) string {
	return fmt.Sprintf("must have at most %d characters, has %d", limit, n)
}
