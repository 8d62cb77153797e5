package postgres_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

type inner struct {
	ID   store.ID   `bun:"id"`
	Time store.Time `bun:"moment"`
}

type wide struct {
	inner

	Text   string      `bun:"words"`
	Date   store.Date  `bun:"day"`
	JSON   store.JSON  `bun:"document"`
	Texts  store.Texts `bun:"list"`
	Bytes  []byte      `bun:"bytes"`
	Big    int64       `bun:"big"`
	Small  int         `bun:"small"`
	Float  float64     `bun:"float"`
	Truth  bool        `bun:"truth"`
	Blank  string      `bun:"blank"`
	Beyond int64       `bun:"beyond"`
}

// The rows of a type come out the same from the driver itself and through database/sql, which reads connections that
// somebody has wrapped.
func TestRowsAreReadAlike(t *testing.T) {
	t.Parallel()

	ways := openWays(t)
	values := store.Same("test.values", `
		SELECT * FROM (VALUES
			('0190e6a2-7b1c-7def-8a34-0123456789ab'::uuid, '2026-11-21 20:32:22.123456+02'::timestamptz, 'Ünï李'::text, '0044-02-29'::date,
			 '{"a": [1, null]}'::jsonb, '["x", "y"]'::jsonb, '\x00ff'::bytea, -9223372036854775807::bigint, -7::integer, -0.5::double precision, true),
			('00000000-0000-0000-0000-000000000001', '1969-12-31 23:59:59.999999+00', '', '1970-01-01', 'null', '[]', '', 9223372036854775807, 8, 1e300, false),
			(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
		) AS v (id, moment, words, day, document, list, bytes, big, small, float, truth)
		CROSS JOIN (SELECT NULL::text AS blank, NULL::bigint AS beyond) AS n WHERE $1::text = ''`)
	got := make([][]wide, len(ways))
	for i, db := range ways {
		require.NoError(t, db.On(nil).Select(t.Context(), values, &got[i], ""))
		require.Len(t, got[i], 3)
		var one wide
		require.NoError(t, db.On(nil).Get(t.Context(), values, &one, ""))
		require.Equal(t, got[i][0], one, "the first of several")
		require.ErrorIs(t, db.On(nil).Get(t.Context(), values, &one, "none"), store.ErrNoRow)
		require.Equal(t, got[0], got[i])
	}
	require.Equal(t, wide{}, got[0][2], "NULL is the zero value")
	require.Equal(t, "2026-11-21T18:32:22.123456Z", time.Time(got[0][0].Time).Format(time.RFC3339Nano))
}

func TestScalarsAreReadAlike(t *testing.T) {
	t.Parallel()

	for _, db := range openWays(t) {
		numbers := []int64{9, 9, 9}
		require.NoError(t, db.On(nil).Select(t.Context(), store.Same("test.numbers", `SELECT generate_series(1, $1::int)`), &numbers, 5))
		require.Equal(t, []int64{1, 2, 3, 4, 5}, numbers)
		var text string
		require.NoError(t, db.On(nil).Get(t.Context(), store.Same("test.text", `SELECT 'x' || $1::text`), &text, "y"))
		require.Equal(t, "xy", text)
		require.NoError(t, db.On(nil).Get(t.Context(), store.Same("test.inserted", `SELECT count(*) FROM generate_series(1, $1::int)`), &numbers[0], 7))
		require.EqualValues(t, 7, numbers[0])
	}
}

// A transaction reads what it has written, and nothing after an error in it.
func TestRowsOfTransactions(t *testing.T) {
	t.Parallel()

	direct := openWays(t)[0]
	count := store.Same("test.count", `SELECT count(*) FROM counted WHERE n > $1`)
	_, err := direct.On(nil).Exec(t.Context(), store.Same("test.create", `CREATE TABLE counted (n bigint)`))
	require.NoError(t, err)
	var inside, outside int64
	err = direct.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
		on := direct.On(u)
		if _, err := on.Exec(ctx, store.Same("test.insert", `INSERT INTO counted VALUES ($1)`), 5); err != nil {
			return err
		}
		if err := on.Get(ctx, count, &inside, 0); err != nil {
			return err
		}
		return on.Get(ctx, store.Same("test.broken", `SELECT $1::bigint / 0`), &outside, 1)
	})
	require.Error(t, err)
	require.EqualValues(t, 1, inside)
	require.NoError(t, direct.On(nil).Get(t.Context(), count, &outside, 0))
	require.Zero(t, outside)
}

func TestRowsThatDoNotFit(t *testing.T) {
	t.Parallel()

	direct := openWays(t)[0]
	var row struct {
		N int64 `bun:"n"`
	}
	err := direct.On(nil).Get(t.Context(), store.Same("test.unknown", `SELECT $1::bigint AS m`), &row, 1)
	require.ErrorIs(t, err, fault.ErrInternal)
	err = direct.On(nil).Get(t.Context(), store.Same("test.misfit", `SELECT $1::text AS n`), &row, "secret")
	require.ErrorIs(t, err, fault.ErrInternal)
	require.NotContains(t, err.Error(), "secret")
	require.NoError(t, direct.On(nil).Get(t.Context(), store.Same("test.fits", `SELECT $1::bigint AS n`), &row, 3), "the connection is as before")
	require.EqualValues(t, 3, row.N)
}

func TestReadingEndsWithItsContext(t *testing.T) {
	t.Parallel()

	direct := openWays(t)[0]
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var text string
	sleep := store.Same("test.sleep", `SELECT pg_sleep($1)::text`)
	require.ErrorIs(t, direct.On(nil).Get(ctx, sleep, &text, 60.0), context.DeadlineExceeded)
	require.NoError(t, direct.On(nil).Get(t.Context(), sleep, &text, 0.0))
}

// openWays opens one database over the host's pool, over connections that somebody has wrapped, and over pools whose
// statements suit a pooler.
func openWays(t *testing.T) []*store.DB {
	t.Helper()
	dsn := dbtest.Postgres(t).Database(t)
	cfg, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	dbs := []*sql.DB{
		postgres.OpenDB(openPool(t, dsn, nil)), dbtest.NewChaos(stdlib.GetConnector(*cfg)).DB(),
		postgres.OpenDB(openPool(t, dsn, mode(pgx.QueryExecModeSimpleProtocol))), postgres.OpenDB(openPool(t, dsn, mode(pgx.QueryExecModeExec))),
	}
	opened := make([]*store.DB, len(dbs))
	for i, db := range dbs {
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		opened[i], err = store.Open(t.Context(), store.Config{Write: db, Dialect: postgres.Dialect})
		require.NoError(t, err)
	}
	return opened
}

func openPool(t *testing.T, dsn string, configure func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	if configure != nil {
		configure(cfg)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func mode(m pgx.QueryExecMode) func(*pgxpool.Config) {
	return func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = m }
}
