package store_test

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

// pick returns the built-in modules of these names.
func pick(t *testing.T, names ...string) []store.Module {
	t.Helper()
	list, err := store.Select(store.Modules(), names...)
	require.NoError(t, err)
	return list
}

func moduleNames(list []store.Module) (out []string) {
	for _, m := range list {
		out = append(out, m.Name)
	}
	return out
}

func TestArrange(t *testing.T) {
	t.Parallel()

	a, b := store.Module{Name: "a", Needs: []string{"b"}}, store.Module{Name: "b", Needs: []string{"customer"}}
	list, err := store.Arrange(append([]store.Module{a, b}, pick(t, "customer")...))
	require.NoError(t, err)
	require.Equal(t, []string{"foundation", "customer", "b", "a"}, moduleNames(list))
	list, err = store.Arrange([]store.Module{})
	require.NoError(t, err)
	require.Equal(t, []string{"foundation"}, moduleNames(list))

	for want, list := range map[string][]store.Module{
		"a needs b: name it too":        {a},
		"b needs customer: name it too": {a, b},
		"a is listed twice":             append([]store.Module{a, b, a}, pick(t, "customer")...),
		"[a c] need each other":         {{Name: "a", Needs: []string{"c"}}, {Name: "c", Needs: []string{"a"}}},
	} {
		_, err := store.Arrange(list)
		require.Equal(t, fault.Invalid, fault.CodeOf(err), want)
		require.ErrorContains(t, err, want)
	}
	_, err = store.Select(store.Modules(), "custommer")
	require.ErrorContains(t, err, `did you mean "customer"?`)
}

func TestRender(t *testing.T) {
	t.Parallel()

	const text = "-- {text} too\nCREATE TABLE crm_x (\n  id {id} NOT NULL,\n  n {int32}\n);\n{postgres} A;\n{sqlite} B;\n"
	pg, err := store.Render(store.Postgres, text)
	require.NoError(t, err)
	require.Equal(t, []string{"CREATE TABLE crm_x (\n  id uuid NOT NULL,\n  n integer\n)", "A"}, store.Statements(pg))
	lite, err := store.Render(store.SQLite, text)
	require.NoError(t, err)
	require.Equal(t, []string{"CREATE TABLE crm_x (\n  id BLOB NOT NULL,\n  n INTEGER\n) WITHOUT ROWID", "B"}, store.Statements(lite))
	_, err = store.Render(store.Postgres, "x {uid}")
	require.ErrorContains(t, err, "unknown word {uid}")
	_, err = store.Render("oracle", "")
	require.ErrorContains(t, err, "oracle")

	for _, d := range []store.Dialect{postgres.Dialect, sqlite.Dialect} {
		for _, m := range store.Modules() {
			files := store.FS(d, m)
			f, err := files.Open("0001_tables.up.sql")
			require.NoError(t, err)
			info, err := f.Stat()
			require.NoError(t, err)
			text, err := fs.ReadFile(files, "0001_tables.up.sql")
			require.NoError(t, err)
			require.Len(t, text, int(info.Size()))
			require.NotContains(t, string(text), "{")
			require.NoError(t, f.Close())
		}
	}
}

// reach returns a module and everything it needs.
func reach(list []store.Module, name string) []string {
	out := []string{store.Foundation, name}
	for _, m := range list {
		if m.Name == name {
			for _, need := range m.Needs {
				out = append(out, reach(list, need)...)
			}
		}
	}
	return out
}

// astray lists the foreign keys that lead out of what a module needs.
func astray(t *testing.T, d store.Dialect, list []store.Module) (out []string) {
	t.Helper()
	owner := map[string]string{}
	steps, err := store.Migrations(d, list)
	require.NoError(t, err)
	for _, m := range steps {
		for _, table := range m.Tables {
			owner[table] = m.Module
		}
	}
	golden, err := store.Golden(d, list)
	require.NoError(t, err)
	keys := 0
	for _, line := range golden {
		m := regexp.MustCompile(`^foreign (\w+) .* -> (\w+) `).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		keys++
		if !slices.Contains(reach(list, owner[m[1]]), owner[m[2]]) {
			out = append(out, line)
		}
	}
	require.Greater(t, keys, 5)
	return out
}

