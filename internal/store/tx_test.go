package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

// busy is the error by which each database asks to run a transaction again. SQLite's cannot be made by hand, so its
// tests inject the fault its dialect would make of it.
func busy(b dbtest.Backend) error {
	if b.Name == "sqlite" {
		return fault.New(fault.Retryable, "injected")
	}
	return dbtest.PgError("40001")
}

func TestOwnTransactionRunsAgain(t *testing.T) {
	t.Parallel()

	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		for name, rule := range map[string]dbtest.Rule{
			"statement": {Match: dbtest.ByName("test.add_tenant"), Nth: 1, Err: busy(b)},
			"commit":    {Ops: []dbtest.Op{dbtest.OpCommit}, Nth: 1, Err: busy(b), KillConn: b.Name != "sqlite"},
		} {
			f := c.Inject(rule)
			runs, commits := 0, 0
			b.DB.OnCommit(func() { commits++ })
			err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
				runs++
				return add(ctx, b.DB, u, "acme-"+name)
			})
			require.NoError(t, err, name)
			require.Equal(t, 1, f.Fired(), name)
			require.Equal(t, 2, runs, name)
			require.Equal(t, 1, commits, name)
			c.Clear()
		}
		require.Equal(t, []string{"acme-commit", "acme-statement"}, tenants(t, b.DB))
	})
}

func TestOwnTransactionGivesUp(t *testing.T) {
	t.Parallel()

	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		c.Inject(dbtest.Rule{Match: dbtest.ByName("test.add_tenant"), Err: busy(b)})
		runs := 0
		err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			runs++
			return add(ctx, b.DB, u, "acme")
		})
		require.Equal(t, fault.Retryable, fault.CodeOf(err))
		require.Equal(t, 10, runs)
		c.Clear()
		require.Empty(t, tenants(t, b.DB))
	})
}

func TestHostTransactionIsNotRepeated(t *testing.T) {
	t.Parallel()

	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		tx, err := b.Write.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		f := c.Inject(dbtest.Rule{Match: dbtest.ByName("test.add_tenant"), Err: busy(b)})
		require.Equal(t, fault.Retryable, fault.CodeOf(add(t.Context(), b.DB, b.DB.Join(tx), "acme")))
		require.Equal(t, 1, f.Fired())
		c.Clear()
		require.NoError(t, add(t.Context(), b.DB, b.DB.Join(tx), "acme"), "the host's transaction is usable")
		require.NoError(t, tx.Commit())
		require.Equal(t, []string{"acme"}, tenants(t, b.DB))
	})
}

func TestLostCommitIsUnknown(t *testing.T) {
	t.Parallel()

	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		if b.Name == "sqlite" {
			t.Skip("an embedded database has no connection to lose")
		}
		for name, rule := range map[string]dbtest.Rule{
			"reply": {Ops: []dbtest.Op{dbtest.OpCommit}, Nth: 1, When: dbtest.LostReply},
			"40003": {Ops: []dbtest.Op{dbtest.OpCommit}, Nth: 1, When: dbtest.After, Err: dbtest.PgError("40003")},
		} {
			c.Inject(rule)
			require.Equal(t, fault.CommitUnknown, fault.CodeOf(add(t.Context(), b.DB, nil, name)), name)
			c.Clear()
		}
		require.Equal(t, []string{"40003", "reply"}, tenants(t, b.DB), "both happened")
	})
}

func TestLostStatementIsUnavailable(t *testing.T) {
	t.Parallel()

	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		if b.Name == "sqlite" {
			t.Skip("an embedded database has no connection to lose")
		}
		c.Inject(dbtest.Rule{Match: dbtest.ByName("test.add_tenant"), Nth: 2, When: dbtest.LostReply})
		err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			require.NoError(t, add(ctx, b.DB, u, "acme"))
			return add(ctx, b.DB, u, "other")
		})
		require.Equal(t, fault.Unavailable, fault.CodeOf(err))
		require.Empty(t, tenants(t, b.DB))
		require.NoError(t, add(t.Context(), b.DB, nil, "acme"), "the pool recovers")
	})
}

func TestCancelledContextWritesNothing(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		ctx, cancel := context.WithCancel(t.Context())
		err := b.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
			require.NoError(t, add(ctx, b.DB, u, "acme"))
			cancel()
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
		err = b.DB.Write(t.Context(), nil, func(_ context.Context, u work.Unit) error { return add(ctx, b.DB, u, "acme") })
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, add(ctx, b.DB, nil, "acme"), context.Canceled)
		require.Empty(t, tenants(t, b.DB))
		require.NoError(t, add(t.Context(), b.DB, nil, "acme"))
	})
}

