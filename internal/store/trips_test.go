package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

// verb is what a verb asks of the store.
type verb struct {
	name string
	run  func(ctx context.Context, on store.Conn) error
	want map[string]int // round trips in each kind of transaction, without what the host says itself
}

func queueEvents(on store.Conn) error {
	return errors.Join(on.Queue(addEvent, nil, "acme", ident.New(), "tenant", ident.New(), 1, instant),
		on.Queue(addEvent, nil, "acme", ident.New(), "tenant", ident.New(), 2, instant))
}

func verbs() []verb {
	return []verb{
		{"nothing", func(context.Context, store.Conn) error { return nil }, map[string]int{}},
		{"create", func(_ context.Context, on store.Conn) error {
			return errors.Join(queueTenant(on, ident.New().String()), queueEvents(on))
		}, map[string]int{"own": 1, "pgx": 1, "sql": 3}},
		{"create what is looked up first", func(ctx context.Context, on store.Conn) error {
			var a, b tenantRow
			other := on.GetLater(getTenant, &b, "none")
			if err := on.Get(ctx, getTenant, &a, "acme"); err != nil {
				return err
			}
			if err := other.Wait(ctx); !errors.Is(err, store.ErrNoRow) {
				return err
			}
			return errors.Join(queueTenant(on, ident.New().String()), queueEvents(on))
		}, map[string]int{"own": 2, "pgx": 2, "sql": 5}},
		{"update of a version", func(ctx context.Context, on store.Conn) error {
			var row tenantRow
			if err := on.Get(ctx, getTenant, &row, "acme"); err != nil {
				return err
			}
			return errors.Join(on.QueueOne(setTenant, nil, "acme", row.SchemaVersion, row.SchemaVersion+1), queueEvents(on))
		}, map[string]int{"own": 2, "pgx": 2, "sql": 4}},
		{"update of a version that is awaited", func(ctx context.Context, on store.Conn) error {
			var row tenantRow
			if err := on.Get(ctx, getTenant, &row, "acme"); err != nil {
				return err
			}
			n, err := on.Exec(ctx, setTenant, "acme", row.SchemaVersion, row.SchemaVersion+1)
			if err != nil || n != 1 {
				return errors.Join(err, store.ErrNoRow)
			}
			return queueEvents(on)
		}, map[string]int{"own": 3, "pgx": 3, "sql": 5}},
		{"writes to rows of one table that are apart", func(_ context.Context, on store.Conn) error {
			return errors.Join(on.Queue(putTenant, nil, "apart 1", 1, instant), on.Queue(dropTenant, nil, "apart 2"),
				on.Queue(putTenant, nil, "apart 3", 1, instant), queueEvents(on))
		}, map[string]int{"own": 1, "pgx": 1, "sql": 3}},
		{"writes to one row", func(_ context.Context, on store.Conn) error {
			return errors.Join(on.Queue(putTenant, nil, "apart 1", 1, instant), on.Queue(dropTenant, nil, "apart 1"), queueEvents(on))
		}, map[string]int{"own": 1, "pgx": 1, "sql": 4}},
		{"reads", func(ctx context.Context, on store.Conn) error {
			var a tenantRow
			var list []tenantRow
			var n int
			first, second := on.GetLater(getTenant, &a, "acme"), on.SelectLater(listTenants, &list, "acme")
			return errors.Join(on.GetLater(countEvents, &n, "acme").Wait(ctx), first.Wait(ctx), second.Wait(ctx))
		}, map[string]int{"own": 2, "pgx": 2, "sql": 5, "pool": 1}},
	}
}

// A verb takes as many round trips as it has answers to wait for, and one for what it leaves.
func TestTripsOfAVerb(t *testing.T) {
	t.Parallel()

	b, trips := dbtest.TripsBackend(t)
	host := stdlib.OpenDB(*b.Pool.Config().ConnConfig)
	t.Cleanup(func() { require.NoError(t, host.Close()) })
	onHost, err := store.Open(t.Context(), store.Config{Write: host, Dialect: b.Dialect})
	require.NoError(t, err)
	require.NoError(t, add(t.Context(), b.DB, nil, "acme"))
	own := func(db *store.DB) func(v verb) int {
		return func(v verb) int {
			trips.Reset()
			require.NoError(t, db.Write(t.Context(), nil, v.on(db)), v.name)
			return trips.Count()
		}
	}
	reading := func(db *store.DB) func(v verb) int {
		return func(v verb) int {
			trips.Reset()
			require.NoError(t, db.Read(t.Context(), nil, v.on(db)), v.name)
			return trips.Count()
		}
	}
	for name, tc := range map[string]struct {
		kind string
		run  func(v verb) int
	}{
		"FromPool":        {"own", own(b.DB)},
		"the host's DB":   {"own", own(onHost)},
		"in a pgx.Tx":     {"pgx", func(v verb) int { return inPgxTx(t, b, trips, v) }},
		"in a *sql.Tx":    {"sql", func(v verb) int { return inSQLTx(t, b, trips, v) }},
		"reading a pool":  {"pool", reading(b.DB)},
		"reading host DB": {"pool", reading(onHost)},
	} {
		for _, v := range verbs() {
			if tc.kind == "pool" && v.want["pool"] == 0 {
				continue
			}
			tc.run(v) // prepares
			require.Equal(t, v.want[tc.kind], tc.run(v), "%s %s", v.name, name)
		}
	}
}

func (v verb) on(db *store.DB) func(ctx context.Context, u work.Unit) error {
	return func(ctx context.Context, u work.Unit) error { return v.run(ctx, db.On(u)) }
}

func inPgxTx(t *testing.T, b dbtest.Backend, trips *dbtest.Trips, v verb) int {
	t.Helper()
	tx, err := b.Pool.Begin(t.Context())
	require.NoError(t, err)
	u, release, err := b.DB.JoinTx(t.Context(), tx)
	require.NoError(t, err)
	trips.Reset()
	require.NoError(t, b.DB.Write(t.Context(), u, v.on(b.DB)), v.name)
	n := trips.Count()
	require.NoError(t, errors.Join(release(), tx.Commit(t.Context())))
	return n
}

func inSQLTx(t *testing.T, b dbtest.Backend, trips *dbtest.Trips, v verb) int {
	t.Helper()
	tx, err := b.Write.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	trips.Reset()
	require.NoError(t, b.DB.Write(t.Context(), b.DB.Join(tx), v.on(b.DB)), v.name)
	n := trips.Count()
	require.NoError(t, tx.Commit())
	return n
}
