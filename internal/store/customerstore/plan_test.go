package customerstore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store/customerstore"
)

// The statements of the hot paths reach rows by an index on both databases, with thousands of customers there.
func TestPlans(t *testing.T) {
	t.Parallel()
	for _, open := range []func(testing.TB) dbtest.Backend{dbtest.SQLite, dbtest.PostgresBackend} {
		b := open(t)
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()

			l := newLab(t, b)
			var rows []customer.Draft
			for i := range 4000 {
				rows = append(rows, customer.PersonDraft{Given: "Ada", Family: fmt.Sprintf("N%d", i), Ext: []ident.Ext{{System: "u", ID: fmt.Sprint(i)}},
					Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: fmt.Sprintf("n%d@example.org", i)}}})
			}
			_, err := l.all().Load(t.Context(), seq(rows), nil)
			require.NoError(t, err)
			_, err = b.Write.ExecContext(t.Context(), "ANALYZE")
			require.NoError(t, err)
			p, err := l.all().Page(t.Context(), customer.Filter{Query: page.Query{Sort: "name", Limit: 3}})
			require.NoError(t, err)
			id := b.Dialect.Arg(p.Items[0].ID)
			list := fmt.Sprintf(`["%x"]`, p.Items[0].ID[:])
			if b.Name != "sqlite" {
				list, id = "{"+p.Items[0].ID.String()+"}", p.Items[0].ID.String()
			}
			for name, args := range map[string][]any{
				"customer.get":            {"acme", id},
				"customer.details":        {"acme", id},
				"customer.details_of_all": {"acme", list},
				"customer.get_many":       {"acme", list},
				"customer.by_ext":         {"acme", "u", "7"},
				"customer.by_exts":        {"acme", `["7","8"]`, "u"},
				"customer.by_point":       {"acme", []byte("0123456789abcdef"), "email", "email", 10},
				"customer.losers":         {"acme", list},
			} {
				plan := explain(t, b, name, args)
				require.NotRegexp(t, `Seq Scan on crm_|SCAN (c|p|e|k|l|x|crm_\w+)\b`, plan, name)
			}
		})
	}
}

// explain returns how a registered statement runs.
func explain(t *testing.T, b dbtest.Backend, name string, args []any) string {
	t.Helper()
	how, text := "EXPLAIN ", ""
	for _, q := range customerstore.Statements() {
		if q.Name == name {
			text = q.Postgres
			if b.Name == "sqlite" {
				how, text = "EXPLAIN QUERY PLAN ", q.SQLite
			}
		}
	}
	require.NotEmpty(t, text, name)
	if b.Name == "sqlite" { // each ? takes an argument; which one does not matter to the plan
		n := strings.Count(text, "?")
		for len(args) < n {
			args = append(args, args[0])
		}
		args = args[:n]
	}
	rows, err := b.Write.QueryContext(t.Context(), how+text, args...)
	require.NoError(t, err, name)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var out strings.Builder
	for rows.Next() {
		cells, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			dest[i] = &cells[i]
		}
		require.NoError(t, rows.Scan(dest...))
		fmt.Fprintln(&out, cells[len(cells)-1])
	}
	require.NoError(t, rows.Err())
	return out.String()
}

// Every statement is listed once, names its tenant and begins with its name.
func TestStatements(t *testing.T) {
	t.Parallel()

	seen := map[string]bool{}
	for _, q := range customerstore.Statements() {
		require.False(t, seen[q.Name], q.Name)
		seen[q.Name] = true
		for _, text := range []string{q.Postgres, q.SQLite} {
			require.True(t, strings.HasPrefix(text, "/*"+q.Name+"*/ "), text)
			if text != "/*"+q.Name+"*/ " && !strings.Contains(text, "crm_customer_fts") {
				require.Contains(t, text, "tenant_id", q.Name)
			}
		}
	}
}
