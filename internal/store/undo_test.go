package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

func TestALevelThatCannotBeUndoneEndsItsTransaction(t *testing.T) {
	t.Parallel()

	add := store.Same("test.add", "INSERT INTO crm_tenant (tenant_id, schema_version, updated_at) VALUES ($1, 1, $2)")
	count := store.Same("test.count", "SELECT count(*) FROM crm_tenant WHERE tenant_id <> $1")
	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		mine := errors.New("mine")
		part := func(ctx context.Context, u work.Unit) error {
			return b.DB.Write(ctx, u, func(ctx context.Context, u work.Unit) error {
				_, err := b.DB.On(u).Exec(ctx, add, "inner", instant)
				return errors.Join(err, mine)
			})
		}
		undo := dbtest.Rule{Match: dbtest.ByName("(ROLLBACK)"), Nth: 1, Err: errors.New("no")}

		f := c.Inject(undo)
		err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			_, err := b.DB.On(u).Exec(ctx, add, "outer", instant)
			require.NoError(t, err)
			require.ErrorContains(t, part(ctx, u), "could not be undone")
			_, err = b.DB.On(u).Exec(ctx, add, "later", instant)
			require.ErrorContains(t, err, "could not be undone")
			return nil // the caller takes it for a part that was refused
		})
		require.ErrorContains(t, err, "could not be undone")
		require.Equal(t, 1, f.Fired())

		c.Clear()
		c.Inject(undo)
		tx, err := b.Write.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.ErrorContains(t, part(t.Context(), b.DB.Join(tx)), "could not be undone", "the host hears of it, and not of its own error")
		require.NoError(t, tx.Rollback())

		c.Clear()
		var n int
		require.NoError(t, b.DB.On(nil).Get(t.Context(), count, &n, "none"))
		require.Zero(t, n)
	})
}
