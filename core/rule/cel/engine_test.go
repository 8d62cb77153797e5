package cel_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
)

func TestCheckFindings(t *testing.T) {
	t.Parallel()

	env := orders.Env(nil)
	engine := newEngine(t)
	for expr, want := range map[string]rule.Issue{
		``:                                     {Message: "the rule is empty"},
		"a\x00":                                {To: 2, Message: "the rule must be valid UTF-8 without NUL bytes"},
		"\xff":                                 {To: 1, Message: "the rule must be valid UTF-8 without NUL bytes"},
		`stagee == "won"`:                      {To: 6, Field: "stagee", Message: `there is no field or argument "stagee": did you mean "stage"?`, Fix: "stage"},
		`stage.tier == "x"`:                    {From: 5, To: 10, Message: "there is no field or argument", Field: ""},
		`stage == "wan"`:                       {From: 9, To: 14, Field: "stage", Message: `stage never has this value: did you mean "won"?`, Fix: `"won"`},
		`stage in ["won", "lost?"]`:            {From: 17, To: 24, Field: "stage", Message: "stage never has this value: want one of open, proposal, won"},
		`contact.size() > 1`:                   {To: 12, Message: "size does not take text"},
		`frob(stage)`:                          {To: 4, Message: `there is no function "frob"`},
		`stage`:                                {To: 5, Message: "a rule is a condition that is true or false, this is text"},
		`null`:                                 {To: 4, Message: "a rule is a condition that is true or false, this is null"},
		`amount > 5`:                           {From: 7, To: 8, Message: `> does not take money and int: write money("10000.00 EUR")`},
		`duration("90d") > duration("1h")`:     {To: 15, Message: "a duration has no days: use days(90)", Fix: "days(90)"},
		`money("1 XXY") == amount`:             {To: 5, Message: `want money("10000.00 EUR") with an ISO 4217 currency and no more decimals than it has`},
		`date(stage) == close_date`:            {To: 4, Message: "date wants a literal in quotes; bind an argument of that type for other values"},
		`{"a": 1} == {"a": 1}`:                 {To: 1, Message: "maps and messages are not part of the rule language"},
		`[[1]].exists(x, x.exists(y, y == 1))`: {Message: "a loop inside a loop is not possible"},
		`has("x")`:                             {From: 4, To: 7, Message: "has wants the name of a field, such as has(close_date)"},
	} {
		issues := engine.Check(env, rule.Source{Expr: expr})
		require.NotEmpty(t, issues, expr)
		if expr == `stage.tier == "x"` || strings.HasPrefix(expr, "[[") {
			continue // the wording is the type checker's, the place is not fixed
		}
		require.Equal(t, want, issues[0], expr)
	}
}

// A probability is kept in basis points: whoever compares it with 0.5 means half of it and would get all of it.
func TestWholeNumbersAreComparedWithWholeNumbers(t *testing.T) {
	t.Parallel()

	engine := newEngine(t)
	env := &rule.Env{Entity: "deal", Print: "deal", Fields: []rule.Field{
		{Name: "probability", Type: rule.TypeInt}, {Name: "size", Type: rule.TypeFloat},
	}}
	for expr, at := range map[string][2]int{
		"probability > 0.5": {14, 17}, "size > 0.5 && 2.5 <= probability": {14, 17}, "probability in [1, 2] || probability < 0.25": {39, 43},
	} {
		require.Equal(t, []rule.Issue{{
			From: at[0], To: at[1], Field: "probability",
			Message: "probability is a whole number: compare it with one, such as 5000 for a half in basis points",
		}}, engine.Check(env, rule.Source{Expr: expr}), expr)
	}
	for _, expr := range []string{"probability > 5000", "probability > 5000.0", "size > 0.5", "probability > 0 && size == 0.5"} {
		require.Empty(t, engine.Check(env, rule.Source{Expr: expr}), expr)
	}
}

func TestArgs(t *testing.T) {
	t.Parallel()

	env := orders.Env(map[string]rule.Type{"b": rule.TypeText, "a": rule.TypeText, "unused": rule.TypeText})
	p, err := newEngine(t).Compile(env, rule.Source{Expr: `stage == b || stage == a || stage == b`})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, p.Args())
	require.Equal(t, []string{"stage"}, p.Fields())
}

