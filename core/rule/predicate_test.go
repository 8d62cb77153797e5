package rule_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/rule"
)

type named map[string]rule.Value

func (n named) Field(name string) rule.Value { return n[name] }

// columns maps each field to a column of its own name; m is money, sealed has a blind index.
type columns struct{}

func (columns) Column(field string) (rule.Column, bool) {
	switch field {
	case "m", "m2":
		return rule.Column{Expr: field, Second: field + "_cur", Type: rule.TypeMoney, Can: rule.CanAll}, true
	case "sealed":
		blind := func(v rule.Value) any { return "blind:" + v.Text() }
		return rule.Column{Expr: "sealed_index", Encode: blind, Type: rule.TypeText, Can: rule.CanEqual}, true
	case "hidden", "nowhere":
		return rule.Column{}, field == "hidden"
	case "n":
		return rule.Column{Expr: "n", Type: rule.TypeInt, Can: rule.CanAll}, true
	}
	return rule.Column{Expr: field, Can: rule.CanAll}, true
}

func (columns) TextTest(test, expr, arg string) string { return test + "(" + expr + "," + arg + ")" }
func (columns) HasElement(expr, arg string) string     { return "has(" + expr + "," + arg + ")" }

type args []any

func (a *args) Arg(v any) string {
	*a = append(*a, v)
	return "$" + strconv.Itoa(len(*a))
}

func TestInTexts(t *testing.T) {
	t.Parallel()

	type stage string
	require.Equal(t, rule.In("stage", rule.Text("won"), rule.Text("lost")), rule.InTexts("stage", stage("won"), stage("lost")))
	require.True(t, rule.InTexts[stage]("stage").IsFalse())
}