func TestNoForeignKeyLeavesWhatItsModuleNeeds(t *testing.T) {
	t.Parallel()

	for _, d := range []store.Dialect{postgres.Dialect, sqlite.Dialect} {
		require.Empty(t, astray(t, d, store.Modules()))

		campaign := extra(d)
		require.Empty(t, astray(t, d, append(store.Modules(), campaign)))
		campaign.Needs = nil
		require.Equal(t, []string{"foreign crm_campaign (tenant_id, customer_id) -> crm_customer (tenant_id, id)"},
			astray(t, d, append(store.Modules(), campaign)), "a module that keeps what it needs to itself")
	}
}

func TestTheGoldenTablesAreThoseThatAModuleMakes(t *testing.T) {
	t.Parallel()

	for _, d := range []store.Dialect{postgres.Dialect, sqlite.Dialect} {
		for _, m := range store.Modules() {
			steps, err := store.Migrations(d, store.Modules())
			require.NoError(t, err)
			made := store.Tables(slices.DeleteFunc(steps, func(s store.Migration) bool { return s.Module != m.Name }))
			if m.Name == store.Foundation {
				made = append(made, "crm_schema_version", "crm_lock")
			}
			golden, err := fs.ReadFile(m.Migrations, d.Name()+".golden")
			require.NoError(t, err)
			var stored []string
			for _, f := range regexp.MustCompile(`(?m)^table (\w+)`).FindAllStringSubmatch(string(golden), -1) {
				stored = append(stored, f[1])
			}
			require.ElementsMatch(t, stored, made, m.Name)
		}
	}
	require.Equal(t, []string{"crm_b", "crm_a"}, store.Tables([]store.Migration{
		{Up: "CREATE TABLE crm_a (\n);", Tables: []string{"crm_a"}},
		{Up: "DROP TABLE crm_a;", Tables: []string{"crm_b", "crm_a"}},
	}))
}

// extra is a module of nobody's program but a test's, in two steps.
func extra(d store.Dialect) store.Module {
	id, text, rowid := "uuid", "text", ""
	collate := " collate C"
	if d.Name() == store.SQLite {
		id, text, rowid, collate = "BLOB", "TEXT", " without rowid", ""
	}
	lines := []string{
		"column crm_campaign.customer_id " + id + " not null",
		"column crm_campaign.id " + id + " not null",
		"column crm_campaign.name " + text + " null" + collate,
		"column crm_campaign.tenant_id " + text + " not null" + collate,
		"foreign crm_campaign (tenant_id, customer_id) -> crm_customer (tenant_id, id)",
		"index crm_campaign.key primary (tenant_id, id)",
		"table crm_campaign" + rowid,
	}
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return store.Module{Name: "campaign", Needs: []string{"customer"}, Migrations: fstest.MapFS{
		"0001_campaign.up.sql": file("CREATE TABLE crm_campaign (\n  tenant_id {text} NOT NULL,\n  id {id} NOT NULL,\n" +
			"  customer_id {id} NOT NULL,\n  PRIMARY KEY (tenant_id, id),\n" +
			"  FOREIGN KEY (tenant_id, customer_id) REFERENCES crm_customer (tenant_id, id)\n);\n"),
		"0002_name.up.sql":   file("ALTER TABLE crm_campaign ADD COLUMN name {text};\n"),
		d.Name() + ".golden": file(strings.Join(lines, "\n") + "\n"),
	}}
}

