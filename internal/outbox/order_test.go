package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/outbox"
	"github.com/rapport-crm/rapport/internal/store/corestore"
)

const tenant = "acme"

// world is two relays on one database, and what must be true of them: a list of what was written and of what each
// consumer has finished. It knows nothing of leases, batches and states.
type world struct {
	dbtest.Backend
	core    *corestore.Store
	relays  []*outbox.Relay
	r       *rand.Rand
	now     time.Time
	written map[ident.ID][]event.Event // by record, in order
	ended   map[string]map[ident.ID]bool
	active  map[string]bool
	broken  error // the first breach of the law
	nested  bool  // the other relay is at work inside a batch
	calm    bool  // nothing fails any more

	calls, failures, overlaps int
}

func newWorld(b dbtest.Backend, seed uint64) *world {
	w := &world{
		Backend: b, r: rand.New(rand.NewPCG(seed, 0)), now: time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC), //nolint:gosec // repeatable
		written: map[ident.ID][]event.Event{}, ended: map[string]map[ident.ID]bool{"tx": {}, "batch": {}}, active: map[string]bool{},
	}
	w.core = corestore.New(corestore.Config{DB: b.DB})
	for range 2 {
		w.relays = append(w.relays, outbox.New(outbox.Config{
			DB: b.DB, Now: func() time.Time { return w.now }, NewID: ident.NewRandom, Logger: slog.New(slog.DiscardHandler),
			Poll: time.Second, Attempts: 1_000_000, Batch: 3,
			Consumers: []outbox.Consumer{{Name: "tx", Handle: w.handle}, {Name: "batch", Batch: w.batch}},
		}))
	}
	return w
}

// write adds a version with one to three events to a record. Ids are random, so that their order says nothing.
func (w *world) write(ctx context.Context, record ident.ID) error {
	list := w.written[record]
	version := int64(1)
	if len(list) > 0 {
		version = list[len(list)-1].Version + 1
	}
	ref := ident.Ref{Entity: "note", ID: record}
	tr := work.Record{
		Op: "note: write", Action: work.Edit, Record: ref, Version: version, At: w.now,
		Scope: work.Scope{Principal: ident.System(tenant, "test"), Purpose: personal.Operations},
	}
	for o := range 1 + w.r.IntN(3) {
		tr.Events = append(tr.Events, event.Event{
			ID: ident.NewRandom(), Tenant: tenant, Kind: "note.written", Record: ref, Version: version, Ordinal: o,
			Actor: tr.Scope.Principal, Purpose: personal.Operations, At: w.now,
		})
	}
	w.written[record] = append(list, tr.Events...)
	return w.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error { return w.core.Record(ctx, u, tr) })
}

func (w *world) breach(format string, args ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf(format, args...)
	}
}

// begin checks the law for one event: everything earlier of its record is finished, and nothing of it is under way.
func (w *world) begin(consumer string, e event.Event) {
	w.calls++
	for _, earlier := range w.written[e.Record.ID] {
		if earlier.ID == e.ID {
			break
		}
		if !w.ended[consumer][earlier.ID] {
			w.breach("%s got version %d.%d before %d.%d was done", consumer, e.Version, e.Ordinal, earlier.Version, earlier.Ordinal)
		}
	}
	if w.ended[consumer][e.ID] {
		w.breach("%s got version %d.%d again after it was done", consumer, e.Version, e.Ordinal)
	}
	key := consumer + e.Record.ID.String()
	if w.active[key] {
		w.breach("%s got two events of a record at once", consumer)
	}
	w.active[key] = true
}

// end notes the outcome, a random failure among them.
func (w *world) end(consumer string, e event.Event) (ok bool) {
	delete(w.active, consumer+e.Record.ID.String())
	if !w.calm && w.r.IntN(3) == 0 {
		w.failures++
		return false
	}
	w.ended[consumer][e.ID] = true
	return true
}

func (w *world) handle(_ context.Context, _ work.Unit, e event.Event) error {
	w.begin("tx", e)
	if !w.end("tx", e) {
		return errors.New("not now")
	}
	return nil
}

