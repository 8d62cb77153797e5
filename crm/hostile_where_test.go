package crm_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
)

// where lists and counts customers under a condition.
func (x *target) where(expr string, args map[string]any) func(ctx context.Context, s *crm.Session) error {
	return func(ctx context.Context, s *crm.Session) error {
		f := customer.Filter{Query: page.Query{Where: page.Where{Expr: expr, Args: args}}}
		_, err := s.Customers.Page(ctx, f)
		if _, again := s.Customers.Count(ctx, f); (err == nil) != (again == nil) {
			return fmt.Errorf("a page says %w, a count %w", err, again)
		}
		return err
	}
}

func deep(n int) string { return strings.Repeat("(", n) + "true" + strings.Repeat(")", n) }

func (x *target) conditions() (list []attack) {
	for name, expr := range map[string]string{
		"100 kB": `country == "` + strings.Repeat("x", 100<<10) + `"`, "deep": deep(1900), "deep not": strings.Repeat("!", 5000) + "true",
		"deep minus": strings.Repeat("-", 5000) + "1 == 1", "deep lists": strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + " == []",
		"open": strings.Repeat("version == 1 || ", 240) + "true(", "blank": "   ", "unknown": "nam == 'x'",
		"SQL": "1=1; DROP TABLE crm_customer; --", "union": "name == '' UNION SELECT * FROM crm_subject_key", "loop over a list": `custom.c_texts.exists(t, t == "a")`,
		"quote": `country == "DE' OR '1'='1`, "no condition": "name", "number": "1", "assign": "version = 1",
		"group": `points.value == "x"`, "group itself": "points == null", "ext": `ext == "erp"`, "custom itself": "custom == null",
		"custom unknown": `custom.nope == "x"`, "function": `exec("x")`, "loop": `["a"].exists(x, ["b"].exists(y, x == y))`,
		"map": `{"a": 1}.a == 1`, "types": `version == "1"`, "money": `version == money("1 QQQ")`, "date": `created_at == date("0000-00-00")`,
		"NUL text": `country == "\x00"`, "NUL list": `country in ["DE", "\u0000"]`, "NUL start": `country.startsWith("a\000")`,
		"bad regexp": `country.matches("(")`, "huge repeat": `country.matches("((a{1000}){1000}){1000}")`,
		"enum": `kind == "persn"`, "field of text": `country.x == "a"`, "message": `Foo{a: 1} == null`,
		"tenant":       `tenant_id == "umbrella"`,
		"not a number": "custom.c_float == 0.0 / 0.0", "infinite": "custom.c_float < 1.0 / 0.0",
	} {
		list = append(list, invalid("expr "+name, "", x.where(expr, nil)))
	}
	return list
}

func (x *target) arguments() (list []attack) {
	many := map[string]any{"x": "DE"}
	for i := range 200 {
		many[fmt.Sprintf("a%d", i)] = i
	}
	for name, w := range map[string]struct {
		field string
		args  map[string]any
	}{
		"blank": {"where.args.x", map[string]any{"x": nil}}, "chan": {"where.args.x", map[string]any{"x": make(chan int)}},
		"func": {"where.args.x", map[string]any{"x": func() {}}}, "map": {"where.args.x", map[string]any{"x": map[string]int{}}},
		"NaN": {"where.args.x", map[string]any{"x": math.NaN()}}, "infinity": {"where.args.x", map[string]any{"x": math.Inf(1)}},
		"money": {"where.args.x", map[string]any{"x": money.Amount{Minor: 1, Currency: "QQQ"}}}, "int for text": {"", map[string]any{"x": 7}},
		"field": {"where.args.country", map[string]any{"x": "DE", "country": "DE"}}, "now": {"", map[string]any{"x": "DE", "now": "DE"}},
		"no name":   {"where.args", map[string]any{"x": "DE", "": "DE"}},
		"long list": {"where.args.x", map[string]any{"x": make([]string, 1e6)}}, "many": {"where.args", many},
		"function": {"", map[string]any{"x": 7, "money": "1 EUR"}}, "missing": {"", nil},
	} {
		list = append(list, invalid("arg "+name, w.field, x.where("country == x || country in [x]", w.args)))
	}
	return append(list, invalid("100000 kinds", "kind", func(ctx context.Context, s *crm.Session) error {
		kinds := make([]customer.Kind, 1e5)
		for i := range kinds {
			kinds[i] = customer.Person
		}
		_, err := s.Customers.Page(ctx, customer.Filter{Kinds: kinds})
		return err
	}))
}

func TestConditionsThatAreNone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		x.withstand(t, x.conditions())
		x.withstand(t, x.arguments())
	})
}

func TestConditionsThatOnlyLookDangerous(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		for _, w := range []page.Where{
			{Expr: "country in x", Args: map[string]any{"x": []string{}}},
			{Expr: "country == x", Args: map[string]any{"x": "' OR 1=1 --"}},
			{Expr: "country in x", Args: map[string]any{"x": strings.Split(strings.Repeat("x ", 999), " ")}},
			{Expr: `name.contains(x)`, Args: map[string]any{"x": `%_\'";`}},
			{Expr: "name.contains(x)", Args: map[string]any{"x": "%"}},
			{Expr: "!" + deep(20)},
			{Expr: strings.Repeat("!", 3999) + "true"},
			{Expr: "1 / 0 == version"},
			{Expr: "9223372036854775807 + 1 == version"},
			{Expr: "false // ' comment"},
		} {
			f := customer.Filter{Query: page.Query{Where: w}}
			p, err := x.s.Customers.Page(t.Context(), f)
			require.NoError(t, err, w.Expr)
			require.Empty(t, p.Items, w.Expr)
			n, err := x.s.Customers.Count(t.Context(), f)
			require.NoError(t, err, w.Expr)
			require.Zero(t, n)
		}
	})
}
