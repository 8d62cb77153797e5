package store_test

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/internal/suite/campaign"
)

var update = flag.Bool("update", false, "write the golden catalogs of the migrations")

// blank is a database without tables that several pools can open.
type blank struct {
	name string
	d    store.Dialect
	open func(t *testing.T) *sql.DB
}

func blanks(t *testing.T) []blank {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crm.db")
	list := []blank{{"sqlite", sqlite.Dialect, func(t *testing.T) *sql.DB {
		write, read, err := sqlite.OpenPools(t.Context(), path)
		require.NoError(t, err)
		t.Cleanup(func() {
			require.NoError(t, read.Close())
			require.NoError(t, write.Close())
		})
		return write
	}}}
	var dsn string
	var once sync.Once
	return append(list, blank{"postgres", postgres.Dialect, func(t *testing.T) *sql.DB {
		once.Do(func() { dsn = dbtest.Postgres(t).Database(t) })
		pool, err := pgxpool.New(t.Context(), dsn)
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return postgres.OpenDB(pool)
	}})
}

func eachBlank(t *testing.T, fn func(t *testing.T, b blank)) {
	t.Helper()
	for _, b := range blanks(t) {
		t.Run(b.name, func(t *testing.T) { fn(t, b) })
	}
}

func catalog(t *testing.T, db *sql.DB, d store.Dialect) []string {
	t.Helper()
	lines, err := d.Catalog(t.Context(), db)
	require.NoError(t, err)
	return lines
}

// migrate brings a database up to all of the given modules; none means the built-in ones.
func migrate(t *testing.T, db *sql.DB, b blank, modules ...store.Module) {
	t.Helper()
	require.NoError(t, store.Migrate(t.Context(), db, b.d, store.MigrateOptions{Modules: modules}))
}

func TestGoldenCatalog(t *testing.T) {
	t.Parallel()

	eachBlank(t, func(t *testing.T, b blank) {
		db := b.open(t)
		var before []string
		list := append(store.Modules(), campaign.New().Module.Module)
		for i, m := range list {
			migrate(t, db, b, list[:i+1]...)
			have := catalog(t, db, b.d)
			own := slices.DeleteFunc(slices.Clone(have), func(line string) bool { return slices.Contains(before, line) })
			before = have
			if *update {
				folder := "migrations/" + m.Name
				if m.Name == "campaign" {
					folder = "../suite/campaign"
				}
				require.NoError(t, os.WriteFile(folder+"/"+b.name+".golden", []byte(strings.Join(own, "\n")+"\n"), 0o644)) //nolint:gosec // source code
			}
		}
		if *update {
			return
		}
		want, err := store.Golden(b.d, list)
		require.NoError(t, err)
		require.Equal(t, want, before, "run go test ./internal/store -run TestGoldenCatalog -update after a change of the migrations")
		require.NoError(t, store.Check(t.Context(), db, b.d, list))
	})
}

func TestMigrateUpDownUp(t *testing.T) {
	t.Parallel()

	eachBlank(t, func(t *testing.T, b blank) {
		db, list := b.open(t), store.Modules()
		all, err := store.Migrations(b.d, nil)
		require.NoError(t, err)
		missing, err := store.Pending(t.Context(), db, b.d, nil)
		require.NoError(t, err)
		require.Len(t, missing, len(all))
		require.Equal(t, "pending", reason(store.Check(t.Context(), db, b.d, nil)))
		have, err := store.Installed(t.Context(), db, b.d)
		require.NoError(t, err)
		require.Empty(t, have)
		require.Empty(t, catalog(t, db, b.d), "looking changes nothing")

		dumps := [][]string{}
		for i := range list {
			migrate(t, db, b, list[:i+1]...)
			dumps = append(dumps, catalog(t, db, b.d))
			missing, err = store.Pending(t.Context(), db, b.d, nil)
			require.NoError(t, err)
			require.Len(t, missing, len(all)-i-1)
		}
		migrate(t, db, b) // again does nothing
		for i := len(list) - 1; i > 0; i-- {
			require.NoError(t, store.MigrateDown(t.Context(), db, b.d, store.DownOptions{Remove: []string{list[i].Name}}))
			require.Equal(t, dumps[i-1], catalog(t, db, b.d), list[i].Name)
		}
		require.NoError(t, store.MigrateDown(t.Context(), db, b.d, store.DownOptions{Remove: []string{store.Foundation}}))
		for _, line := range catalog(t, db, b.d) {
			require.Regexp(t, `crm_(lock|schema_version)\b`, line, "only the migrator's own tables stay")
		}
		migrate(t, db, b)
		require.Equal(t, dumps[len(list)-1], catalog(t, db, b.d))
	})
}

