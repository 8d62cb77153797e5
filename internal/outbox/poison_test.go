package outbox_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/outbox"
)

// rig is a relay whose clock the test moves, and what it said.
type rig struct {
	*world
	relay *outbox.Relay
	log   bytes.Buffer
}

func newRig(b dbtest.Backend, consumers ...outbox.Consumer) *rig {
	x := &rig{world: newWorld(b, 1)}
	x.relay = outbox.New(outbox.Config{
		DB: b.DB, Now: func() time.Time { return x.now }, NewID: ident.New, Logger: slog.New(slog.NewTextHandler(&x.log, nil)),
		Attempts: 3, Poll: time.Second, Consumers: consumers,
	})
	return x
}

// pass drains and lets hours pass.
func (x *rig) pass(t *testing.T, hours int) {
	t.Helper()
	for range hours {
		require.NoError(t, x.relay.Drain(t.Context()))
		x.now = x.now.Add(time.Hour)
	}
}

func (x *rig) dead(t *testing.T) (codes []string) {
	t.Helper()
	letters, err := x.relay.Dead(t.Context(), nil, tenant, ident.ID{}, 100)
	require.NoError(t, err)
	for _, l := range letters {
		codes = append(codes, l.Consumer+": "+l.Code)
	}
	slices.Sort(codes)
	return codes
}

func TestAPanicIsAFailure(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		bad, good := ident.New(), ident.New()
		var handled []ident.ID
		x := newRig(b, outbox.Consumer{Name: "tx", Handle: func(_ context.Context, _ work.Unit, e event.Event) error {
			if e.Record.ID == bad {
				panic("Ada Lovelace")
			}
			handled = append(handled, e.Record.ID)
			return nil
		}})
		require.NoError(t, x.write(t.Context(), bad))
		require.NoError(t, x.write(t.Context(), good))
		x.pass(t, 1)
		require.Contains(t, handled, good, "the others go on")
		x.pass(t, 12)
		require.NotEmpty(t, x.dead(t))
		for _, code := range x.dead(t) {
			require.Equal(t, "tx: panic", code)
		}
		require.Contains(t, x.log.String(), "TestAPanicIsAFailure", "the stack")
		require.NotContains(t, x.log.String(), "Lovelace")
	})
}

// An event that nobody can read becomes a dead letter of each consumer, and holds up nothing.
func TestAnUnreadableEventHoldsUpNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		bad, good := ident.New(), ident.New()
		handled := map[string]int{}
		x := newRig(b,
			outbox.Consumer{Name: "tx", Handle: func(_ context.Context, _ work.Unit, e event.Event) error {
				require.Equal(t, good, e.Record.ID)
				handled["tx"]++
				return nil
			}},
			outbox.Consumer{Name: "batch", Batch: func(_ context.Context, _ string, es []event.Event) []event.Result {
				for _, e := range es {
					require.Equal(t, good, e.Record.ID)
					handled["batch"]++
				}
				return slices.Repeat([]event.Result{{Verdict: event.Done}}, len(es))
			}})
		require.NoError(t, x.write(t.Context(), bad))
		_, err := b.Write.ExecContext(t.Context(), `UPDATE crm_event SET facts = '[7]'`)
		require.NoError(t, err)
		require.NoError(t, x.write(t.Context(), good))
		x.pass(t, 12)
		require.Equal(t, map[string]int{"tx": len(x.written[good]), "batch": len(x.written[good])}, handled)
		require.Len(t, x.dead(t), 2*len(x.written[bad]))
	})
}

// Stop lets a handler finish, and cancels it when its own time is over. Then another run may begin.
func TestStopWaitsForHandlers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		begun, goOn := make(chan struct{}, 100), make(chan error)
		ended := 0
		x := newRig(b, outbox.Consumer{Name: "tx", Handle: func(ctx context.Context, _ work.Unit, _ event.Event) error {
			begun <- struct{}{}
			select {
			case err := <-goOn:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}})
		require.NoError(t, x.write(t.Context(), ident.New()))
		require.NoError(t, x.relay.Stop(t.Context()), "before Start")
		x.relay.Start(t.Context())
		x.relay.Start(t.Context())
		<-begun
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, x.relay.Stop(ctx), context.Canceled, "the handler hangs")
		require.NoError(t, x.relay.Stop(t.Context()), "a second time")

		x.relay.Start(t.Context())
		<-begun
		stopped := make(chan error)
		go func() { stopped <- x.relay.Stop(context.WithoutCancel(t.Context())) }()
		for waiting := true; waiting; {
			select {
			case goOn <- nil:
				ended++
			case err := <-stopped:
				require.NoError(t, err)
				waiting = false
			}
		}
		require.Positive(t, ended)
		require.Empty(t, x.dead(t))
		backlog, err := x.relay.Backlog(t.Context(), nil, tenant, x.now)
		require.NoError(t, err)
		require.EqualValues(t, len(allOf(x.written))-ended, backlog.Dispatch+backlog.Due, "what was under way has ended")
	})
}

func allOf(m map[ident.ID][]event.Event) (out []event.Event) {
	for _, list := range m {
		out = append(out, list...)
	}
	return out
}