func TestSQLNeverWrapsAPositiveComparison(t *testing.T) {
	t.Parallel()

	eur := rule.Money(money.MustParse("1.00 EUR"))
	for want, p := range map[string]rule.Predicate{
		"1=1":                                    rule.True(),
		"1=0":                                    rule.False(),
		"a = $1":                                 rule.Eq("a", rule.Int(1)),
		"(a <> $1 OR a IS NULL)":                 rule.Not(rule.Eq("a", rule.Int(1))),
		"a >= $1":                                rule.Not(rule.Lt("a", rule.Int(1))),
		"a IS NULL":                              rule.Eq("a", rule.Blank),
		"a IS NOT NULL":                          rule.Ne("a", rule.Blank),
		"a IN ($1,$2)":                           rule.In("a", rule.Int(1), rule.Int(2)),
		"(a NOT IN ($1) OR a IS NULL)":           rule.Not(rule.In("a", rule.Int(1))),
		"(a IN ($1) OR a IS NULL)":               rule.In("a", rule.Int(1), rule.Blank),
		"a NOT IN ($1)":                          rule.Not(rule.In("a", rule.Int(1), rule.Blank)),
		"(m_cur = $2 AND m >= $1)":               rule.Ge("m", eur),
		"(m_cur = $2 AND m < $1)":                rule.Not(rule.Ge("m", eur)),
		"(m <> $1 OR m_cur <> $2 OR m IS NULL)":  rule.Ne("m", eur),
		"(m_cur = m2_cur AND m < m2)":            rule.LtField("m", "m2"),
		"(a = b OR (a IS NULL AND b IS NULL))":   rule.EqField("a", "b"),
		"(a <> b OR (a IS NULL) <> (b IS NULL))": rule.Not(rule.EqField("a", "b")),
		"starts(a,$1)":                           rule.StartsWith("a", "x"),
		"NOT (contains(a,$1))":                   rule.Not(rule.Contains("a", "x")),
		"has(a,$1)":                              rule.Has("a", "x"),
		"(NOT (has(a,$1)) OR a IS NULL)":         rule.Not(rule.Has("a", "x")),
		"a = $1 AND (b = $2 OR c = $3)":          rule.All(rule.Is("a"), rule.Any(rule.Is("b"), rule.Is("c"))),
		"(b = $1 OR a = $2)":                     rule.Not(rule.All(rule.Is("b"), rule.Is("a"))),
		"((a = $1 AND b = $2) OR (a = $3 AND c = $4))": rule.If(rule.Is("a"), rule.Is("b"), rule.Is("c")),
		"sealed_index = $1":                            rule.Eq("sealed", rule.Text("x")),
	} {
		var a args
		got, err := p.SQL(columns{}, &a)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	var a args
	_, err := rule.Eq("sealed", rule.Text("x")).SQL(columns{}, &a)
	require.NoError(t, err)
	require.Equal(t, args{"blind:x"}, a)
}

func TestSQLRefuses(t *testing.T) {
	t.Parallel()

	for name, p := range map[string]rule.Predicate{
		"no column":     rule.Eq("nowhere", rule.Int(1)),
		"hidden":        rule.Eq("hidden", rule.Int(1)),
		"order":         rule.Lt("sealed", rule.Text("x")),
		"match":         rule.Contains("sealed", "x"),
		"wrong type":    rule.Eq("n", rule.Text("1")),
		"no money":      rule.Eq("n", rule.Money(money.MustParse("1 EUR"))),
		"NUL":           rule.Eq("a", rule.Text("a\x00b")),
		"NUL in list":   rule.Any(rule.True(), rule.Has("a", "a\x00b")),
		"UTF-8":         rule.In("a", rule.Text("\xff")),
		"NaN":           rule.Lt("a", rule.Float(math.NaN())),
		"two types":     rule.EqField("n", "m"),
		"blind compare": rule.EqField("sealed", "sealed"),
		"deep":          rule.Not(rule.All(rule.Is("a"), rule.Any(rule.Is("b"), rule.Is("nowhere")))),
	} {
		if p.IsTrue() {
			continue
		}
		var a args
		_, err := p.SQL(columns{}, &a)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		require.NotContains(t, err.Error(), "\x00")
	}
}

func TestEvalIsThreeValued(t *testing.T) {
	t.Parallel()

	rec := named{"a": rule.Int(5), "t": rule.Text("héllo"), "m": rule.Money(money.MustParse("2 EUR")), "l": rule.Texts([]string{"x"}), "f": rule.Float(0.5)}
	for _, c := range []struct {
		p    rule.Predicate
		want rule.Outcome
	}{
		{rule.Predicate{}, rule.Yes},
		{rule.Lt("blank", rule.Int(5)), rule.Unknown},
		{rule.Not(rule.Lt("blank", rule.Int(5))), rule.Unknown},
		{rule.Ne("blank", rule.Int(5)), rule.Yes},
		{rule.Eq("blank", rule.Blank), rule.Yes},
		{rule.In("blank", rule.Int(5)), rule.No},
		{rule.All(rule.Undecided(), rule.Eq("a", rule.Int(4))), rule.No},
		{rule.Any(rule.Undecided(), rule.Eq("a", rule.Int(5))), rule.Yes},
		{rule.All(rule.Undecided(), rule.Eq("a", rule.Int(5))), rule.Unknown},
		{rule.If(rule.Undecided(), rule.Is("a"), rule.Is("a")), rule.Unknown},
		{rule.Ge("m", rule.Money(money.MustParse("1 USD"))), rule.Unknown},
		{rule.Ne("m", rule.Money(money.MustParse("2 USD"))), rule.Yes},
		{rule.Gt("a", rule.Float(4.5)), rule.Yes},
		{rule.Eq("a", rule.Float(5)), rule.Yes},
		{rule.Lt("a", rule.Text("x")), rule.Unknown},
		{rule.StartsWith("t", "hé"), rule.Yes},
		{rule.EndsWith("t", "LO"), rule.No},
		{rule.Contains("a", "5"), rule.Unknown},
		{rule.Has("l", "x"), rule.Yes},
		{rule.Has("blank", "x"), rule.No},
		{rule.Is("blank"), rule.Unknown},
		{rule.LeField("a", "f"), rule.No},
	} {
		require.Equal(t, c.want, c.p.Eval(rec), c.p.String())
	}
}

func TestMixedNumbersCompareExactly(t *testing.T) {
	t.Parallel()

	big := int64(1<<53 + 1)
	rec := named{"n": rule.Int(big), "max": rule.Int(math.MaxInt64), "min": rule.Int(math.MinInt64)}
	require.Equal(t, rule.Yes, rule.Gt("n", rule.Float(1<<53)).Eval(rec))
	require.Equal(t, rule.No, rule.Eq("n", rule.Float(1<<53)).Eval(rec))
	require.Equal(t, rule.Yes, rule.Lt("max", rule.Float(1<<63)).Eval(rec))
	require.Equal(t, rule.Yes, rule.Ge("min", rule.Float(-1<<63)).Eval(rec))
	require.Equal(t, rule.Yes, rule.Lt("min", rule.Float(math.Inf(1))).Eval(rec))
	require.Equal(t, rule.Unknown, rule.Lt("n", rule.Float(math.NaN())).Eval(rec))
	require.Equal(t, rule.Yes, rule.Lt("n", rule.Float(float64(big)+2.5)).Eval(rec))
}

func TestFieldsAndString(t *testing.T) {
	t.Parallel()

	p := rule.All(rule.Eq("b", rule.Text(`x"y`)), rule.Any(rule.LtField("c", "a"), rule.Not(rule.In("b", rule.Int(1), rule.Float(1)))), rule.If(rule.Is("d"), rule.True(), rule.Undecided()))
	require.Equal(t, []string{"a", "b", "c", "d"}, p.Fields())
	require.Equal(t, `b == "x\"y" && (c < a || !(b in [1, 1.0])) && (d ? true : unknown)`, p.String())
	require.Nil(t, rule.True().Fields())
	require.NotEqual(t, rule.Eq("a", rule.Text("1")).String(), rule.Eq("a", rule.Int(1)).String())
}

func TestNeed(t *testing.T) {
	t.Parallel()

	for want, p := range map[string]rule.Predicate{
		">= 1.00 EUR":              rule.Ge("m", rule.Money(money.MustParse("1 EUR"))),
		`one of "a", "b"`:          rule.In("a", rule.Text("a"), rule.Text("b")),
		`not one of "a"`:           rule.Not(rule.In("a", rule.Text("a"))),
		"a value":                  rule.Ne("a", rule.Blank),
		"blank":                    rule.Not(rule.Ne("a", rule.Blank)),
		`"x"`:                      rule.Eq("a", rule.Text("x")),
		`not "x"`:                  rule.Not(rule.Eq("a", rule.Text("x"))),
		"true":                     rule.Is("a"),
		"false":                    rule.Not(rule.Is("a")),
		"<= b":                     rule.LeField("a", "b"),
		`a text that contains "x"`: rule.Contains("a", "x"),
		"a is true or b is true":   rule.Any(rule.Is("a"), rule.Is("b")),
		"m >= 1 or (a is \"x\" and b is a value)": rule.Any(
			rule.Ge("m", rule.Int(1)), rule.All(rule.Eq("a", rule.Text("x")), rule.Ne("b", rule.Blank))),
		"m >= 1 and l without the element \"x\"": rule.Not(rule.Any(rule.Lt("m", rule.Int(1)), rule.Has("l", "x"))),
		"":                                       rule.Any(rule.Is("a"), rule.If(rule.Is("b"), rule.Is("c"), rule.Is("d"))),
	} {
		require.Equal(t, want, p.Need(true))
	}
}

func values() []rule.Value {
	return []rule.Value{
		rule.Blank, rule.Bool(true), rule.Bool(false), rule.Int(math.MinInt64), rule.Int(7), rule.Float(-0.5), rule.Float(math.Inf(1)), rule.Text(""), rule.Text("é\x00"),
		rule.Time(time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)), rule.Date(date.MustParse("9999-12-31")), rule.Money(money.MustParse("-1.00 EUR")),
		rule.ID(ident.New()), rule.Texts(nil), rule.Texts([]string{"", "a", "é"}),
	}
}

