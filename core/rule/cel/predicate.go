package cel

import (
	"maps"
	"math"
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
)

// Predicate implements [rule.Program]. Parts that read no field are evaluated now, with the engine itself.
func (p *program) Predicate(in rule.Input) (rule.Predicate, error) {
	for _, name := range slices.Sorted(maps.Keys(p.scope.env.Args)) {
		if v, t := in.Args[name], p.scope.env.Args[name]; v.Type() != t {
			return rule.False(), fault.Field(name, "the argument must be %s, is %s", t, v.Type())
		}
	}
	c := converter{program: p, in: newInputs(p.scope, nil, in)}
	out := c.condition(p.root)
	if c.err != nil {
		return rule.False(), c.err
	}
	return out, nil
}

// converter turns a checked expression into a predicate. The first part no database can evaluate ends it.
type converter struct {
	*program
	in  *inputs
	err error
}

// refuse names the part at fault.
func (c *converter) refuse(what string) rule.Predicate {
	if c.err == nil {
		c.err = fault.New(fault.Invalid, "lists cannot evaluate %s: compare one field with one value", what)
	}
	return rule.Undecided()
}

func (c *converter) condition(e ast.Expr) rule.Predicate {
	switch {
	case c.err != nil:
		return rule.Undecided()
	case c.isConst(e):
		return c.constant(e)
	}
	switch e.Kind() {
	case ast.IdentKind:
		return rule.Is(e.AsIdent())
	case ast.CallKind:
		return c.call(e.AsCall())
	case ast.ComprehensionKind:
		return c.refuse("loops over a list")
	}
	return c.refuse("this expression")
}

func (c *converter) isConst(e ast.Expr) bool {
	return e.Kind() == ast.LiteralKind || c.consts[e.ID()] != nil
}

// eval returns the value of a constant part, an error value included.
func (c *converter) eval(e ast.Expr) ref.Val {
	if e.Kind() == ast.LiteralKind {
		return e.AsLiteral()
	}
	v, _, err := c.consts[e.ID()].Eval(c.in)
	if err != nil {
		return types.WrapErr(err)
	}
	return v
}

func (c *converter) constant(e ast.Expr) rule.Predicate {
	switch c.eval(e) {
	case types.True:
		return rule.True()
	case types.False:
		return rule.False()
	}
	return rule.Undecided()
}

func (c *converter) call(call ast.CallExpr) rule.Predicate {
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd:
		return rule.All(c.conditions(args)...)
	case operators.LogicalOr:
		return rule.Any(c.conditions(args)...)
	case operators.LogicalNot:
		return rule.Not(c.condition(args[0]))
	case operators.Conditional:
		k := c.conditions(args)
		return rule.If(k[0], k[1], k[2])
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return c.compare(name, args[0], args[1])
	case operators.In:
		return c.in2(args[0], args[1])
	case overloads.StartsWith, overloads.EndsWith, overloads.Contains:
		return c.match(name, call.Target(), args[0])
	default:
		return c.refuse(name)
	}
}

func (c *converter) conditions(args []ast.Expr) []rule.Predicate {
	out := make([]rule.Predicate, len(args))
	for i, a := range args {
		out[i] = c.condition(a)
	}
	return out
}

// field returns the name when e is a field.
func (c *converter) field(e ast.Expr) (string, bool) {
	if e.Kind() != ast.IdentKind {
		return "", false
	}
	_, ok := c.scope.slots[e.AsIdent()]
	return e.AsIdent(), ok
}

// swapped is the operator with its sides exchanged.
var swapped = map[string]string{
	operators.Equals: operators.Equals, operators.NotEquals: operators.NotEquals,
	operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
	operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
}

func (c *converter) compare(op string, a, b ast.Expr) rule.Predicate {
	x, xField := c.field(a)
	y, yField := c.field(b)
	switch {
	case xField && yField:
		return c.compareFields(op, x, y)
	case xField && c.isConst(b):
		return c.leaf(op, x, c.eval(b))
	case yField && c.isConst(a):
		return c.leaf(swapped[op], y, c.eval(a))
	}
	return c.refuse("a comparison of computed values")
}

