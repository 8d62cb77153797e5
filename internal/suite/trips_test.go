package suite_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// place is where a method runs, and what that may cost more than outside of a transaction.
type place struct {
	name  string
	more  func(v *verb) int
	count func(w *world, run call, trips *dbtest.Trips) (int, error)
}

// Every method keeps to its round trips to PostgreSQL, outside of a transaction, under an idempotency key, in a host's pgx.Tx, and in its *sql.Tx.
// Each runs twice before it is counted, in a tenant of its own, so that statements are prepared and the tenant's caches are
// fresh.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	b, trips := dbtest.TripsBackend(t, modules()...)
	w := newWorld(t, b)
	host := stdlib.OpenDB(*b.Pool.Config().ConnConfig)
	defer host.Close()
	host.SetMaxOpenConns(1)
	for _, p := range []place{
		{"own", func(*verb) int { return 0 }, func(w *world, run call, trips *dbtest.Trips) (int, error) {
			trips.Reset()
			_, err := run(w.Context(), w.s)
			return trips.Count(), err
		}},
		{"once", func(*verb) int { return 1 }, func(w *world, run call, trips *dbtest.Trips) (int, error) {
			s := w.s.Once(w.next())
			trips.Reset()
			_, err := run(w.Context(), s)
			return trips.Count(), err
		}},
		{"pgx.Tx", func(*verb) int { return 1 }, inPgx},
		{"sql.Tx", moreInSQL, func(w *world, run call, trips *dbtest.Trips) (int, error) { return inSQL(w, host, run, trips) }},
	} {
		list := verbs()
		for i := range list {
			v := &list[i]
			if v.alone && p.name != "own" || v.is != writes && p.name == "once" {
				continue
			}
			in, n := w.in(v.name+" in "+p.name), 0
			for range 3 {
				var err error
				n, err = p.count(in, v.arrange(in), trips)
				require.NoError(t, err, "%s in %s", v.name, p.name)
			}
			limit := v.budget() + p.more(v)
			t.Logf("%-8s %-28s %2d of %2d", p.name, v.name, n, limit)
			if n > limit && v.is != batches { // how COPY travels depends on the time
				t.Errorf("%s in %s took %d round trips, want at most %d", v.name, p.name, n, limit)
			}
		}
	}
}

// moreInSQL is what the statements cost that cannot leave together on a host's *sql.Tx: each read its own trip, timers
// that move, and second writes to one table.
func moreInSQL(v *verb) int {
	switch v.name {
	case "Customers.Delete", "Customers.Relate", "Schema.Define", "Schema.Retire":
		return 4
	case "Cases.Open", "Cases.Update", "Cases.Resolve", "Leads.Convert":
		return 5
	case "Consents.Decide":
		return 3
	}
	switch v.is {
	case reads:
		return 1
	default:
		return 3
	}
}

// inPgx counts a call in a host's pgx.Tx, without the host's own begin and commit.
func inPgx(w *world, run call, trips *dbtest.Trips) (n int, err error) {
	err = pgx.BeginFunc(w.Context(), w.Pool, func(tx pgx.Tx) error {
		trips.Reset()
		err := postgres.Join(w.Context(), w.s, tx, func(ctx context.Context, s *crm.Session) error {
			_, err := run(ctx, s)
			return err
		})
		n = trips.Count()
		return err
	})
	return n, err
}

// inSQL is inPgx for a host's *sql.Tx.
func inSQL(w *world, db *sql.DB, run call, trips *dbtest.Trips) (int, error) {
	tx, err := db.BeginTx(w.Context(), nil)
	if err != nil {
		return 0, err
	}
	trips.Reset()
	_, err = run(w.Context(), w.s.Join(tx))
	n := trips.Count()
	return n, errors.Join(err, tx.Commit())
}
