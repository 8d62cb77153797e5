package dbtest

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/store"
)

// EachChaos is [Each] over connections that fail on purpose. On SQLite reads run on the writing connection, so that
// every statement passes the [Chaos].
func EachChaos(t *testing.T, fn func(t *testing.T, b Backend, c *Chaos)) {
	t.Helper()
	EachChaosOf(t, nil, fn)
}

// EachChaosOf is [EachChaos] on databases that have these modules only, as [EachOf] has.
func EachChaosOf(t *testing.T, modules []store.Module, fn func(t *testing.T, b Backend, c *Chaos)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) (Backend, *Chaos){
		"sqlite": func(t testing.TB) (Backend, *Chaos) { return sqliteChaos(t, modules) },
		"postgres": func(t testing.TB) (Backend, *Chaos) {
			return serverChaos(t, layout{name: "postgres", modules: modules})
		},
		"partitioned": func(t testing.TB) (Backend, *Chaos) {
			return serverChaos(t, layout{"partitioned", modules, PartitionByTenant})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			b, c := open(t)
			fn(t, b, c)
		})
	}
}

func sqliteChaos(t testing.TB, modules []store.Module) (Backend, *Chaos) {
	t.Helper()
	path := migratedFile(t, modules)
	connector, _, err := sqlite.Connectors(path)
	check(t, err)
	chaos := NewChaos(connector)
	db := chaos.DB()
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { check(t, db.Close()) })
	return backend(t, Backend{Name: "sqlite", Dialect: sqlite.Dialect, Write: db, Read: db, Path: path}), chaos
}

// serverChaos opens the pool that a host would open, so that what passes database/sql by can fail, too.
func serverChaos(t testing.TB, l layout) (Backend, *Chaos) {
	t.Helper()
	chaos := NewChaos(nil)
	return onServer(t, l, func(cfg *pgxpool.Config) {
		cfg.ConnConfig.TLSConfig, cfg.ConnConfig.Fallbacks = nil, nil
		cfg.ConnConfig.DialFunc = chaos.Dial(cfg.ConnConfig.DialFunc)
	}), chaos
}
