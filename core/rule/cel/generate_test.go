package cel_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/rule"
)

// lawEnv is the environment of the law: two fields of each type that can be compared, and two arguments.
var lawEnv = &rule.Env{
	Entity: "thing", Print: "law",
	Fields: []rule.Field{
		{Name: "i", Type: rule.TypeInt}, {Name: "i2", Type: rule.TypeInt},
		{Name: "f", Type: rule.TypeFloat}, {Name: "f2", Type: rule.TypeFloat},
		{Name: "s", Type: rule.TypeText}, {Name: "s2", Type: rule.TypeText},
		{Name: "b", Type: rule.TypeBool},
		{Name: "d", Type: rule.TypeDate}, {Name: "d2", Type: rule.TypeDate},
		{Name: "t", Type: rule.TypeTime}, {Name: "t2", Type: rule.TypeTime},
		{Name: "m", Type: rule.TypeMoney}, {Name: "m2", Type: rule.TypeMoney},
		{Name: "l", Type: rule.TypeTexts},
		{Name: "u", Type: rule.TypeID}, {Name: "u2", Type: rule.TypeID},
	},
	Args: map[string]rule.Type{"n": rule.TypeInt, "word": rule.TypeText, "words": rule.TypeTexts},
}

var lawInput = rule.Input{
	Now:  time.Date(2026, 3, 29, 0, 30, 0, 123456000, time.UTC),
	Zone: time.FixedZone("east", 5*3600),
	Args: map[string]rule.Value{"n": rule.Int(3), "word": rule.Text("a"), "words": rule.Texts([]string{"a", "é", ""})},
}

// The pools are small, so that equal values meet, and hold what engines disagree about.
var (
	ints   = []int64{-1, 0, 1, 2, 3, 4, 9007199254740993}
	floats = []float64{-1, 0, 0.5, 1, 1.5, 3, 1e15}
	texts  = []string{"", "a", "A", "ab", "b", "%", "_", "a%b", "a_b", "é", "É", "aé", "日本", "日", "\U0001f600", "a'b", `a\b`, `"`}
	dates  = []string{"0001-01-01", "1969-12-31", "1970-01-01", "2026-03-28", "2026-03-29", "2026-04-01", "9999-12-31"}
	times  = []string{"1969-12-31T23:59:59.999999Z", "2026-03-28T23:30:00Z", "2026-03-29T00:30:00.123456Z", "2026-03-29T00:30:00.123457Z", "2026-06-01T00:00:00Z"}
	sums   = []string{"0.00 EUR", "-1.00 EUR", "1.00 EUR", "10000.00 EUR", "1.00 USD", "1 JPY"}
	idents = []string{"00000000-0000-7000-8000-000000000001", "ffffffff-ffff-7fff-bfff-ffffffffffff", "80000000-0000-7000-8000-000000000000"}
)

// thing is one record of the law; slots are those of lawEnv.
type thing []rule.Value

func (r thing) Value(slot int) rule.Value { return r[slot] }

func (r thing) Field(name string) rule.Value {
	for i, f := range lawEnv.Fields {
		if f.Name == name {
			return r[i]
		}
	}
	return rule.Blank
}

// gen draws records and rules and counts what it drew.
type gen struct {
	*rand.Rand
	drawn map[string]int
}

func newGen(seed uint64) *gen { return &gen{rand.New(rand.NewPCG(seed, 7)), map[string]int{}} }

func pick[T any](g *gen, list []T) T { return list[g.IntN(len(list))] }

func (g *gen) thing() thing {
	out := make(thing, len(lawEnv.Fields))
	for i, f := range lawEnv.Fields {
		if g.IntN(4) > 0 {
			out[i] = g.value(f.Type)
		}
	}
	return out
}

func (g *gen) value(t rule.Type) rule.Value {
	switch t {
	case rule.TypeInt:
		return rule.Int(pick(g, ints))
	case rule.TypeFloat:
		return rule.Float(pick(g, floats))
	case rule.TypeText:
		return rule.Text(pick(g, texts))
	case rule.TypeBool:
		return rule.Bool(g.IntN(2) == 0)
	case rule.TypeDate:
		return rule.Date(date.MustParse(pick(g, dates)))
	case rule.TypeTime:
		return rule.Time(instant(pick(g, times)))
	case rule.TypeMoney:
		return rule.Money(money.MustParse(pick(g, sums)))
	case rule.TypeID:
		return rule.ID(ident.MustParse(pick(g, idents)))
	case rule.TypeTexts:
		list := make([]string, g.IntN(3))
		for i := range list {
			list[i] = pick(g, texts)
		}
		return rule.Texts(list)
	case rule.TypeNone:
	}
	return rule.Blank
}