func TestOuterSessionInsideATransactionIsRefused(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		var old work.Unit
		err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			old = u
			nothing := func(context.Context, work.Unit) error { return nil }
			for name, err := range map[string]error{
				"write": b.DB.Write(ctx, nil, nothing),
				"read":  b.DB.Read(ctx, nil, nothing),
				"exec":  second(b.DB.On(nil).Exec(ctx, addTenant, "a", "b", 1, instant)),
				"get":   b.DB.On(nil).Get(ctx, getTenant, &tenantRow{}, "a"),
			} {
				require.Equal(t, fault.Invalid, fault.CodeOf(err), name)
				require.ErrorContains(t, err, "outer session", name)
			}
			return b.DB.Write(ctx, u, func(ctx context.Context, inner work.Unit) error {
				require.Equal(t, fault.Invalid, fault.CodeOf(b.DB.Write(ctx, u, nothing)), "the outer level of a nested transaction")
				require.Equal(t, fault.Invalid, fault.CodeOf(b.DB.Write(ctx, nil, nothing)))
				return add(ctx, b.DB, inner, "nested")
			})
		})
		require.NoError(t, err)
		require.Equal(t, fault.Invalid, fault.CodeOf(add(t.Context(), b.DB, old, "late")), "a unit ends with its transaction")
		require.Equal(t, []string{"nested"}, tenants(t, b.DB))

		other, err := store.Open(t.Context(), store.Config{Write: b.Write, Dialect: b.Dialect})
		require.NoError(t, err)
		tx, err := b.Write.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, fault.Invalid, fault.CodeOf(add(t.Context(), b.DB, other.Join(tx), "x")), "a unit of another DB")
		require.Equal(t, fault.Internal, fault.CodeOf(add(t.Context(), b.DB, "no unit", "x")))
		require.NoError(t, tx.Rollback())
		require.NoError(t, other.Close())
	})
}

func second(_ int64, err error) error { return err }

func TestJoinedTransactionBelongsToTheHost(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		for _, commit := range []bool{false, true} {
			tx, err := b.Write.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			u := b.DB.Join(tx)
			require.NotNil(t, b.DB.Querier(u))
			require.NoError(t, add(t.Context(), b.DB, u, "one"))
			require.True(t, store.Duplicate(add(t.Context(), b.DB, u, "one")))
			mine := errors.New("mine")
			require.ErrorIs(t, b.DB.Write(t.Context(), u, func(ctx context.Context, u work.Unit) error {
				require.NoError(t, add(ctx, b.DB, u, "gone"))
				return mine
			}), mine)
			require.NoError(t, add(t.Context(), b.DB, u, "two"))
			var row tenantRow
			require.NoError(t, b.DB.Read(t.Context(), u, func(ctx context.Context, u work.Unit) error {
				return b.DB.On(u).Get(ctx, getTenant, &row, "two")
			}), "reads run on the host's transaction")
			if commit {
				require.NoError(t, tx.Commit())
				require.Equal(t, []string{"one", "two"}, tenants(t, b.DB))
			} else {
				require.NoError(t, tx.Rollback())
				require.Empty(t, tenants(t, b.DB))
			}
			require.Equal(t, fault.Invalid, fault.CodeOf(add(t.Context(), b.DB, u, "late")))
		}
	})
}

//nolint:paralleltest // it counts goroutines
func TestJoinedPgxTransaction(t *testing.T) {
	b := dbtest.PostgresBackend(t)
	for _, commit := range []bool{false, true} {
		conn, err := b.Pool.Acquire(t.Context())
		require.NoError(t, err)
		tx, err := conn.Begin(t.Context())
		require.NoError(t, err)
		before := goleak.IgnoreCurrent()
		u, release, err := b.DB.JoinTx(t.Context(), tx)
		require.NoError(t, err)
		require.NoError(t, add(t.Context(), b.DB, u, "one"))
		require.True(t, store.Duplicate(add(t.Context(), b.DB, u, "one")))
		require.NoError(t, add(t.Context(), b.DB, u, "two"))
		var row tenantRow
		require.NoError(t, b.DB.On(u).Get(t.Context(), getTenant, &row, "two"))
		require.Equal(t, tenantRow{TenantID: "two", Zone: "UTC", SchemaVersion: 7, UpdatedAt: store.Time(instant)}, row)
		n, err := b.DB.On(u).BulkLoad(t.Context(), "crm_tenant", []string{"tenant_id", "schema_version", "updated_at"}, func(yield func([]any, error) bool) {
			yield([]any{"zz", 1, instant}, nil)
		})
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		require.NoError(t, release())
		goleak.VerifyNone(t, before)
		require.Equal(t, fault.Invalid, fault.CodeOf(add(t.Context(), b.DB, u, "late")), "the session ends with Join")
		if commit {
			require.NoError(t, tx.Commit(t.Context()))
			require.Equal(t, []string{"one", "two", "zz"}, tenants(t, b.DB))
		} else {
			require.NoError(t, tx.Rollback(t.Context()))
			require.Empty(t, tenants(t, b.DB))
		}
		conn.Release()
	}
	_, _, err := b.DB.JoinTx(t.Context(), pgx.Tx(nil))
	require.Equal(t, fault.Invalid, fault.CodeOf(err))
}