// A program left behind by a later one works on, says so when asked, and takes nothing back that it does not know.
func TestASchemaOfALaterProgram(t *testing.T) {
	t.Parallel()

	eachBlank(t, func(t *testing.T, b blank) {
		db := b.open(t)
		migrate(t, db, b)
		later(t, db, "customer", 2)
		before := catalog(t, db, b.d)

		migrate(t, db, b)
		missing, err := store.Pending(t.Context(), db, b.d, nil)
		require.NoError(t, err)
		require.Empty(t, missing)
		err = store.Check(t.Context(), db, b.d, nil)
		require.Equal(t, "newer", reason(err))
		require.ErrorContains(t, err, "version 2 of the module customer")
		err = store.MigrateDown(t.Context(), db, b.d, store.DownOptions{Remove: []string{"plugin"}})
		require.Equal(t, "newer", reason(err))
		require.NoError(t, store.Check(t.Context(), db, b.d, store.Modules()[5:]), "the others are as they were")
		require.Equal(t, before, catalog(t, db, b.d))
	})
}

// later records a step of a later program.
func later(t *testing.T, db *sql.DB, module string, version int) {
	t.Helper()
	exec(t, db, fmt.Sprintf(`INSERT INTO crm_schema_version (module, version, name, sha256, engine, applied_at)
		SELECT '%s', %d, 'later', 'x', engine, applied_at FROM crm_schema_version WHERE module = 'foundation'`, module, version))
}

func reason(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Reason
	}
	return ""
}

func TestManyMigrateAtOnce(t *testing.T) {
	t.Parallel()

	eachBlank(t, func(t *testing.T, b blank) {
		b.open(t)
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			db := b.open(t)
			wg.Go(func() { errs[i] = store.Migrate(t.Context(), db, b.d, store.MigrateOptions{}) })
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		db := b.open(t)
		require.NoError(t, store.Check(t.Context(), db, b.d, nil))
	})
}

func TestCheckFindsDrift(t *testing.T) {
	t.Parallel()

	eachBlank(t, func(t *testing.T, b blank) {
		db := b.open(t)
		require.NoError(t, store.Migrate(t.Context(), db, b.d, store.MigrateOptions{}))
		for _, c := range []struct{ spoil, mend, says string }{
			{"DROP INDEX crm_audit_record", "CREATE INDEX crm_audit_record ON crm_audit (tenant_id, record_id, version)", "is missing: index crm_audit.crm_audit_record plain (tenant_id, record_id, version)"},
			{"ALTER TABLE crm_once ADD COLUMN more text", "ALTER TABLE crm_once DROP COLUMN more", "is not expected: column crm_once.more"},
			{"CREATE TABLE crm_more (tenant_id text PRIMARY KEY)", "DROP TABLE crm_more", "is not expected: column crm_more.tenant_id"},
		} {
			exec(t, db, c.spoil)
			err := store.Check(t.Context(), db, b.d, nil)
			require.Equal(t, "drift", reason(err), c.spoil)
			require.ErrorContains(t, err, c.says)
			exec(t, db, c.mend)
			require.NoError(t, store.Check(t.Context(), db, b.d, nil))
		}
		exec(t, db, "UPDATE crm_schema_version SET sha256 = 'x' WHERE module = 'foundation'")
		require.Equal(t, fault.Invalid, fault.CodeOf(store.Check(t.Context(), db, b.d, nil)))
		require.Equal(t, fault.Invalid, fault.CodeOf(store.Migrate(t.Context(), db, b.d, store.MigrateOptions{})))
	})
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

func TestAFailedMigrationLeavesNothing(t *testing.T) {
	t.Parallel()

	eachBlank(t, func(t *testing.T, b blank) {
		db := b.open(t)
		broken := func(s string) []string {
			if strings.Contains(s, "CREATE TABLE crm_event") {
				return []string{s, "CREATE TABLE crm_event (again int)"}
			}
			return []string{s}
		}
		require.Error(t, store.Migrate(t.Context(), db, b.d, store.MigrateOptions{Transform: broken}))
		require.Empty(t, catalog(t, db, b.d))
		require.NoError(t, store.Migrate(t.Context(), db, b.d, store.MigrateOptions{}))
	})
}

func TestATableOfOurNameThatIsNotOurs(t *testing.T) {
	t.Parallel()

	eachBlank(t, func(t *testing.T, b blank) {
		db := b.open(t)
		for _, s := range []string{"CREATE TABLE crm_customer (x int)", "CREATE TABLE users (x int)"} {
			_, err := db.ExecContext(t.Context(), s)
			require.NoError(t, err)
		}
		before := catalog(t, db, b.d)
		err := store.Migrate(t.Context(), db, b.d, store.MigrateOptions{})
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "crm_customer")
		require.Equal(t, before, catalog(t, db, b.d), "nothing was made")
		_, err = db.ExecContext(t.Context(), "DROP TABLE crm_customer")
		require.NoError(t, err)
		require.NoError(t, store.Migrate(t.Context(), db, b.d, store.MigrateOptions{}))
	})
}

