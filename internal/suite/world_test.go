package suite_test

import (
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
}

// modules are all modules, and the one that only tests have.
func modules() []store.Module { return append(store.Modules(), campaign.New().Module.Module) }

// each runs a test on every database.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.EachOf(t, modules(), func(t *testing.T, b dbtest.Backend) { test(t, newWorld(t, b)) })
}

// roleBlind does everything and does not see who created a record.
const roleBlind = "blind"

// now is two days before the hour changes in Europe.
var now = time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, b dbtest.Backend) *world {
	t.Helper()
	w := &world{TB: t, Backend: b, n: &atomic.Int64{}, campaigns: campaign.New()}
	w.clock.Store(&now)
	const all = work.LevelAll
	blind := access.Role{Name: roleBlind, Rights: []access.Right{{
		Entity: access.EveryEntity, Read: all, Create: all, Edit: all, Delete: all, Export: all, Send: all, Reveal: all, Configure: all,
		Hide: []string{"created_by"},
	}}}
	policy, err := access.New(append(access.DefaultRoles(append(crm.Kinds(), campaign.Kind)), blind), nil)
	require.NoError(t, err)
	w.CRM, err = crm.NewPools(module.With(t.Context(), w.campaigns.Module), crm.Pools{Write: b.Write, Read: b.Read}, b.Dialect, &crm.Config{
		KMS: keys.NewMemory(), Clock: func() time.Time { return *w.clock.Load() }, Policy: policy, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return w.in("acme")
}

// in returns the world as seen from another tenant.
func (w *world) in(tenant string) *world {
	other := &world{TB: w.TB, Backend: w.Backend, CRM: w.CRM, tenant: tenant, n: w.n, campaigns: w.campaigns}
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
	out := map[string]string{}
	for _, table := range w.tables() {
		if text := w.rows(table); text != "" {
			out[table] = text
		}
	}
	return out
}

// tables lists the tables that have tenants.
func (w *world) tables() []string {
	list := `SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname LIKE 'crm%'`
	if w.Pool == nil {
		list = `SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) p ON p.name = 'tenant_id' WHERE m.type = 'table' AND m.name LIKE 'crm%'`
	}
	var out []string
	for _, row := range w.query(list) {
		out = append(out, strings.TrimSuffix(row, "|"))
	}
	require.Greater(w, len(out), 20)
	return out
}

func (w *world) rows(table string) string {
	list := w.query("SELECT * FROM " + table + " WHERE tenant_id = '" + w.tenant + "'")
	slices.Sort(list)
	return strings.Join(list, "\n")
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
