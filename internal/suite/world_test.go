package suite_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/module"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/internal/suite/campaign"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/access"
	"github.com/rapport-crm/rapport/privacy/keys"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// world is a CRM on one database, in which each test works in a tenant of its own as its administrator.
type world struct {
	testing.TB
	dbtest.Backend
	*crm.CRM
	tenant    string
	s         *crm.Session
	campaigns *campaign.Module // for the campaigns of a session
	clock     atomic.Pointer[time.Time]
	n         *atomic.Int64

	audit      *sql.DB // for dumps
	everything string  // the statement of a dump
}

// modules are all modules, and the one that only tests have.
func modules() []store.Module { return append(store.Modules(), campaign.New().Module.Module) }

// each runs a test on every database.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.EachOf(t, modules(), func(t *testing.T, b dbtest.Backend) { test(t, newWorld(t, b)) })
}

// roleWriter does everything but read.
const roleWriter = "writer"

// roleBlind does everything and does not see who created a record.
const roleBlind = "blind"

// now is two days before the hour changes in Europe.
var now = time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, b dbtest.Backend) *world {
	t.Helper()
	w := &world{TB: t, Backend: b, n: &atomic.Int64{}, campaigns: campaign.New(), audit: b.Write}
	w.clock.Store(&now)
	const all = work.LevelAll
	blind := access.Role{Name: roleBlind, Rights: []access.Right{{
		Entity: access.EveryEntity, Read: all, Create: all, Edit: all, Delete: all, Export: all, Send: all, Reveal: all, Configure: all,
		Hide: []string{"created_by"},
	}}}
	writer := blind
	writer.Name, writer.Rights = roleWriter, []access.Right{{Entity: access.EveryEntity, Create: all, Edit: all, Delete: all, Send: all, Configure: all}}
	roles := append(access.DefaultRoles(append(crm.Kinds(), campaign.Kind)), blind, writer)
	policy, err := access.New(append(roles, sightless()...), nil)
	require.NoError(t, err)
	w.CRM, err = crm.NewPools(module.With(t.Context(), w.campaigns.Module), crm.Pools{Write: b.Write, Read: b.Read}, b.Dialect, &crm.Config{
		KMS: keys.NewMemory(), Clock: func() time.Time { return *w.clock.Load() }, Policy: policy, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	w.everything = w.selectEverything()
	return w.in("acme")
}

// in returns the world as seen from another tenant.
func (w *world) in(tenant string) *world {
	other := &world{TB: w.TB, Backend: w.Backend, CRM: w.CRM, tenant: tenant, n: w.n, campaigns: w.campaigns, audit: w.audit, everything: w.everything}
	other.clock.Store(w.clock.Load())
	other.s = w.CRM.As(ident.User(tenant, "u-1", work.RoleAdmin).InTeams("emea"), privacy.Legal)
	return other
}

// as returns a session of somebody of the tenant with other roles.
func (w *world) as(roles ...string) *crm.Session {
	return w.CRM.As(ident.User(w.tenant, "u-1", roles...).InTeams("emea"), privacy.Legal)
}

// next returns a text that no other call returns.
func (w *world) next() string { return fmt.Sprint("n", w.n.Add(1)) }

// must returns the first result of a call that succeeds.
func must[T any](w *world) func(v T, err error) T {
	return func(v T, err error) T {
		w.Helper()
		require.NoError(w, err)
		return v
	}
}

// dump returns every row of every table with tenants that is the tenant's, as text by table.
func (w *world) dump() map[string]string {
	w.Helper()
	rows, err := w.audit.QueryContext(w.Context(), w.everything, w.tenant)
	require.NoError(w, err)
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var table, row string
		require.NoError(w, rows.Scan(&table, &row))
		out[table] += row + "\n"
	}
	require.NoError(w, rows.Err())
	return out
}

// selectEverything returns the statement that reads every row of a tenant with the name of its table, in order.
func (w *world) selectEverything() string {
	w.Helper()
	list := `SELECT c.relname, 'x::text' FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname LIKE 'crm%'`
	if w.Pool == nil {
		list = `SELECT m.name, group_concat('quote(x.' || p.name || ')', ' || ''|'' || ') FROM sqlite_master m, pragma_table_info(m.name) p
			WHERE m.type = 'table' AND m.name LIKE 'crm%' GROUP BY m.name HAVING sum(p.name = 'tenant_id') > 0`
	}
	var parts []string
	for _, row := range w.query(list) {
		table, columns, _ := strings.Cut(strings.TrimSuffix(row, "|"), "|")
		parts = append(parts, fmt.Sprintf("SELECT '%s', %s FROM %[1]s x WHERE tenant_id = $1", table, columns))
	}
	require.Greater(w, len(parts), 20)
	return strings.Join(parts, " UNION ALL ") + " ORDER BY 1, 2"
}

func (w *world) query(text string) (out []string) {
	w.Helper()
	rows, err := w.Write.QueryContext(w.Context(), text)
	require.NoError(w, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(w, err)
	for rows.Next() {
		values, refs := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			refs[i] = &values[i]
		}
		require.NoError(w, rows.Scan(refs...))
		var line strings.Builder
		for _, v := range values {
			if raw, ok := v.([]byte); ok {
				v = string(raw)
			}
			fmt.Fprintf(&line, "%v|", v)
		}
		out = append(out, line.String())
	}
	require.NoError(w, rows.Err())
	return out
}

// requireSame requires that a tenant's rows are what they were.
func (w *world) requireSame(before map[string]string, msg string) {
	w.Helper()
	after := w.dump()
	for _, table := range slices.Sorted(maps.Keys(after)) {
		require.Equal(w, before[table], after[table], "%s: %s", msg, table)
	}
	require.Len(w, after, len(before), msg)
}