func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// rule draws one expression.
func (g *gen) rule(depth int) string {
	if depth == 0 || g.IntN(5) == 0 {
		return g.leaf()
	}
	sub := func() string { return g.rule(depth - 1) }
	switch g.IntN(7) {
	case 0, 1:
		return g.count("and", "("+sub()+" && "+sub()+")")
	case 2, 3:
		return g.count("or", "("+sub()+" || "+sub()+")")
	case 4, 5:
		return g.count("not", "!("+sub()+")")
	}
	return g.count("if", "("+sub()+" ? "+sub()+" : "+sub()+")")
}

func (g *gen) count(class, s string) string {
	g.drawn[class]++
	return s
}

var fieldsOf = map[rule.Type][2]string{
	rule.TypeInt: {"i", "i2"}, rule.TypeFloat: {"f", "f2"}, rule.TypeText: {"s", "s2"}, rule.TypeDate: {"d", "d2"},
	rule.TypeTime: {"t", "t2"}, rule.TypeMoney: {"m", "m2"}, rule.TypeID: {"u", "u2"},
}

func (g *gen) leaf() string {
	t := pick(g, []rule.Type{rule.TypeInt, rule.TypeFloat, rule.TypeText, rule.TypeText, rule.TypeDate, rule.TypeTime, rule.TypeMoney, rule.TypeMoney, rule.TypeID})
	f := fieldsOf[t][g.IntN(2)]
	switch g.IntN(10) {
	case 0:
		return g.count("blank", pick(g, []string{f + " == null", "null != " + f, "has(" + f + ")"}))
	case 1:
		return g.count("bool", pick(g, []string{"b", "b == true", "b != true", "b == null", "b < true"}))
	case 2:
		return g.count("list", fmt.Sprintf("%s in l", strconv.Quote(pick(g, texts))))
	case 3:
		return g.count("text test", fmt.Sprintf("%s.%s(%s)", pick(g, []string{"s", "s2"}), pick(g, []string{"startsWith", "endsWith", "contains"}), g.text()))
	case 4:
		return g.in(t, f)
	case 5:
		return g.count("two fields", fieldsOf[t][0]+g.op()+fieldsOf[t][1])
	case 6:
		return g.odd()
	}
	s := g.literal(t)
	if g.IntN(4) == 0 {
		return g.count("compare", s+g.op()+f)
	}
	return g.count("compare", f+g.op()+s)
}

func (g *gen) op() string { return pick(g, []string{" == ", " != ", " < ", " <= ", " > ", " >= "}) }

func (g *gen) text() string {
	if g.IntN(6) == 0 {
		return "word"
	}
	return strconv.Quote(pick(g, texts))
}

func (g *gen) literal(t rule.Type) string {
	switch {
	case t == rule.TypeText:
		return g.text()
	case t == rule.TypeInt && g.IntN(6) == 0:
		return pick(g, []string{"n", "n + 1", "-n"})
	case t == rule.TypeDate && g.IntN(3) == 0:
		return pick(g, []string{"today", "today + days(3)", "(today - days(n))"})
	case t == rule.TypeTime && g.IntN(3) == 0:
		return pick(g, []string{"now", "(now - days(1))", `(now - duration("60m"))`})
	case t == rule.TypeMoney && g.IntN(6) == 0:
		return `(money("0.50 EUR") + money("0.50 EUR"))`
	}
	return g.value(t).Literal()
}

func (g *gen) in(t rule.Type, f string) string {
	if t == rule.TypeText && g.IntN(4) == 0 {
		return g.count("in", f+" in words")
	}
	parts := make([]string, g.IntN(3)+1)
	for i := range parts {
		parts[i] = g.value(t).Literal()
	}
	return g.count("in", f+" in ["+strings.Join(parts, ", ")+"]")
}

// odd draws what authors rarely write: numbers across types, constants, errors.
func (g *gen) odd() string {
	return g.count("odd", pick(g, []string{
		"i < 0.5 + 1.0", "i >= 2.0", "i > 9007199254740991.0", "-9007199254740991.0 <= i", "0.5 + 1.0 > i", "i <= 0.5 - 1.0", "f >= 1", "f < 2", "3 > f", "f > 0.5 + 0.5",
		"true", "false", "1/0 > 1", "1 < 2", "n == 3", `word.startsWith("a")`, "[] == words", "i in []",
		`m < money("1 EUR") + money("1 USD")`, `d > date("9999-12-31") + days(1)`,
	}))
}
