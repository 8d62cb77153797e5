package outbox_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/outbox"
)

// Looking for tenants reads all that waits. It must not be done for each batch, or a long queue takes the square of its
// length.
func TestALongQueueIsNotLookedThroughForEachBatch(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		w := newWorld(b, 1)
		var looks atomic.Int32
		relay := outbox.New(outbox.Config{
			DB: b.DB, NewID: ident.NewRandom, Logger: slog.New(slog.DiscardHandler), Poll: time.Hour, Batch: 3,
			Now: func() time.Time { looks.Add(1); return w.now }, // asked only by looks, as there are no consumers
		})
		fill := func() {
			for range 30 {
				require.NoError(t, w.write(t.Context(), ident.New()))
			}
		}
		fill()
		require.NoError(t, relay.Drain(t.Context()))
		require.LessOrEqual(t, looks.Load(), int32(2))

		fill()
		looks.Store(0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		relay.Start(ctx)
		require.Eventually(t, func() bool {
			left, err := relay.Backlog(ctx, nil, tenant, w.now)
			return err == nil && left.Dispatch == 0
		}, time.Minute, 10*time.Millisecond)
		require.NoError(t, relay.Stop(ctx))
		require.LessOrEqual(t, looks.Load(), int32(3))
	})
}