func TestLimits(t *testing.T) {
	t.Parallel()

	engine, env := newEngine(t), orders.Env(nil)
	for name, expr := range map[string]string{
		"long":   `stage == "` + strings.Repeat("a", 5000) + `"`,
		"deep":   strings.Repeat("(", 300) + "true" + strings.Repeat(")", 300),
		"wide":   strings.Repeat("true || ", 400) + "true",
		"regex":  `stage.matches("((a{1,50}){1,50}){1,50}")`,
		"regexp": `stage.matches("(")`,
	} {
		start := time.Now()
		_, err := engine.Compile(env, rule.Source{Expr: expr})
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		require.Less(t, time.Since(start), 10*time.Second, name)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()

	engine := newEngine(t)
	for _, bad := range []string{"now", "today", "stage", "x.y", "", "Ä"} {
		_, err := engine.Compile(orders.Env(map[string]rule.Type{bad: rule.TypeInt}), rule.Source{Expr: "true"})
		require.ErrorIs(t, err, fault.ErrInvalid, bad)
	}
	p, err := engine.Compile(orders.Env(map[string]rule.Type{"n": rule.TypeText}), rule.Source{Expr: "stage == n"})
	require.NoError(t, err)
	order := Order{Stage: "won"}
	require.Equal(t, rule.Unknown, p.Eval(orders.Record(&order), rule.Input{}))
	_, err = p.Predicate(rule.Input{})
	require.ErrorIs(t, err, fault.ErrInvalid)
	in := rule.Input{Args: map[string]rule.Value{"n": rule.Text(`" || true || "`)}}
	require.Equal(t, rule.No, p.Eval(orders.Record(&order), in))
	in.Args["n"] = rule.Text("won")
	require.Equal(t, rule.Yes, p.Eval(orders.Record(&order), in))
}

func TestProgramsAreShared(t *testing.T) {
	t.Parallel()

	engine, order := newEngine(t), Order{Stage: "won"}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				p, err := engine.Compile(orders.Env(nil), rule.Source{ID: "x", Expr: `stage == "won" && has(amount)`})
				if err != nil || p.Eval(orders.Record(&order), rule.Input{}) != rule.No || len(p.Explain(orders.Record(&order), rule.Input{}).Clauses) != 2 {
					t.Errorf("no answer: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestDayBoundaries is about days that do not have 24 hours, in the zone of the decision.
func TestDayBoundaries(t *testing.T) {
	t.Parallel()

	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	engine := newEngine(t)
	env := orders.Env(map[string]rule.Type{"at": rule.TypeTime, "day": rule.TypeDate})
	noon := func(d int) time.Time { return time.Date(2026, 3, d, 12, 0, 0, 0, zone) } // summer time begins on the 29th
	for _, c := range []struct {
		expr string
		now  time.Time
		at   time.Time
	}{
		{`at == now - days(1)`, noon(29), noon(28)},
		{`at != now - duration("24h")`, noon(29), noon(28)},
		{`at == now - duration("23h")`, noon(29), noon(28)},
		{`at + days(1) == now`, noon(29), noon(28)},
		{`today == date("2026-03-29")`, time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC), noon(1)},
		{`today == date("2026-03-28")`, time.Date(2026, 3, 28, 22, 59, 59, 999999999, time.UTC), noon(1)},
		{`day + days(1) == date("2024-03-01") && date("2024-03-01") - day == days(1)`, noon(1), noon(1)},
	} {
		p, err := engine.Compile(env, rule.Source{Expr: c.expr})
		require.NoError(t, err, c.expr)
		in := rule.Input{Now: c.now, Zone: zone, Args: map[string]rule.Value{"at": rule.Time(c.at), "day": rule.Date(date.MustParse("2024-02-29"))}}
		require.Equal(t, rule.Yes, p.Eval(orders.Record(&Order{}), in), c.expr)
	}
}

// From 2^53 on the engine rounds whole numbers to compare them with floats, which no database does.
func TestRoundedComparisonsAreNotPushedDown(t *testing.T) {
	t.Parallel()

	engine := newEngine(t)
	for expr, down := range map[string]bool{
		"i > 9007199254740991.0": true, "i > 9007199254740992.0": false, "i <= -9007199254740993.0": false, "i < 1e19": false,
		"f > 9007199254740992": true, "f > 9007199254740993": false,
	} {
		p, err := engine.Compile(lawEnv, rule.Source{Expr: expr})
		require.NoError(t, err)
		_, err = p.Predicate(lawInput)
		require.Equal(t, down, err == nil, expr)
	}
}

func TestExplainCutsAtTheTopLevel(t *testing.T) {
	t.Parallel()

	engine := newEngine(t)
	for expr, want := range map[string][]string{
		`stage == "a&&b" && has(amount)`:                  nil, // not a value of the field
		`contact == "a && b" && has(amount)`:              {`contact == "a && b"`, `has(amount)`},
		`(has(amount) && has(contact)) && stage == "won"`: {`(has(amount) && has(contact))`, `stage == "won"`},
		`has(amount) && has(contact) || stage == "won"`:   {`has(amount) && has(contact) || stage == "won"`},
		`has(amount) ? has(contact) && true : false`:      {`has(amount) ? has(contact) && true : false`},
		"has(amount) // && this\n && has(contact)":        {"has(amount) // && this", "has(contact)"},
		`contact == r'\' && contact == """x"&&"y"""`:      {`contact == r'\'`, `contact == """x"&&"y"""`},
		`contact == 'it\'s && more' && has(amount)`:       {`contact == 'it\'s && more'`, `has(amount)`},
	} {
		p, err := engine.Compile(orders.Env(nil), rule.Source{Expr: expr})
		if want == nil {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err, expr)
		var got []string
		for _, c := range p.Explain(orders.Record(&Order{}), rule.Input{}).Clauses {
			require.Equal(t, c.Text, expr[c.From:c.From+len(c.Text)])
			got = append(got, c.Text)
		}
		require.Equal(t, want, got)
	}
}
