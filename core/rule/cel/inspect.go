package cel

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/rule"
)

// inspector looks for what the type checker cannot know: malformed literals, values a field never has, loops in loops.
type inspector struct {
	scope  *scope
	expr   string
	ast    *ast.AST
	fields map[string]bool
	args   map[string]bool
	issues []rule.Issue
}

func (c *inspector) add(e ast.Expr, message string) {
	from, to := c.scope.place(c.expr, c.ast.SourceInfo(), e.ID())
	c.issues = append(c.issues, rule.Issue{From: from, To: to, Message: message})
}

func (c *inspector) look(e ast.Expr, loops int) {
	switch e.Kind() {
	case ast.IdentKind:
		name := e.AsIdent()
		if _, ok := c.scope.slots[name]; ok {
			c.fields[name] = true
		} else if _, ok := c.scope.env.Args[name]; ok {
			c.args[name] = true
		}
	case ast.ComprehensionKind:
		if loops++; loops > 1 {
			c.add(e, "a loop inside a loop is not possible")
			return
		}
	case ast.CallKind:
		c.call(e, e.AsCall())
	case ast.MapKind, ast.StructKind:
		c.add(e, "maps and messages are not part of the rule language")
		return
	}
	for _, k := range children(e) {
		c.look(k, loops)
	}
}

func (c *inspector) call(e ast.Expr, call ast.CallExpr) {
	args := call.Args()
	switch name := call.FunctionName(); name {
	case "money", "date", "id", "timestamp", overloads.TypeConvertDuration:
		c.literal(e, name, args[0])
	case overloads.Matches:
		if !isText(args[len(args)-1]) {
			c.add(e, "matches wants a pattern in quotes")
		}
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		c.whole(args[0], args[1])
		c.whole(args[1], args[0])
	case operators.Equals, operators.NotEquals:
		c.enum(args[0], args[1])
		c.enum(args[1], args[0])
	case operators.In:
		if args[1].Kind() == ast.ListKind {
			for _, x := range args[1].AsList().Elements() {
				c.enum(args[0], x)
			}
		}
	}
}

func isText(e ast.Expr) bool {
	if e.Kind() != ast.LiteralKind {
		return false
	}
	_, ok := e.AsLiteral().(types.String)
	return ok
}

// literal checks the text in money("…") and its like, so that it cannot fail later.
func (c *inspector) literal(e ast.Expr, name string, arg ast.Expr) {
	if !isText(arg) {
		c.add(e, name+" wants a literal in quotes; bind an argument of that type for other values")
		return
	}
	s, _ := arg.AsLiteral().Value().(string)
	var err error
	var want string
	switch name {
	case "money":
		_, err = money.Parse(s)
		want = `want money("10000.00 EUR") with an ISO 4217 currency and no more decimals than it has`
	case "date":
		_, err = date.Parse(s)
		want = `want date("2026-03-29")`
	case "id":
		_, err = ident.Parse(s)
		want = `want id("0190e6a2-7b1c-7def-8a34-0123456789ab")`
	case "timestamp":
		_, err = parseTime(s)
		want = `want timestamp("2026-03-29T10:00:00Z")`
	default:
		_, err = time.ParseDuration(s)
		want = `want duration("36h"), with h, m and s`
	}
	if err == nil {
		return
	}
	if n, ok := strings.CutSuffix(s, "d"); ok && name == overloads.TypeConvertDuration {
		if days, err := strconv.Atoi(n); err == nil {
			from, _ := c.scope.place(c.expr, c.ast.SourceInfo(), e.ID())
			c.daysFix(from, days)
			return
		}
	}
	c.add(e, want)
}

// daysFix offers days(90) for duration("90d").
func (c *inspector) daysFix(from, n int) {
	fix := fmt.Sprintf("days(%d)", n)
	to := len(c.expr)
	if i := strings.IndexByte(c.expr[from:], ')'); i >= 0 {
		to = from + i + 1
	}
	c.issues = append(c.issues, rule.Issue{From: from, To: to, Message: "a duration has no days: use " + fix, Fix: fix})
}

// field returns the field that a part is.
func (c *inspector) field(e ast.Expr) (f rule.Field, ok bool) {
	if e.Kind() != ast.IdentKind {
		return f, false
	}
	slot, ok := c.scope.slots[e.AsIdent()]
	if !ok {
		return f, false
	}
	return c.scope.env.Fields[slot], true
}

// whole refuses to compare a field of whole numbers with a fraction: whoever writes it takes the field for another one.
func (c *inspector) whole(field, lit ast.Expr) {
	f, ok := c.field(field)
	if !ok || f.Type != rule.TypeInt || lit.Kind() != ast.LiteralKind {
		return
	}
	if x, float := lit.AsLiteral().(types.Double); !float || float64(x) == math.Trunc(float64(x)) {
		return
	}
	from, to := c.scope.place(c.expr, c.ast.SourceInfo(), lit.ID())
	c.issues = append(c.issues, rule.Issue{
		From: from, To: to, Field: f.Name,
		Message: f.Name + " is a whole number: compare it with one, such as 5000 for a half in basis points",
	})
}

// enum checks a literal compared with a field of fixed values.
func (c *inspector) enum(field, lit ast.Expr) {
	f, ok := c.field(field)
	if !ok || !isText(lit) {
		return
	}
	s, _ := lit.AsLiteral().Value().(string)
	if len(f.Enum) == 0 || slices.Contains(f.Enum, s) {
		return
	}
	from, to := c.scope.place(c.expr, c.ast.SourceInfo(), lit.ID())
	i := rule.Issue{From: from, To: to, Field: f.Name, Message: fmt.Sprintf("%s never has this value: want one of %s", f.Name, strings.Join(f.Enum, ", "))}
	if near := rule.Nearest(s, f.Enum); near != "" {
		i.Message, i.Fix = fmt.Sprintf("%s never has this value: did you mean %q?", f.Name, near), strconv.Quote(near)
	}
	c.issues = append(c.issues, i)
}

func byPlace(a, b rule.Issue) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Field, b.Field))
}
