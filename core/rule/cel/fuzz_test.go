package cel_test

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/rule"
)

// FuzzCompile looks for texts that make the engine panic, findings outside the text, and compiled rules whose answers
// differ between Eval, Explain and the predicate.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`i < 5 && s == "a" || !(m > money("1 EUR"))`, `has(d) && t > now - days(90)`, `"a" in l ? b : u == u2`, `l.exists(x, x == s)`,
		`s.matches("^a+$")`, `i in [1, 2, n]`, `duration("9d")`, `((((`, "s == '''a\n'''", `1/0 == i`, `"\u0000" == s`, `f * 2.0 > -f`, `// x`,
		`size(l) > 2 && word in words`, `d - d2 > days(3)`, `b"a" == b"a"`, `5u < i`, `s + "x" == s2`, `has(s.x)`, `{}`, `money("1 EUR") + m == m2`,
	} {
		f.Add(s)
	}
	engine := newEngine(f)
	g := newGen(1)
	things := []thing{make(thing, len(lawEnv.Fields)), g.thing(), g.thing(), g.thing()}
	f.Fuzz(func(t *testing.T, expr string) {
		for _, i := range engine.Check(lawEnv, rule.Source{Expr: expr}) {
			require.True(t, 0 <= i.From && i.From <= i.To && i.To <= len(expr) && i.Message != "", "%+v", i)
			require.True(t, utf8.ValidString(i.Message))
		}
		p, err := engine.Compile(lawEnv, rule.Source{Expr: expr})
		if err != nil {
			return
		}
		pred, err := p.Predicate(lawInput)
		for _, r := range things {
			want := p.Eval(r, lawInput)
			require.Equal(t, want, p.Explain(r, lawInput).Outcome)
			if err == nil {
				require.Equal(t, want, pred.Eval(r), "%v", r)
			}
		}
	})
}
