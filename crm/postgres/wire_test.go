package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	addPair  = store.Same("test.add_pair", `INSERT INTO pair (k, v) VALUES ($1, $2)`)
	setPair  = store.Same("test.set_pair", `UPDATE pair SET v = $2 WHERE k = $1`)
	getPair  = store.Same("test.get_pair", `SELECT v FROM pair WHERE k = $1`)
	allPairs = store.Same("test.all_pairs", `SELECT k FROM pair ORDER BY k`)
)

// A trip of many statements has the same effects in each of pgx's modes, those for poolers among them, and over
// connections that somebody has wrapped.
func TestTripsInEveryMode(t *testing.T) {
	t.Parallel()

	dsn := dbtest.Postgres(t).Database(t)
	dbs := openWays(t)
	for _, m := range []pgx.QueryExecMode{pgx.QueryExecModeDescribeExec, pgx.QueryExecModeCacheDescribe} {
		host := postgres.OpenDB(openPool(t, dsn, mode(m)))
		t.Cleanup(func() { require.NoError(t, host.Close()) })
		db, err := store.Open(t.Context(), store.Config{Write: host, Dialect: postgres.Dialect})
		require.NoError(t, err)
		dbs = append(dbs, db)
	}
	for i, db := range dbs {
		_, err := db.On(nil).Exec(t.Context(), store.Same("test.make", `CREATE TABLE IF NOT EXISTS pair (k text PRIMARY KEY, v bigint)`))
		require.NoError(t, err)
		_, err = db.On(nil).Exec(t.Context(), store.Same("test.clear", `DELETE FROM pair`))
		require.NoError(t, err)
		for range 2 {
			tripsInMode(t, i, db)
		}
	}
}

func tripsInMode(t *testing.T, i int, db *store.DB) {
	t.Helper()
	write := func(fn func(ctx context.Context, on store.Conn) error) error {
		return db.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return fn(ctx, db.On(u)) })
	}
	var v int64
	var keys []string
	require.NoError(t, write(func(ctx context.Context, on store.Conn) error {
		require.NoError(t, on.Queue(addPair, nil, "a", 1))
		require.NoError(t, on.Queue(addPair, nil, "it's; --", 2))
		require.NoError(t, on.QueueOne(setPair, nil, "a", 3))
		all := on.SelectLater(allPairs, &keys)
		require.NoError(t, on.Get(ctx, getPair, &v, "a"))
		return all.Wait(ctx)
	}), i)
	require.EqualValues(t, 3, v, i)
	require.Equal(t, []string{"a", "it's; --"}, keys, i)

	err := write(func(_ context.Context, on store.Conn) error {
		return errors.Join(on.QueueOne(setPair, nil, "none", 4), on.Queue(addPair, nil, "beside", 5))
	})
	require.ErrorIs(t, err, store.ErrNoRow, i)
	taken := fault.Field("points[1].value", "taken")
	err = write(func(_ context.Context, on store.Conn) error {
		return errors.Join(on.Queue(addPair, nil, "first", 1), on.Queue(addPair, func(err error) error {
			require.True(t, store.Duplicate(err), "%d: %v", i, err)
			return taken
		}, "a", 1), on.Queue(addPair, nil, "last", 1))
	})
	require.ErrorIs(t, err, taken, i)
	require.NoError(t, write(func(ctx context.Context, on store.Conn) error {
		require.NoError(t, on.Select(ctx, allPairs, &keys))
		require.Equal(t, []string{"a", "it's; --"}, keys, i)
		return on.Queue(store.Same("test.clear", `DELETE FROM pair WHERE k <> $1`), nil, "")
	}), i)
}

// An argument that fits no column is found before the trip, and costs only its own transaction.
func TestTripsWithWrongArguments(t *testing.T) {
	t.Parallel()

	for i, db := range openWays(t) {
		_, err := db.On(nil).Exec(t.Context(), store.Same("test.make", `CREATE TABLE IF NOT EXISTS small (n smallint PRIMARY KEY)`))
		require.NoError(t, err)
		addSmall := store.Same("test.add_small", `INSERT INTO small (n) VALUES ($1)`)
		queue := func(n ...int) error {
			return db.Write(t.Context(), nil, func(_ context.Context, u work.Unit) (err error) {
				for _, n := range n {
					err = errors.Join(err, db.On(u).Queue(addSmall, nil, n))
				}
				return err
			})
		}
		require.Equal(t, fault.Internal, fault.CodeOf(queue(100*i+1, 1<<40)), i)
		require.NoError(t, queue(100*i+1, 100*i+2), i)
		require.Equal(t, fault.Internal, fault.CodeOf(queue(1<<40)), i)
	}
}