// A module of somebody else's comes and goes like a built-in one, and is left alone by programs that do not know it.
func TestAModuleOfAnotherProgram(t *testing.T) {
	t.Parallel()

	eachBlank(t, func(t *testing.T, b blank) {
		ctx, db := t.Context(), b.open(t)
		migrate(t, db, b)
		before := catalog(t, db, b.d)
		list := append(store.Modules(), extra(b.d))
		missing, err := store.Pending(ctx, db, b.d, list)
		require.NoError(t, err)
		require.Equal(t, "[campaign/0001_campaign campaign/0002_name]", fmt.Sprint(missing))
		err = store.Check(ctx, db, b.d, list)
		require.Equal(t, "pending", reason(err))
		require.ErrorContains(t, err, "the module campaign")

		migrate(t, db, b, list...)
		require.NoError(t, store.Check(ctx, db, b.d, list))
		require.NoError(t, store.Check(ctx, db, b.d, nil), "further modules are fine")
		have, err := store.Installed(ctx, db, b.d)
		require.NoError(t, err)
		require.Equal(t, map[string]int{"foundation": 1, "customer": 1, "pipeline": 1, "service": 1, "privacy": 1, "plugin": 1, "campaign": 2}, have)
		exec(t, db, "CREATE TABLE crm_campaign_more (tenant_id text PRIMARY KEY)")
		require.Equal(t, "drift", reason(store.Check(ctx, db, b.d, list)), "a table of no module")
		require.NoError(t, store.Check(ctx, db, b.d, nil), "who does not know a module cannot tell its tables from others")
		exec(t, db, "DROP TABLE crm_campaign_more")

		require.Equal(t, "newer", reason(store.MigrateDown(ctx, db, b.d, store.DownOptions{Remove: []string{"customer"}})))
		err = store.MigrateDown(ctx, db, b.d, store.DownOptions{Modules: list, Remove: []string{"customer", "pipeline", "service", "privacy"}})
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "campaign needs customer")
		require.NoError(t, store.MigrateDown(ctx, db, b.d, store.DownOptions{Modules: list, Remove: []string{"campaign"}}))
		require.Equal(t, before, catalog(t, db, b.d))
	})
}

func TestRemovingAModule(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		ctx := t.Context()
		down := func(names ...string) error {
			return store.MigrateDown(ctx, b.Write, b.Dialect, store.DownOptions{Remove: names})
		}
		id := "'00000000-0000-7000-8000-000000000001'"
		if b.Name == "sqlite" {
			id = "x'00000000000070008000000000000001'"
		}
		exec(t, b.Write, "INSERT INTO crm_plugin_stream (tenant_id, plugin, record_id, version) VALUES ('acme', 'p', "+id+", 1), ('zeta', 'p', "+id+", 1)")
		before := catalog(t, b.Write, b.Dialect)
		err := down("privacy", "plugin")
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "crm_plugin_stream holds 2 rows")
		require.Equal(t, before, catalog(t, b.Write, b.Dialect), "all or none")
		for want, names := range map[string][]string{
			"the module pipeline needs customer":    {"customer"},
			"the module service needs customer":     {"customer", "pipeline"},
			"the module customer needs foundation":  {"foundation"},
			`there is no module "privatcy"`:         {"privatcy"},
			"name the modules to remove":            nil,
			"the module privacy needs customer: re": {"customer", "service", "pipeline"},
		} {
			require.ErrorContains(t, down(names...), want)
		}
		require.Equal(t, before, catalog(t, b.Write, b.Dialect))

		require.NoError(t, down("privacy"))
		require.NoError(t, down("privacy"), "gone already")
		require.NoError(t, store.Check(ctx, b.Write, b.Dialect, pick(t, "customer", "service", "pipeline", "plugin")))
		require.Equal(t, "pending", reason(store.Check(ctx, b.Write, b.Dialect, nil)))
		exec(t, b.Write, "DELETE FROM crm_plugin_stream")
		require.NoError(t, down("foundation", "customer", "pipeline", "service", "plugin"), "whatever the order of the names")
		require.Len(t, slices.DeleteFunc(catalog(t, b.Write, b.Dialect), func(line string) bool { return !strings.HasPrefix(line, "table ") }), 2)
	})
}

// Nobody fills a table between the look at it and its end: a writer who was there first is waited for.
func TestRemovingWaitsForAWriter(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		if b.Pool == nil {
			t.Skip("SQLite has one writer")
		}
		_, err := b.Pool.Exec(t.Context(), "ALTER DATABASE "+b.Pool.Config().ConnConfig.Database+" SET default_transaction_isolation = 'serializable'")
		require.NoError(t, err)
		b.Pool.Reset() // connections of the new setting
		tx, err := b.Pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), "INSERT INTO crm_plugin_stream (tenant_id, plugin, record_id, version) VALUES ('acme', 'p', gen_random_uuid(), 1)")
		require.NoError(t, err)
		removed := make(chan error, 1)
		go func() {
			removed <- store.MigrateDown(context.Background(), b.Write, b.Dialect, store.DownOptions{Remove: []string{"plugin"}})
		}()
		waiting := "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE NOT l.granted AND c.relname = 'crm_plugin_stream'"
		require.Eventually(t, func() bool {
			var n int
			return b.Pool.QueryRow(t.Context(), waiting).Scan(&n) == nil && n == 1
		}, time.Minute, 10*time.Millisecond)
		require.NoError(t, tx.Commit(t.Context()))
		err = <-removed
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "crm_plugin_stream holds 1 rows")
		_, err = b.Pool.Exec(t.Context(), "ALTER DATABASE "+b.Pool.Config().ConnConfig.Database+" RESET default_transaction_isolation")
		require.NoError(t, err)
	})
}

