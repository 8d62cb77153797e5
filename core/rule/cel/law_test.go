package cel_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/rule/cel"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// database is what the law needs to know of one.
type database struct {
	name     string
	db       *sql.DB
	types    map[rule.Type]string
	arg      func(v any) any
	textTest func(test, expr, arg string) string
	element  func(expr, arg string) string
}

func (d *database) TextTest(test, expr, arg string) string { return d.textTest(test, expr, arg) }
func (d *database) HasElement(expr, arg string) string     { return d.element(expr, arg) }

func (d *database) Column(field string) (rule.Column, bool) {
	for _, f := range lawEnv.Fields {
		if f.Name != field {
			continue
		}
		c := rule.Column{Expr: field, Type: f.Type, Can: rule.CanAll}
		if f.Type == rule.TypeMoney {
			c.Second = field + "_cur"
		}
		return c, true
	}
	return rule.Column{}, false
}

// binder collects arguments.
type binder struct {
	d    *database
	args []any
}

func (b *binder) Arg(v any) string {
	b.args = append(b.args, b.d.arg(v))
	return "$" + strconv.Itoa(len(b.args))
}

func sqlite(t *testing.T) *database {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return &database{
		name: "sqlite", db: db,
		types: map[rule.Type]string{
			rule.TypeBool: "INTEGER", rule.TypeInt: "INTEGER", rule.TypeFloat: "REAL", rule.TypeText: "TEXT", rule.TypeDate: "INTEGER",
			rule.TypeTime: "INTEGER", rule.TypeMoney: "INTEGER", rule.TypeID: "BLOB", rule.TypeTexts: "TEXT",
		},
		arg: func(v any) any {
			switch x := v.(type) {
			case date.Date:
				return x.Days()
			case ident.ID:
				return x[:]
			case interface{ UnixMicro() int64 }:
				return x.UnixMicro()
			}
			return v
		},
		textTest: func(test, expr, arg string) string {
			switch test {
			case "starts":
				return "substr(" + expr + ", 1, length(" + arg + ")) = " + arg
			case "ends":
				return "(length(" + expr + ") >= length(" + arg + ") AND substr(" + expr + ", length(" + expr + ") - length(" + arg + ") + 1) = " + arg + ")"
			}
			return "instr(" + expr + ", " + arg + ") > 0"
		},
		element: func(expr, arg string) string {
			return "EXISTS (SELECT 1 FROM json_each(" + expr + ") WHERE json_each.value = " + arg + ")"
		},
	}
}

// fill creates the table and inserts the records; the id is the place in the list.
func (d *database) fill(t *testing.T, things []thing) {
	t.Helper()
	cols := []string{"id INTEGER PRIMARY KEY"}
	for _, f := range lawEnv.Fields {
		cols = append(cols, f.Name+" "+d.types[f.Type])
		if f.Type == rule.TypeMoney {
			cols = append(cols, f.Name+"_cur "+d.types[rule.TypeText])
		}
	}
	ctx := context.Background()
	_, err := d.db.ExecContext(ctx, "CREATE TABLE things ("+strings.Join(cols, ", ")+")")
	require.NoError(t, err)
	for id, r := range things {
		b := &binder{d: d}
		marks := []string{b.Arg(id)}
		for i, f := range lawEnv.Fields {
			v := r[i].Native()
			switch {
			case f.Type == rule.TypeMoney && v != nil:
				m := r[i].Money()
				marks = append(marks, b.Arg(m.Minor), b.Arg(m.Currency))
				continue
			case f.Type == rule.TypeMoney:
				marks = append(marks, b.Arg(nil))
			case f.Type == rule.TypeTexts && v != nil:
				raw, err := json.Marshal(v)
				require.NoError(t, err)
				v = string(raw)
			}
			marks = append(marks, b.Arg(v))
		}
		_, err := d.db.ExecContext(ctx, "INSERT INTO things VALUES ("+strings.Join(marks, ", ")+")", b.args...)
		require.NoError(t, err)
	}
}

// selected returns which records a condition selects.
func (d *database) selected(where string, args []any, n int) ([]bool, error) {
	rows, err := d.db.QueryContext(context.Background(), "SELECT id FROM things WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", d.name, where, err)
	}
	defer rows.Close()
	out := make([]bool, n)
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out[id] = true
	}
	return out, rows.Err()
}

// mutant is a deliberate fault that the law must find.
type mutant struct {
	cols   func(d *database) rule.Columns
	yes    func(sql string) string
	no     func(yes, no string) string
	record func(r thing) rule.Named
}

// check runs the law for one rule and returns the first disagreement, "" for none.
func check(t *testing.T, engine rule.Compiler, expr string, things []thing, d *database, m mutant) string {
	t.Helper()
	p, err := engine.Compile(lawEnv, rule.Source{Expr: expr})
	require.NoError(t, err, expr)
	pred, err := p.Predicate(lawInput)
	require.NoError(t, err, expr)
	want := make([]rule.Outcome, len(things))
	for i, r := range things {
		want[i] = p.Eval(r, lawInput)
		var rec rule.Named = r
		if m.record != nil {
			rec = m.record(r)
		}
		if got := pred.Eval(rec); got != want[i] {
			return fmt.Sprintf("%s: record %v: the engine says %s, the predicate %s", expr, r, want[i], got)
		}
	}
	if bad := checkSQL(t, pred, things, want, d, m); bad != "" {
		return expr + ": " + d.name + ": " + bad
	}
	return ""
}