// batch lets the other relay work while it has its events.
func (w *world) batch(ctx context.Context, _ string, es []event.Event) []event.Result {
	for _, e := range es {
		w.begin("batch", e)
	}
	if !w.nested && w.r.IntN(2) == 0 {
		w.nested = true
		w.overlaps++
		_, err := w.relays[1].HandOut(ctx, tenant)
		if _, e := w.relays[1].Deliver(ctx, tenant, 1); err != nil || e != nil {
			w.breach("the other relay: %v, %v", err, e)
		}
		w.nested = false
	}
	out := make([]event.Result, len(es))
	for i, e := range es {
		if w.end("batch", e) {
			out[i].Verdict = event.Done
		}
	}
	return out
}

// run does random things, lets all end, and returns the first breach of the law.
func (w *world) run(ctx context.Context, steps int) error {
	records := []ident.ID{ident.NewRandom(), ident.NewRandom(), ident.NewRandom()}
	for range steps {
		var err error
		relay := w.relays[w.r.IntN(2)]
		switch n := w.r.IntN(10); {
		case n < 2: // more than one batch hands out
			for range 1 + w.r.IntN(6) {
				err = errors.Join(err, w.write(ctx, records[w.r.IntN(len(records))]))
			}
		case n < 4:
			_, err = relay.HandOut(ctx, tenant)
		case n < 9:
			_, err = relay.Deliver(ctx, tenant, n%2)
		default:
			w.now = w.now.Add(time.Duration(w.r.IntN(90_000)) * time.Millisecond)
		}
		if err != nil || w.broken != nil {
			return errors.Join(err, w.broken)
		}
	}
	w.calm = true
	for range 20 {
		w.now = w.now.Add(2 * time.Hour)
		if err := w.relays[w.r.IntN(2)].Drain(ctx); err != nil || w.broken != nil {
			return errors.Join(err, w.broken)
		}
	}
	for _, list := range w.written {
		for _, e := range list {
			for consumer, ended := range w.ended {
				if !ended[e.ID] {
					return fmt.Errorf("%s never got version %d.%d", consumer, e.Version, e.Ordinal)
				}
			}
		}
	}
	return nil
}

// mutants are faults that the law must find.
var mutants = map[string]struct{ part, instead string }{
	"earlier deliveries are not waited for": {`AND NOT EXISTS (SELECT 1 FROM crm_delivery p
			WHERE p.tenant_id = $1 AND p.consumer = $2 AND p.order_key = d.order_key AND p.state = 'open'
			AND (p.version < d.version OR (p.version = d.version AND p.ordinal < d.ordinal)))`, ""},
	"writes that are not handed out are not waited for": {`AND NOT EXISTS (SELECT 1 FROM crm_dispatch x
			WHERE x.tenant_id = $1 AND x.record_id = d.record_id AND x.version < d.version AND d.timer_key = '')`, ""},
	"ordinals do not count":  {"OR (p.version = d.version AND p.ordinal < d.ordinal)", ""},
	"versions do not count":  {"p.version < d.version OR (p.version = d.version AND p.ordinal < d.ordinal)", "p.ordinal < d.ordinal"},
	"another's wait is mine": {"p.consumer = $2 AND", "p.consumer <> $2 AND"},
	"leases do not count":    {"AND (d.lease_until IS NULL OR d.lease_until <= $3)", ""},
	"leases never end":       {"OR d.lease_until <= $3", "AND d.lease_until <= $3"},
	"the dead hold up":       {"d.state = 'open' AND", "d.state = 'dead' AND"},
}

// TestOrderLaw plays two relays against each other on every database.
func TestOrderLaw(t *testing.T) { //nolint:paralleltest // a mutant is everybody's
	s := dbtest.Seed(t)
	steps := dbtest.Soak(400, 20_000)
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		w := newWorld(b, s)
		require.NoError(t, w.run(t.Context(), steps))
		require.Positive(t, w.failures)
		require.Positive(t, w.overlaps)
		t.Logf("%s: %d deliveries, %d failed, %d while the other relay worked", b.Name, w.calls, w.failures, w.overlaps)
	})
}

// TestOrderLawKillsItsMutants requires that each deliberate fault is found.
func TestOrderLawKillsItsMutants(t *testing.T) { //nolint:paralleltest // a mutant is everybody's
	s := dbtest.Seed(t)
	for name, m := range mutants {
		for backend, open := range map[string]func(testing.TB) dbtest.Backend{"sqlite": dbtest.SQLite, "postgres": dbtest.PostgresBackend} {
			t.Run(name+"/"+backend, func(t *testing.T) {
				outbox.Mutate(t, m.part, m.instead)
				var err error
				for try := uint64(0); try < 10 && err == nil; try++ {
					err = newWorld(open(t), s+try).run(t.Context(), 400)
				}
				require.Error(t, err, "the mutant lives")
				t.Log(err)
			})
		}
	}
}

