package store_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

// oneTrip leaves together with its BEGIN and its COMMIT.
func oneTrip(db *store.DB, tenant string) func(ctx context.Context, u work.Unit) error {
	return func(_ context.Context, u work.Unit) error {
		return errors.Join(queueTenant(db.On(u), tenant), db.On(u).Queue(addEvent, nil, tenant, ident.New(), "tenant", ident.New(), 1, instant))
	}
}

// twoTrips looks something up first.
func twoTrips(db *store.DB, tenant string) func(ctx context.Context, u work.Unit) error {
	return func(ctx context.Context, u work.Unit) error {
		if err := db.On(u).Get(ctx, getTenant, &tenantRow{}, "none"); !errors.Is(err, store.ErrNoRow) {
			return err
		}
		return oneTrip(db, tenant)(ctx, u)
	}
}

// levels has the same in a level of the transaction.
func levels(db *store.DB, tenant string) func(ctx context.Context, u work.Unit) error {
	return func(ctx context.Context, u work.Unit) error { return db.Write(ctx, u, twoTrips(db, tenant)) }
}

// whole returns whether a verb is there, and fails when it is there in part.
func whole(t *testing.T, db *store.DB, tenant, why string) bool {
	t.Helper()
	var n int
	require.NoError(t, db.On(nil).Get(t.Context(), countEvents, &n, tenant))
	err := db.On(nil).Get(t.Context(), getTenant, &tenantRow{}, tenant)
	if err != nil {
		require.ErrorIs(t, err, store.ErrNoRow)
	}
	require.Equal(t, err == nil, n == 1, "%s: in part", why)
	return err == nil
}

// level is a verb, and the statements that travel with its commit.
type level struct {
	name    string
	run     func(db *store.DB, tenant string) func(ctx context.Context, u work.Unit) error
	commits []string
}

func verbsThatCommit() []level {
	return []level{
		{"one trip", oneTrip, []string{"BEGIN", "test.add_tenant", "test.add_event", "COMMIT"}},
		{"two trips", twoTrips, []string{"test.add_tenant", "test.add_event", "COMMIT"}},
		{"levels", levels, []string{"COMMIT"}},
	}
}

// failure is a way in which a statement fails.
type failure struct {
	name string
	err  error
	kill bool
	lost bool // nobody answers
	code fault.Code
}

func failures() []failure {
	return []failure{
		{"40001", dbtest.PgError("40001"), false, false, ""}, // runs again
		{"40003", dbtest.PgError("40003"), false, false, fault.CommitUnknown},
		{"23514", dbtest.PgError("23514"), false, false, fault.Internal},
		{"57P01", dbtest.PgError("57P01"), true, false, fault.Unavailable},
		{"lost", dbtest.LostConnection(), true, true, fault.Unavailable},
		{"closed long ago", driver.ErrBadConn, true, true, fault.Unavailable},
	}
}

// ends returns the fault that a verb must end with, "" for success.
func (l level) ends(statement string, when dbtest.When, f failure) fault.Code {
	carried := slices.Contains(l.commits, statement)
	first := statement == "BEGIN" || l.name == "one trip" || statement == "test.get_tenant" || statement == "(SAVEPOINT)"
	unsaid := f.name == "closed long ago" && when == dbtest.Before
	switch {
	case unsaid && statement == "COMMIT" && l.name == "levels":
		return fault.CommitUnknown // the driver's word on a commit that travels alone does not count
	case f.lost && carried && !unsaid:
		return fault.CommitUnknown
	case f.lost && first, f.name == "57P01" && statement == "BEGIN":
		return "" // another connection
	case f.lost:
		return fault.Unavailable
	case f.name == "57P01" && statement == "COMMIT":
		return fault.CommitUnknown
	}
	return f.code
}