func checkSQL(t *testing.T, pred rule.Predicate, things []thing, want []rule.Outcome, d *database, m mutant) string {
	t.Helper()
	var cols rule.Columns = d
	if m.cols != nil {
		cols = m.cols(d)
	}
	render := func(p rule.Predicate) (string, []any) {
		b := &binder{d: d}
		text, err := p.SQL(cols, b)
		require.NoError(t, err)
		return text, b.args
	}
	yes, yesArgs := render(pred)
	no, noArgs := render(rule.Not(pred))
	if m.yes != nil {
		yes, no = m.yes(yes), m.yes(no)
	}
	if m.no != nil {
		no, noArgs = m.no(yes, no), yesArgs
	}
	for o, q := range map[rule.Outcome]string{rule.Yes: yes, rule.No: no} {
		args := yesArgs
		if o == rule.No {
			args = noArgs
		}
		got, err := d.selected(q, args, len(things))
		require.NoError(t, err)
		for i := range things {
			if got[i] != (want[i] == o) {
				return fmt.Sprintf("%s: record %v is %s, selected as %s: %v", q, things[i], want[i], o, got[i])
			}
		}
	}
	return ""
}

func rules(t *testing.T) int {
	t.Helper()
	if x := os.Getenv("CRM_SOAK_RULES"); x != "" {
		n, err := strconv.Atoi(x)
		require.NoError(t, err)
		return n
	}
	return 600
}

func newEngine(t testing.TB) *cel.Engine {
	t.Helper()
	e, err := cel.New(cel.Config{})
	require.NoError(t, err)
	return e
}

// TestEnginesAgree is the law of rules: the engine, Predicate.Eval and both databases give the same answer for every rule
// and record, and a negated rule selects exactly the records for which the rule is false.
func TestEnginesAgree(t *testing.T) {
	t.Parallel()

	for name, open := range map[string]func(*testing.T) *database{"sqlite": sqlite, "postgres": postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			law(t, open(t))
		})
	}
}

func law(t *testing.T, d *database) {
	t.Helper()
	g := newGen(dbtest.Seed(t))
	things := make([]thing, 150)
	for i := range things {
		things[i] = g.thing()
	}
	d.fill(t, things)
	engine, n := newEngine(t), rules(t)
	for range n {
		if bad := check(t, engine, g.rule(3), things, d, mutant{}); bad != "" {
			t.Fatal(bad)
		}
	}
	total := 0
	for _, c := range g.drawn {
		total += c
	}
	for _, class := range slices.Sorted(maps.Keys(g.drawn)) {
		t.Logf("%-12s %5.1f %%", class, 100*float64(g.drawn[class])/float64(total))
		require.Greater(t, g.drawn[class]*100, total, "every class is at least 1 %% of what is drawn: %s", class)
	}
}

// lossy shows the mutant of a reader that takes blank for an empty value.
type lossy struct{ thing }

func (l lossy) Field(name string) rule.Value {
	v := l.thing.Field(name)
	if v.IsBlank() && strings.HasPrefix(name, "s") {
		return rule.Text("")
	}
	return v
}

// like is the mutant of a dialect that tests text with LIKE.
type like struct{ *database }

func (like) TextTest(test, expr, arg string) string {
	switch test {
	case "starts":
		return expr + " LIKE " + arg + " || '%'"
	case "ends":
		return expr + " LIKE '%' || " + arg
	}
	return expr + " LIKE '%' || " + arg + " || '%'"
}

// oneCurrency is the mutant of a dialect that forgets currencies.
type oneCurrency struct{ *database }

func (o oneCurrency) Column(field string) (rule.Column, bool) {
	c, ok := o.database.Column(field)
	if c.Second != "" {
		c.Second = "'EUR'"
	}
	return c, ok
}

// TestLawFindsMutants shows that the law of TestEnginesAgree is able to fail.
func TestLawFindsMutants(t *testing.T) {
	t.Parallel()

	drop := func(part string) func(string) string {
		return func(q string) string {
			for _, f := range lawEnv.Fields {
				q = strings.ReplaceAll(q, strings.ReplaceAll(part, "?", f.Name), "")
			}
			return q
		}
	}
	mutants := map[string]mutant{
		"naive NOT":                    {no: func(yes, _ string) string { return "NOT (" + yes + ")" }},
		"NOT over COALESCE":            {no: func(yes, _ string) string { return "NOT COALESCE((" + yes + "), 1=0)" }},
		"differs without blanks":       {yes: drop(" OR ? IS NULL")},
		"fields without two blanks":    {yes: func(q string) string { return strings.ReplaceAll(q, " IS NULL AND ", " IS NOT NULL AND ") }},
		"LIKE":                         {cols: func(d *database) rule.Columns { return like{d} }},
		"currency forgotten":           {cols: func(d *database) rule.Columns { return oneCurrency{d} }},
		"less or equal taken for less": {yes: func(q string) string { return strings.ReplaceAll(q, " <= ", " < ") }},
		"blank text taken for empty":   {record: func(r thing) rule.Named { return lossy{r} }},
	}
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g := newGen(dbtest.Seed(t))
			things := make([]thing, 100)
			for i := range things {
				things[i] = g.thing()
			}
			d := sqlite(t)
			d.fill(t, things)
			engine := newEngine(t)
			for range 3000 {
				if bad := check(t, engine, g.rule(2), things, d, m); bad != "" {
					t.Log("killed: " + bad)
					return
				}
			}
			t.Fatal("the mutant lives")
		})
	}
}
