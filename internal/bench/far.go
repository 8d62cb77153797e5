package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/internal/bench/trip"
)

// far is a way to PostgreSQL through a proxy, which counts round trips and makes them longer.
type far struct {
	proxy *trip.Proxy
	ours  *crm.CRM
}

// The second contest is a short one: with a network between, times differ little from call to call.
const (
	farDelay  = time.Millisecond
	farCalls  = 20 // of a turn
	warmCalls = 3  // before trips are counted
	tripCalls = 7  // of which the median counts: once in a second something looks whether a cache is still fresh
)

// An import's trips are those of a load of so many customers. It sends rows without waiting; the delay is longer, so
// that what it takes to make them does not look like waiting.
const (
	importRows  = 1000
	importDelay = 20 * time.Millisecond
)

func (w *world) openFar(ctx context.Context) error {
	cfg, err := pgxpool.ParseConfig(w.peerDSN)
	if err != nil {
		return fmt.Errorf("bench: open the database: %w", err)
	}
	w.far = &far{}
	if w.far.proxy, err = trip.Listen(pgconn.NetworkAddress(cfg.ConnConfig.Host, cfg.ConnConfig.Port)); err != nil {
		return err
	}
	w.onClose(w.far.proxy.Close)
	cfg.ConnConfig.DialFunc = w.far.proxy.Dial
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("bench: open the database: %w", err)
	}
	w.onClose(func() error { pool.Close(); return nil })
	if w.far.ours, err = postgres.FromPool(ctx, pool, w.config()); err != nil {
		return err
	}
	w.onClose(func() error { return w.far.ours.Close(context.WithoutCancel(ctx)) })
	return nil
}

// trips counts those of one call in the name of a session, when everything that is kept has been fetched.
func (f *far) trips(ctx context.Context, s *crm.Session, call func(ctx context.Context, s *crm.Session) error, calls int) (int64, error) {
	for range warmCalls {
		if err := call(ctx, s); err != nil {
			return 0, err
		}
	}
	counts := make([]int64, calls)
	for i := range counts {
		before := f.proxy.Trips()
		if err := call(ctx, s); err != nil {
			return 0, err
		}
		counts[i] = f.proxy.Trips() - before
	}
	slices.Sort(counts)
	return counts[len(counts)/2], nil
}

// measure adds what the network makes of an operation to its results.
func (f *far) measure(ctx context.Context, child *Child, s *crm.Session, c *contest, calls int, results []Result) error {
	counted, delay := tripCalls, farDelay
	if c.name == opImport {
		counted, delay = 1, importDelay
	}
	f.proxy.Delay(delay)
	defer f.proxy.Delay(0)
	trips, err := f.trips(ctx, s, c.call, counted)
	if err != nil {
		return err
	}
	for i := range results {
		results[i].Trips = trips
		if results[i].Peer != peerOneByOne {
			continue
		}
		medians, err := compete(ctx, f.sides(child, s, c, calls), 0)
		if err != nil {
			return err
		}
		results[i].delayed(medians[0], medians[1])
	}
	return nil
}

// sides are ours and the peer that sends one statement after the other. Their turns have as many calls.
func (f *far) sides(child *Child, s *crm.Session, c *contest, calls int) []side {
	return []side{
		{"ours", func(ctx context.Context, _ time.Duration) (time.Duration, error) {
			return repeat(ctx, 0, calls, func(ctx context.Context) error { return c.call(ctx, s) })
		}},
		{peerOneByOne, func(context.Context, time.Duration) (time.Duration, error) {
			return child.turn(c.name, peerOneByOne, 0, calls)
		}},
	}
}
