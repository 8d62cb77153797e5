package crm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/personal"
)

var personalSource = personal.Source{System: "signup", Ref: "form-3"}

// dump returns every row of every table of the CRM as text, by table.
func (h *house) dump(t *testing.T) map[string]string {
	t.Helper()
	list := `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname LIKE 'crm%'`
	if h.Pool == nil {
		list = `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'crm%'`
	}
	out := map[string]string{}
	for _, table := range h.column(t, list) {
		out[table] = h.table(t, table)
	}
	require.Greater(t, len(out), 20)
	return out
}

func (h *house) column(t *testing.T, query string) (out []string) {
	t.Helper()
	rows, err := h.Write.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		out = append(out, s)
	}
	require.NoError(t, rows.Err())
	return out
}

func (h *house) table(t *testing.T, table string) string {
	t.Helper()
	rows, err := h.Write.QueryContext(t.Context(), "SELECT * FROM "+table)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var b strings.Builder
	for rows.Next() {
		values, refs := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			refs[i] = &values[i]
		}
		require.NoError(t, rows.Scan(refs...))
		for i, v := range values {
			if raw, ok := v.([]byte); ok {
				v = string(raw)
			}
			fmt.Fprintf(&b, "%s=%v\n", columns[i], v)
		}
	}
	require.NoError(t, rows.Err())
	return b.String()
}