func (c *converter) compareFields(op, x, y string) rule.Predicate {
	a, b := c.typeOf(x), c.typeOf(y)
	if a != b || a == rule.TypeTexts {
		return c.refuse("a comparison of " + x + " with " + y)
	}
	switch op {
	case operators.Equals:
		return rule.EqField(x, y)
	case operators.NotEquals:
		return rule.Not(rule.EqField(x, y))
	case operators.Less:
		return rule.LtField(x, y)
	case operators.LessEquals:
		return rule.LeField(x, y)
	case operators.Greater:
		return rule.LtField(y, x)
	}
	return rule.LeField(y, x)
}

func (c *converter) typeOf(field string) rule.Type {
	return c.scope.env.Fields[c.scope.slots[field]].Type
}

// leaf compares a field with a constant.
func (c *converter) leaf(op, field string, val ref.Val) rule.Predicate {
	if types.IsUnknownOrError(val) {
		return rule.Undecided()
	}
	v, ok := toValue(val)
	if !ok || v.Type() == rule.TypeTexts {
		return c.refuse("a comparison with " + typeWord(val.Type().(*types.Type))) //nolint:forcetypeassert // the engine has no other
	}
	if v, op, ok = fit(c.typeOf(field), v, op); !ok {
		return c.refuse("a comparison of " + field + " with this number")
	}
	switch op {
	case operators.Equals:
		return rule.Eq(field, v)
	case operators.NotEquals:
		return rule.Ne(field, v)
	case operators.Less:
		return rule.Lt(field, v)
	case operators.LessEquals:
		return rule.Le(field, v)
	case operators.Greater:
		return rule.Gt(field, v)
	}
	return rule.Ge(field, v)
}

// exact is the range in which floats hold every whole number.
const exact = 1 << 53

// fit turns a number into one of the field's type without changing what the comparison means.
func fit(t rule.Type, v rule.Value, op string) (rule.Value, string, bool) {
	switch {
	case v.IsBlank() || v.Type() == t && t != rule.TypeFloat:
		return v, op, true
	case t == rule.TypeFloat && v.Type() == rule.TypeInt:
		return rule.Float(v.Float()), op, v.Int() <= exact && v.Int() >= -exact
	case t == rule.TypeFloat && v.Type() == rule.TypeFloat:
		return v, op, !math.IsNaN(v.Float()) && !math.IsInf(v.Float(), 0)
	case t != rule.TypeInt || v.Type() != rule.TypeFloat || !(math.Abs(v.Float()) < exact): // from there the engine rounds the int
		return v, op, false
	}
	switch f := v.Float(); op {
	case operators.Less, operators.GreaterEquals:
		return rule.Int(int64(math.Ceil(f))), op, true
	case operators.LessEquals, operators.Greater:
		return rule.Int(int64(math.Floor(f))), op, true
	}
	return v, op, false
}

// in2 converts x in list: a field in constants, or a constant in a list field.
func (c *converter) in2(x, list ast.Expr) rule.Predicate {
	field, isField := c.field(x)
	if name, ok := c.field(list); ok && c.isConst(x) {
		return c.has(name, c.eval(x))
	}
	if !isField {
		return c.refuse("in over computed values")
	}
	var vals []ref.Val
	switch {
	case c.isConst(list):
		l, ok := c.eval(list).(traits.Lister)
		if !ok {
			return rule.Undecided()
		}
		for it := l.Iterator(); it.HasNext() == types.True; {
			vals = append(vals, it.Next())
		}
	default:
		return c.refuse("in over a list of fields")
	}
	out := make([]rule.Value, 0, len(vals))
	for _, val := range vals {
		v, ok := toValue(val)
		if ok {
			v, _, ok = fit(c.typeOf(field), v, operators.Equals)
		}
		if !ok {
			return c.refuse("in over this list")
		}
		out = append(out, v)
	}
	return rule.In(field, out...)
}

func (c *converter) has(field string, val ref.Val) rule.Predicate {
	if types.IsUnknownOrError(val) {
		return rule.Undecided()
	}
	if s, ok := val.(types.String); ok {
		return rule.Has(field, string(s))
	}
	return c.refuse("in with something else than text")
}

func (c *converter) match(name string, target, arg ast.Expr) rule.Predicate {
	field, ok := c.field(target)
	if !ok || !c.isConst(arg) {
		return c.refuse(name + " of computed values")
	}
	val := c.eval(arg)
	s, ok := val.(types.String)
	switch {
	case types.IsUnknownOrError(val) || !ok:
		return rule.Undecided()
	case name == overloads.StartsWith:
		return rule.StartsWith(field, string(s))
	case name == overloads.EndsWith:
		return rule.EndsWith(field, string(s))
	}
	return rule.Contains(field, string(s))
}