// A module added later is installed beside those that are there, also by several programs at once, each with a list of
// its own.
func TestProgramsWithOtherModulesMigrateAtOnce(t *testing.T) {
	t.Parallel()

	eachBlank(t, func(t *testing.T, b blank) {
		db := b.open(t)
		migrate(t, db, b, pick(t, "customer")...)
		require.NoError(t, store.Check(t.Context(), db, b.d, pick(t, "customer")))
		var wg sync.WaitGroup
		for _, names := range [][]string{{"customer", "service"}, {"plugin"}, {"privacy", "customer", "pipeline"}, {"customer"}} {
			own, list := b.open(t), pick(t, names...)
			wg.Go(func() {
				if err := store.Migrate(t.Context(), own, b.d, store.MigrateOptions{Modules: list}); err != nil {
					t.Errorf("%v: %v", names, err)
				}
			})
		}
		wg.Wait()
		require.NoError(t, store.Check(t.Context(), db, b.d, nil))
		require.ErrorContains(t, store.Migrate(t.Context(), db, b.d, store.MigrateOptions{Modules: pick(t, "service")}), "service needs customer")
	})
}

// A table that a missing module is to make and somebody else has made is found before anything is made.
func TestATableOfAMissingModuleThatIsNotOurs(t *testing.T) {
	t.Parallel()

	eachBlank(t, func(t *testing.T, b blank) {
		db := b.open(t)
		migrate(t, db, b, pick(t, "customer")...)
		exec(t, db, "CREATE TABLE crm_case_entry (x int)")
		before := catalog(t, db, b.d)
		migrate(t, db, b, pick(t, "customer", "plugin")...)
		require.NotEqual(t, before, catalog(t, db, b.d), "whoever does not want it does not mind")
		before = catalog(t, db, b.d)
		err := store.Migrate(t.Context(), db, b.d, store.MigrateOptions{})
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "crm_case_entry")
		require.Equal(t, before, catalog(t, db, b.d))
	})
}

// An installed set is no work: no transaction, no lock, no right to make tables.
func TestMigratingAnInstalledSetTakesNoLock(t *testing.T) {
	t.Parallel()

	dbtest.EachOf(t, pick(t, "customer", "privacy"), func(t *testing.T, b dbtest.Backend) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if b.Pool == nil {
			exec(t, b.Write, "PRAGMA query_only = 1")
			defer exec(t, b.Write, "PRAGMA query_only = 0")
		} else {
			tx, err := b.Write.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer tx.Rollback()
			_, err = tx.ExecContext(t.Context(), "LOCK TABLE crm_lock")
			require.NoError(t, err)
		}
		for _, names := range [][]string{{"customer"}, {"customer", "privacy"}} {
			require.NoError(t, store.Migrate(ctx, b.Write, b.Dialect, store.MigrateOptions{Modules: pick(t, names...)}))
		}
	})
}

func TestCombinations(t *testing.T) {
	t.Parallel()

	all, few := dbtest.Combinations(store.Modules(), true), dbtest.Combinations(store.Modules(), false)
	require.Len(t, all, 18) // with customer 16, without 2
	require.Less(t, len(few), 9)
	pairs := func(sets [][]store.Module) map[string]bool {
		out := map[string]bool{}
		for _, set := range sets {
			has := moduleNames(set)
			for _, a := range store.Modules() {
				for _, b := range store.Modules() {
					out[fmt.Sprint(a.Name, slices.Contains(has, a.Name), b.Name, slices.Contains(has, b.Name))] = true
				}
			}
		}
		return out
	}
	require.Equal(t, pairs(all), pairs(few))
}