func TestValuesComeBackFromBinary(t *testing.T) {
	t.Parallel()

	for _, v := range values() {
		b, err := v.MarshalBinary()
		require.NoError(t, err)
		var got rule.Value
		require.NoError(t, got.UnmarshalBinary(b))
		require.True(t, v.Equal(got), "%s %v", v.Type(), b)
	}
	for _, bad := range [][]byte{nil, {10}, {99}, {1}, {1, 200}, {1, 4}, {2}, {2, 1, 1}, {3, 1}, {7, 2, 'E'}, {8, 1}, {9, 5, 'a'}, {0, 1}} {
		v := rule.Int(5)
		require.Error(t, v.UnmarshalBinary(bad), "%v", bad)
		require.Equal(t, rule.Int(5), v)
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	for _, v := range values() {
		b, err := v.MarshalBinary()
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v, again rule.Value
		if v.UnmarshalBinary(b) != nil {
			return
		}
		out, err := v.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalBinary(out))
		require.Equal(t, v.Type(), again.Type())
	})
}

func TestOf(t *testing.T) {
	t.Parallel()

	type word string
	n, none := 5, (*int)(nil)
	for _, c := range []struct {
		in   any
		want rule.Value
		ok   bool
	}{
		{nil, rule.Blank, true}, {true, rule.Bool(true), true}, {int8(3), rule.Int(3), true}, {uint64(3), rule.Int(3), true},
		{uint64(math.MaxUint64), rule.Blank, false}, {float32(0.5), rule.Float(0.5), true}, {word("x"), rule.Text("x"), true}, {&n, rule.Int(5), true},
		{none, rule.Blank, true}, {(*struct{})(nil), rule.Blank, false}, {struct{}{}, rule.Blank, false}, {[]int{1}, rule.Blank, false},
		{[]string{"a"}, rule.Texts([]string{"a"}), true}, {time.Time{}, rule.Blank, true}, {make(chan int), rule.Blank, false},
		{rule.Int(1), rule.Int(1), true}, {date.MustParse("2026-03-29"), rule.Date(date.MustParse("2026-03-29")), true},
	} {
		got, ok := rule.Of(c.in)
		require.Equal(t, c.ok, ok, "%T", c.in)
		require.True(t, got.Equal(c.want), "%T", c.in)
	}
}

