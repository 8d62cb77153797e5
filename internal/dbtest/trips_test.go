package dbtest_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

// Each of these takes a known number of round trips with bare pgx.
func TestTripsAreCountedAtTheSocket(t *testing.T) {
	t.Parallel()

	b, trips := dbtest.TripsBackend(t)
	db := stdlib.OpenDB(*b.Pool.Config().ConnConfig)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	one := func(n int) func() error {
		return func() error {
			batch := &pgx.Batch{}
			for range n {
				batch.Queue("SELECT $1::int", 1)
			}
			return b.Pool.SendBatch(t.Context(), batch).Close()
		}
	}
	for name, tc := range map[string]struct {
		want int
		run  func() error
	}{
		"a statement":       {1, func() error { _, err := b.Pool.Exec(t.Context(), "SELECT $1::int", 1); return err }},
		"a pipeline":        {1, one(5)},
		"a large answer":    {1, func() error { _, err := b.Pool.Exec(t.Context(), "SELECT repeat('x', 1000000)"); return err }},
		"the host's own DB": {1, func() error { _, err := db.ExecContext(t.Context(), "SELECT $1::int", 1); return err }},
		"a transaction": {3, func() error {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(t.Context(), "SELECT $1::int", 1); err != nil {
				return err
			}
			return tx.Commit()
		}},
	} {
		require.NoError(t, tc.run(), name)
		trips.Reset()
		require.NoError(t, tc.run(), name)
		require.Equal(t, tc.want, trips.Count(), name)
	}
	trips.Delay(20 * time.Millisecond)
	began := time.Now()
	require.NoError(t, one(5)())
	require.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
}
