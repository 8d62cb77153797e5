package postgres_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

func TestFaults(t *testing.T) {
	t.Parallel()

	const secret = "ada@example.com"
	pg := func(code string) error {
		return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code, Message: "value " + secret, Detail: "Key (email)=(" + secret + ")", ConstraintName: "crm_x_key"})
	}
	for name, c := range map[string]struct {
		err    error
		code   fault.Code
		reason string
	}{
		"unique":        {pg("23505"), fault.Conflict, store.ReasonDuplicate},
		"foreign":       {pg("23503"), fault.Conflict, store.ReasonReference},
		"check":         {pg("23514"), fault.Internal, ""},
		"bad value":     {pg("22P02"), fault.Internal, ""},
		"serialization": {pg("40001"), fault.Retryable, ""},
		"deadlock":      {pg("40P01"), fault.Retryable, ""},
		"unknown":       {pg("40003"), fault.CommitUnknown, ""},
		"aborted":       {pg("25P02"), fault.Invalid, ""},
		"read only":     {pg("25006"), fault.Invalid, ""},
		"shutdown":      {pg("57P01"), fault.Unavailable, ""},
		"too many":      {pg("53300"), fault.Unavailable, ""},
		"connection":    {pg("08006"), fault.Unavailable, ""},
		"cancelled":     {pg("57014"), fault.Unavailable, ""},
		"syntax":        {pg("42601"), fault.Internal, ""},
		"lost":          {dbtest.LostConnection(), fault.Unavailable, ""},
		"end of file":   {fmt.Errorf("x %s: %w", secret, io.ErrUnexpectedEOF), fault.Unavailable, ""},
		"bad conn":      {driver.ErrBadConn, fault.Unavailable, ""},
		"rolled back":   {pgx.ErrTxCommitRollback, fault.Invalid, ""},
		"tx done":       {sql.ErrTxDone, fault.Invalid, ""},
		"anything":      {errors.New(secret), fault.Internal, ""},
	} {
		f, ok := postgres.Dialect.Fault(c.err).(*fault.Error) //nolint:errorlint // the dialect returns it bare
		require.True(t, ok, name)
		require.Equal(t, c.code, f.Code, name)
		require.Equal(t, c.reason, f.Reason, name)
		require.NotContains(t, f.Error(), "ada", name)
	}
	require.ErrorIs(t, postgres.Dialect.Fault(context.DeadlineExceeded), context.DeadlineExceeded)
	require.NoError(t, postgres.Dialect.Fault(nil))
	own := fault.New(fault.Gate, "x")
	require.Same(t, own, postgres.Dialect.Fault(own))
}

// Text with values in it goes by the simple protocol and leaves the cache of prepared statements alone.
func TestProtocols(t *testing.T) {
	t.Parallel()

	pool, err := pgxpool.New(t.Context(), dbtest.Postgres(t).Database(t)+" pool_max_conns=1")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	db := postgres.OpenDB(pool)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	prepared := func() (n int) {
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&n))
		return n
	}
	for i := range 50 {
		var n int
		require.NoError(t, db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT %d", i)).Scan(&n))
		require.Equal(t, i, n)
		_, err := db.ExecContext(t.Context(), fmt.Sprintf("SET application_name = 'a%d'", i))
		require.NoError(t, err)
	}
	require.Zero(t, prepared())
	for i := range 5 {
		var n int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT $1::int", i).Scan(&n))
		require.Equal(t, i, n)
	}
	require.Equal(t, 1, prepared())
	_, err = db.ExecContext(t.Context(), "CREATE TABLE a (b int); CREATE TABLE c (d int)")
	require.NoError(t, err, "several statements at once")
	require.NoError(t, db.PingContext(t.Context()))
	require.EqualValues(t, 0, pool.Stat().AcquiredConns(), "no connection is kept from the host")
}

func TestJoinAdapterReadsEveryType(t *testing.T) {
	t.Parallel()

	b := dbtest.PostgresBackend(t)
	const query = `SELECT true AS a, 1::int2 AS b, 2::int4 AS c, 3::int8 AS d, 1.5::float4 AS e, 2.5::float8 AS f, 'x'::text AS g, '\x00ff'::bytea AS h,
		'2026-03-29'::date AS i, '2026-03-29T01:02:03.456789Z'::timestamptz AS j, '{"a": 1}'::jsonb AS k, 'b3b1f1f2-0000-7000-8000-000000000001'::uuid AS l, NULL::text AS m, $1::text AS n`
	read := func(q store.Execer) map[string]any {
		rows, err := q.QueryContext(t.Context(), query, "arg")
		require.NoError(t, err)
		defer rows.Close()
		names, err := rows.Columns()
		require.NoError(t, err)
		require.True(t, rows.Next())
		values, dests := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			dests[i] = &values[i]
		}
		require.NoError(t, rows.Scan(dests...))
		require.False(t, rows.Next())
		require.NoError(t, rows.Err())
		out := map[string]any{}
		for i, n := range names {
			if v, ok := values[i].([]byte); ok && n != "h" {
				values[i] = string(v)
			}
			out[n] = values[i]
		}
		return out
	}
	tx, err := b.Pool.Begin(t.Context())
	require.NoError(t, err)
	u, release, err := b.DB.JoinTx(t.Context(), tx)
	require.NoError(t, err)
	q := b.DB.Querier(u)
	require.Equal(t, read(b.Write), read(q), "as database/sql reads them")
	rows, err := q.QueryContext(t.Context(), "SELECT 1 WHERE false")
	require.NoError(t, err)
	require.False(t, rows.Next())
	require.NoError(t, rows.Err())
	_, err = q.QueryContext(t.Context(), "SELECT 1/0")
	require.Error(t, err)
	require.NoError(t, release())
	require.NoError(t, tx.Rollback(t.Context()))
}