func TestValueJSON(t *testing.T) {
	t.Parallel()

	id := ident.MustParse("0190e6a2-7b1c-7def-8a34-0123456789ab")
	b, err := json.Marshal([]rule.Value{rule.Blank, rule.Bool(true), rule.Int(1), rule.Text("x"), rule.Time(time.Unix(0, 0)), rule.Date(date.MustParse("2026-03-29")),
		rule.Money(money.MustParse("1 EUR")), rule.ID(id), rule.Texts([]string{"a"})})
	require.NoError(t, err)
	require.JSONEq(t, `[null,true,1,"x","1970-01-01T00:00:00Z","2026-03-29",{"minor":100,"currency":"EUR"},"0190e6a2-7b1c-7def-8a34-0123456789ab",["a"]]`, string(b))
	_, err = json.Marshal(rule.Float(math.NaN()))
	require.Error(t, err)
}

func TestNearest(t *testing.T) {
	t.Parallel()

	names := []string{"amount", "stage", "custom.tier"}
	for s, want := range map[string]string{"ammount": "amount", "satge": "stage", "custom.teir": "custom.tier", "zebra": "", "a": "", "": ""} {
		require.Equal(t, want, rule.Nearest(s, names), s)
	}
}

func BenchmarkPredicate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		p := rule.All(rule.Any(rule.Eq("owner_user", rule.Text("u1")), rule.In("owner_team", rule.Text("a"), rule.Text("b"))), rule.Eq("stage", rule.Text("open")))
		var a args
		if _, err := p.SQL(columns{}, &a); err != nil {
			b.Fatal(err)
		}
	}
}

func ExamplePredicate() {
	p := rule.All(rule.Eq("stage", rule.Text("open")), rule.Not(rule.Lt("age", rule.Int(30))))
	var a args
	sql, err := p.SQL(columns{}, &a)
	fmt.Println(sql, a, err)
	fmt.Println(p.Eval(named{"stage": rule.Text("open"), "age": rule.Int(42)}))
	fmt.Println(p.Eval(named{"stage": rule.Text("open")}))
	// Output:
	// stage = $1 AND age >= $2 [open 30] <nil>
	// true
	// unknown
}