func TestPartitionedCatalogIsTheSame(t *testing.T) {
	t.Parallel()

	b := dbtest.Partitioned(t)
	require.NoError(t, store.Check(t.Context(), b.Write, b.Dialect, nil))
	var n int
	require.NoError(t, b.Write.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'`).Scan(&n))
	require.Positive(t, n)
	require.Zero(t, n%dbtest.Partitions)
}

// logical reduces a column line to what both dialects must share.
var logical = regexp.MustCompile(`^column (\S+) (\S.*?) (not null|null)\b`)

// sameType lists how each type of PostgreSQL is kept on SQLite.
var sameType = map[string]string{
	"text": "TEXT", "uuid": "BLOB", "bytea": "BLOB", "bigint": "INTEGER", "integer": "INTEGER", "boolean": "INTEGER",
	"timestamp with time zone": "INTEGER", "date": "INTEGER", "jsonb": "TEXT", "double precision": "REAL",
	"tsvector": "INTEGER", // the row of the full-text index
}

var condition = regexp.MustCompile(`(?i) where .*`)

func TestDialectsHaveTheSameColumnsAndKeys(t *testing.T) {
	t.Parallel()

	shape := func(d store.Dialect) (columns map[string]string, keys []string) {
		lines, err := store.Golden(d, nil)
		require.NoError(t, err)
		columns = map[string]string{}
		for _, line := range lines {
			if m := logical.FindStringSubmatch(line); m != nil {
				typ := m[2]
				if d.Name() == store.Postgres {
					typ = sameType[typ]
				}
				columns[m[1]] = typ + " " + m[3]
			} else if strings.HasPrefix(line, "index ") && !strings.Contains(line, "_search ") { // full text differs by nature
				keys = append(keys, strings.NewReplacer("(", "", ")", "", `"`, "").Replace(line))
			}
		}
		return columns, keys
	}
	pgColumns, pgKeys := shape(postgres.Dialect)
	liteColumns, liteKeys := shape(sqlite.Dialect)
	require.Equal(t, pgColumns, liteColumns)
	require.NotEmpty(t, pgKeys)
	plain := func(list []string) []string { // conditions of partial indexes are spelled differently
		var out []string
		for _, k := range list {
			k = condition.ReplaceAllString(k, "")
			out = append(out, k)
		}
		slices.Sort(out)
		return out
	}
	require.Equal(t, plain(pgKeys), plain(liteKeys))
}

func TestMigrationsHaveTheSameNames(t *testing.T) {
	t.Parallel()

	pg, err := store.Migrations(postgres.Dialect, nil)
	require.NoError(t, err)
	lite, err := store.Migrations(sqlite.Dialect, nil)
	require.NoError(t, err)
	require.Len(t, lite, len(pg))
	for i := range pg {
		require.Equal(t, pg[i].String(), lite[i].String())
	}
}
