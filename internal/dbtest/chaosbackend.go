package dbtest

import (
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/store"
)

// EachChaos is [Each] over connections that fail on purpose. On SQLite reads run on the writing connection, so that
// every statement passes the [Chaos]. Backend.Pool is nil.
func EachChaos(t *testing.T, fn func(t *testing.T, b Backend, c *Chaos)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) (Backend, *Chaos){
		"sqlite":      sqliteChaos,
		"postgres":    func(t testing.TB) (Backend, *Chaos) { return serverChaos(t, "postgres", nil) },
		"partitioned": func(t testing.TB) (Backend, *Chaos) { return serverChaos(t, "partitioned", PartitionByTenant) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			b, c := open(t)
			fn(t, b, c)
		})
	}
}

func sqliteChaos(t testing.TB) (Backend, *Chaos) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crm.db")
	connector, _, err := sqlite.Connectors(path)
	check(t, err)
	chaos := NewChaos(connector)
	db := chaos.DB()
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { check(t, db.Close()) })
	check(t, store.Migrate(t.Context(), db, sqlite.Dialect, store.MigrateOptions{}))
	return backend(t, Backend{Name: "sqlite", Dialect: sqlite.Dialect, Write: db, Read: db, Path: path}), chaos
}

func serverChaos(t testing.TB, name string, transform func(string) []string) (Backend, *Chaos) {
	t.Helper()
	dsn := migrated(t, name, transform)
	cfg, err := pgx.ParseConfig(dsn)
	check(t, err)
	chaos := NewChaos(postgres.Connector(stdlib.GetConnector(*cfg)))
	db := chaos.DB()
	db.SetMaxOpenConns(8)
	t.Cleanup(func() { check(t, db.Close()) })
	return backend(t, Backend{Name: name, Dialect: postgres.Dialect, Write: db, Read: db, Path: dsn}), chaos
}