// Every statement of a trip may fail in every way: the verb is there as a whole or not at all, and its fault says which.
func TestEveryStatementOfATripMayFail(t *testing.T) {
	t.Parallel()

	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		if b.Pool == nil {
			return // what travels is PostgreSQL's
		}
		n := 0
		for _, l := range verbsThatCommit() {
			for _, statement := range []string{"BEGIN", "test.get_tenant", "(SAVEPOINT)", "test.add_tenant", "test.add_event", "(RELEASE)", "COMMIT"} {
				for _, when := range []dbtest.When{dbtest.Before, dbtest.After, dbtest.LostReply} {
					for _, f := range failures() {
						if !f.lost && (when == dbtest.LostReply || statement == "COMMIT" && when == dbtest.After && f.name != "40003") {
							continue // a lost reply says nothing, and a server that has committed does not say that it has not
						}
						n++
						tenant, why := fmt.Sprint("t", n), fmt.Sprintf("%s: %s at %s, %d", l.name, f.name, statement, when)
						struck := c.Inject(dbtest.Rule{Match: dbtest.ByName(statement), Nth: 1, When: when, Err: f.err, KillConn: f.kill})
						err := b.DB.Write(t.Context(), nil, l.run(b.DB, tenant))
						c.Clear()
						want := l.ends(statement, when, f)
						if struck.Fired() == 0 {
							want = ""
						}
						require.Equal(t, want, fault.CodeOf(err), "%s: %v", why, err)
						there := whole(t, b.DB, tenant, why)
						require.True(t, there == (err == nil) || want == fault.CommitUnknown, why)
					}
				}
			}
		}
	})
}

// Connections that the server has ended while nobody used them are replaced, also when all of a verb is one trip.
func TestStaleConnectionsAreReplaced(t *testing.T) {
	t.Parallel()

	b := dbtest.PostgresBackend(t)
	for i := range 3 {
		var all sync.WaitGroup
		for n := range 6 {
			all.Go(func() { _ = b.DB.Write(t.Context(), nil, oneTrip(b.DB, fmt.Sprint(i, "warm", n))) })
		}
		all.Wait()
		killer, err := b.Pool.Acquire(t.Context())
		require.NoError(t, err)
		_, err = killer.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		require.NoError(t, err)
		for n := range 7 {
			tenant := fmt.Sprint(i, "after", n)
			require.NoError(t, b.DB.Write(t.Context(), nil, oneTrip(b.DB, tenant)))
			require.True(t, whole(t, b.DB, tenant, "replaced"))
		}
		killer.Release()
	}
}

// A caller who goes away while the trip of the commit waits for a lock gets a definite answer.
func TestCancelledDuringTheTripOfTheCommit(t *testing.T) {
	t.Parallel()

	for _, l := range verbsThatCommit() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()

			b := dbtest.PostgresBackend(t)
			tx, err := b.Write.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, add(t.Context(), b.DB, b.DB.Join(tx), "locked"))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				for waiting := 0; waiting == 0 && t.Context().Err() == nil; {
					_ = b.Pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").Scan(&waiting)
				}
				cancel()
			}()
			began := time.Now()
			require.ErrorIs(t, b.DB.Write(ctx, nil, l.run(b.DB, "locked")), context.Canceled)
			require.Less(t, time.Since(began), 20*time.Second, "a cancelled caller does not wait for the lock")
			require.NoError(t, tx.Rollback())
			require.False(t, whole(t, b.DB, "locked", "cancelled"))
			for range 10 { // no cancellation is left over for others
				_, err := b.DB.On(nil).Exec(t.Context(), dropTenant, "locked")
				require.NoError(t, err)
				require.NoError(t, add(t.Context(), b.DB, nil, "locked"))
			}
		})
	}
}

// A context that ends at any moment of a verb leaves it there or not there, and the fault says which.
func TestCancelledAtEveryStatement(t *testing.T) {
	t.Parallel()

	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		for at := 1; at <= 7; at++ {
			for _, l := range verbsThatCommit() {
				ctx, cancel := context.WithCancel(t.Context())
				left := at
				c.Watch(func(op dbtest.Op, _ string) {
					if op == dbtest.OpPrepare {
						return
					}
					if left--; left == 0 {
						cancel()
					}
				})
				tenant := fmt.Sprint(l.name, at)
				err := b.DB.Write(ctx, nil, l.run(b.DB, tenant))
				c.Watch(nil)
				cancel()
				if err != nil {
					require.True(t, errors.Is(err, context.Canceled) || fault.CodeOf(err) == fault.Unavailable, "%s: %v", tenant, err)
				}
				require.Equal(t, err == nil, whole(t, b.DB, tenant, tenant), "%v", err)
			}
		}
	})
}
