package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// TestTerminatedConnectionsLoseAndDoubleNothing has the server end the connections of writers and relays under load,
// at random moments. Whoever gets a fault repeats under its key.
func TestTerminatedConnectionsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(dbtest.Seed(t), 0))
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		if b.Pool == nil {
			return // SQLite has no server
		}
		keys := t.TempDir() + "/keys"
		h, err := realHouse(t.Context(), b.Write, b.Read, b.Dialect, keys, 0)
		require.NoError(t, err)
		require.NoError(t, h.Start(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		var terminator, load sync.WaitGroup
		var ended, done atomic.Int64
		terminator.Go(func() { terminate(ctx, t, b.Path, rand.New(rand.NewPCG(r.Uint64(), 0)), &ended, &done) }) //nolint:gosec // a test must be repeatable
		codes, mu := map[fault.Code]int{}, sync.Mutex{}
		const each = 20
		rounds := dbtest.Soak(1, 50)
		for w := range writers {
			load.Go(func() {
				for i := range each * rounds {
					name := fmt.Sprintf("w%d-%d", w, i)
					for err := writeOne(ctx, h.admin(victims), name); err != nil; err = writeOne(ctx, h.admin(victims), name) {
						code := fault.CodeOf(err)
						mu.Lock()
						codes[code]++
						mu.Unlock()
						if code != fault.Unavailable && code != fault.CommitUnknown && code != fault.Retryable {
							t.Errorf("an undocumented fault: %v", err)
							return
						}
					}
					done.Add(1)
				}
			})
		}
		load.Wait()
		cancel()
		terminator.Wait()
		require.NoError(t, h.Stop(t.Context()))

		late, err := realHouse(t.Context(), b.Write, b.Read, b.Dialect, keys, time.Hour)
		require.NoError(t, err)
		drainReal(t, late)
		customers := read(t.Context(), t, b.Write, "SELECT DISTINCT name FROM crm_customer")
		require.Len(t, customers, writers*each*rounds)
		for _, table := range []string{"crm_customer", "crm_lead"} {
			require.Len(t, read(t.Context(), t, b.Write, "SELECT id FROM "+table), writers*each*rounds, table)
		}
		requireSound(t, b.Write, victims)
		require.Len(t, read(t.Context(), t, b.Write, "SELECT id FROM crm_interaction"), writers*each*rounds, "one greeting for each customer")
		require.Positive(t, ended.Load())
		t.Logf("%s: %d connections terminated, faults %v; 0 lost, 0 doubled", b.Name, ended.Load(), codes)
	})
}

// terminate ends connections to the database, one of them at a time, until ctx ends. While no write gets done in between
// it takes more and more time, so that a slow machine gets to the end, too.
func terminate(ctx context.Context, t *testing.T, dsn string, r *rand.Rand, ended, done *atomic.Int64) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	const least = 30 * time.Millisecond
	most, before := least, int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(r.Int64N(int64(most)))):
		}
		tag, err := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 1`)
		if err != nil {
			t.Error(err)
			return
		}
		ended.Add(tag.RowsAffected())
		if now := done.Load(); now > before {
			most, before = max(least, most/2), now
		} else {
			most = min(2*most, time.Second)
		}
	}
}
