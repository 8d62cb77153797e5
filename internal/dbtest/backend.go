package dbtest

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/store"
)

// Backend is a migrated, empty database of one test.
type Backend struct {
	Name    string        // "sqlite", "postgres" or "partitioned"
	DB      *store.DB     // on the pools Write and Read
	Dialect store.Dialect // that of DB
	Write   *sql.DB       // the pool that DB writes on
	Read    *sql.DB       // the pool that DB reads on; the same as Write on PostgreSQL
	Pool    *pgxpool.Pool // nil on SQLite
	Path    string        // the file on SQLite, the connection string on PostgreSQL
}

// Each runs fn as a parallel subtest on every database the product supports: SQLite, PostgreSQL, and PostgreSQL with
// every table of a tenant partitioned by hash of the tenant, which is how a distributed engine lays them out. The
// latter two are skipped where there is no server, see [Postgres].
func Each(t *testing.T, fn func(t *testing.T, b Backend)) {
	t.Helper()
	EachOf(t, nil, fn)
}

// EachOf is [Each] on databases that have these modules only; nil means every built-in one. A list is told from another
// by the names in it.
func EachOf(t *testing.T, modules []store.Module, fn func(t *testing.T, b Backend)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB, []store.Module) Backend{
		"sqlite": onFile,
		"postgres": func(t testing.TB, modules []store.Module) Backend {
			return onServer(t, layout{name: "postgres", modules: modules}, nil)
		},
		"partitioned": func(t testing.TB, modules []store.Module) Backend {
			return onServer(t, layout{"partitioned", modules, PartitionByTenant}, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			fn(t, open(t, modules))
		})
	}
}

// SQLite returns a Backend on a file of its own.
func SQLite(t testing.TB) Backend {
	t.Helper()
	return onFile(t, nil)
}

func onFile(t testing.TB, modules []store.Module) Backend {
	t.Helper()
	path := migratedFile(t, modules)
	write, read, err := sqlite.OpenPools(t.Context(), path)
	check(t, err)
	t.Cleanup(func() {
		check(t, read.Close())
		check(t, write.Close())
	})
	return backend(t, Backend{Name: "sqlite", Dialect: sqlite.Dialect, Write: write, Read: read, Path: path})
}

// PostgresBackend returns a Backend on a database of its own.
func PostgresBackend(t testing.TB) Backend {
	t.Helper()
	return onServer(t, layout{name: "postgres"}, nil)
}

// Partitioned returns a Backend on a database of its own, whose tables are partitioned by hash of the tenant.
func Partitioned(t testing.TB) Backend {
	t.Helper()
	return onServer(t, layout{name: "partitioned", transform: PartitionByTenant}, nil)
}

// layout is how databases of tests are migrated.
type layout struct {
	name      string
	modules   []store.Module
	transform func(statement string) []string
}

// key tells layouts apart.
func (l layout) key() string {
	key := l.name
	for _, m := range l.modules {
		key += "+" + m.Name
	}
	return key
}

func onServer(t testing.TB, l layout, configure func(*pgxpool.Config)) Backend {
	t.Helper()
	dsn := migrated(t, l)
	cfg, err := pgxpool.ParseConfig(dsn)
	check(t, err)
	cfg.MaxConns = 8
	if configure != nil {
		configure(cfg)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	check(t, err)
	t.Cleanup(pool.Close)
	db := postgres.OpenDB(pool)
	t.Cleanup(func() { check(t, db.Close()) })
	return backend(t, Backend{Name: l.name, Dialect: postgres.Dialect, Write: db, Read: db, Pool: pool, Path: dsn})
}

// migrated returns the connection string of a migrated, empty database for the test alone.
func migrated(t testing.TB, l layout) string {
	t.Helper()
	server := Postgres(t)
	return server.reused(t, l.key(), func(dsn string) error {
		ctx := context.Background()
		pool, err := pgxpool.New(ctx, dsn)
		if err != nil {
			return err
		}
		defer pool.Close()
		db := postgres.OpenDB(pool)
		defer func() { _ = db.Close() }() // the pool beneath is closed anyway
		if err := store.Migrate(ctx, db, postgres.Dialect, store.MigrateOptions{Modules: l.modules, Transform: l.transform}); err != nil {
			return err
		}
		now, err := schemaOf(ctx, dsn)
		server.schemas.Store(l.key(), now)
		return err
	})
}

func backend(t testing.TB, b Backend) Backend {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Write: b.Write, Read: b.Read, Dialect: b.Dialect})
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	b.DB = db
	return b
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