// TestTimersFireInTheOrderTheyAreDue sets timers in random order and lets all of them come due at once.
func TestTimersFireInTheOrderTheyAreDue(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		w := newWorld(b, 1)
		var fired, want []time.Time
		relay := outbox.New(outbox.Config{
			DB: b.DB, Now: func() time.Time { return w.now }, NewID: ident.New, Logger: slog.New(slog.DiscardHandler),
			Consumers: []outbox.Consumer{{Name: "timer:alarm", Timer: func(_ context.Context, _ work.Unit, _ string, d outbox.Due) error {
				fired = append(fired, d.At)
				return nil
			}}},
		})
		record := ident.Ref{Entity: "note", ID: ident.New()}
		tr := work.Record{
			Op: "note: write", Action: work.Edit, Record: record, Version: 1, At: w.now,
			Scope:  work.Scope{Principal: ident.System(tenant, "test"), Purpose: personal.Operations},
			Events: []event.Event{{ID: ident.New(), Tenant: tenant, Kind: "note.written", Record: record, Version: 1, Purpose: personal.Operations, At: w.now}},
		}
		for i := range 60 {
			want = append(want, w.now.Add(time.Duration(i)*time.Second))
			tr.Timers = append(tr.Timers, work.Timer{Key: strconv.Itoa(i), Kind: "alarm", Record: record, Due: want[i]})
		}
		w.r.Shuffle(len(tr.Timers), func(i, j int) { tr.Timers[i], tr.Timers[j] = tr.Timers[j], tr.Timers[i] })
		require.NoError(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return w.core.Record(ctx, u, tr) }))
		w.now = w.now.Add(time.Hour)
		require.NoError(t, relay.Drain(t.Context()))
		require.Equal(t, want, fired)
	})
}

// TestAFailedTimerIsWaitedFor requires that the timers of one record keep their order when one of them fails, and that
// other records go on meanwhile.
func TestAFailedTimerIsWaitedFor(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		w := newWorld(b, 1)
		var fired []string
		failures := 2
		relay := outbox.New(outbox.Config{
			DB: b.DB, Now: func() time.Time { return w.now }, NewID: ident.New, Logger: slog.New(slog.DiscardHandler),
			Consumers: []outbox.Consumer{{Name: "timer:alarm", Timer: func(_ context.Context, _ work.Unit, _ string, d outbox.Due) error {
				if d.Key == "warn" && failures > 0 {
					failures--
					return errors.New("not now")
				}
				fired = append(fired, d.Key)
				return nil
			}}},
		})
		record, other := ident.Ref{Entity: "note", ID: ident.New()}, ident.Ref{Entity: "note", ID: ident.New()}
		set := func(version int64, timers ...work.Timer) {
			tr := work.Record{
				Op: "note: write", Action: work.Edit, Record: record, Version: version, At: w.now, Timers: timers,
				Scope:  work.Scope{Principal: ident.System(tenant, "test"), Purpose: personal.Operations},
				Events: []event.Event{{ID: ident.New(), Tenant: tenant, Kind: "note.written", Record: record, Version: version, Purpose: personal.Operations, At: w.now}},
			}
			require.NoError(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return w.core.Record(ctx, u, tr) }))
		}
		at := func(d time.Duration) time.Time { return w.now.Add(d) }
		breach := work.Timer{Key: "breach", Kind: "alarm", Record: record, Due: at(time.Second)} // before its warning, until it is moved
		set(1, breach, work.Timer{Key: "warn", Kind: "alarm", Record: record, Due: at(2 * time.Second)},
			work.Timer{Key: "other", Kind: "alarm", Record: other, Due: at(3 * time.Second)})
		breach.Due = at(4 * time.Second)
		set(2, breach)
		w.now = w.now.Add(time.Minute)
		for range 4 {
			require.NoError(t, relay.Drain(t.Context()))
			w.now = w.now.Add(time.Minute)
		}
		require.Equal(t, []string{"other", "warn", "breach"}, fired)
	})
}
