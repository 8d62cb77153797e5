package boundary_test

import (
	"cmp"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/plugin"
)

// mortal is an extension that dies over one record, or cannot be reached.
type mortal struct {
	*probe
	mu     sync.Mutex
	poison ident.ID
	err    error // of what happens over it; nil is a death
	away   bool
	deaths int
	calls  int
}

func (m *mortal) Deliver(ctx context.Context, batch []plugin.Delivery) ([]plugin.Ack, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.away {
		return nil, &fault.Error{Code: fault.Unavailable, Reason: "quarantined"}
	}
	for _, d := range batch {
		if d.Event.Record.ID == m.poison {
			m.deaths++
			return nil, cmp.Or[error](m.err, &fault.Error{Code: fault.Unavailable, Reason: "plugin_lost"})
		}
	}
	return m.probe.Deliver(ctx, batch)
}

func TestPoisonTakesNoOthersAlong(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		m := &mortal{probe: newProbe()}
		l := newLab(t, b, m)
		ids := map[ident.ID]bool{}
		for range 5 {
			ids[l.create(t, "Ada").ID] = true
		}
		bad := l.create(t, "Bob")
		m.poison = bad.ID
		for range 6 {
			require.NoError(t, l.relay.Drain(t.Context()))
			l.Advance(time.Hour)
		}
		require.Equal(t, 4, m.deaths, "once among others, three times alone")
		for _, e := range m.events {
			delete(ids, e.Record.ID)
		}
		require.Empty(t, ids, "everything else was delivered")
		dead, err := l.relay.Dead(t.Context(), nil, tenant, ident.ID{}, 10)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		require.Equal(t, bad.ID, dead[0].Record.ID)
	})
}

func TestUnreachableExtensionLosesNothing(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		m := &mortal{probe: newProbe(), away: true}
		l := newLab(t, b, m)
		l.create(t, "Ada")
		for range 30 { // more than the attempts an event has
			require.NoError(t, l.relay.Drain(t.Context()))
			l.Advance(2 * time.Hour)
		}
		require.Equal(t, 30, m.calls)
		m.away = false
		require.NoError(t, l.relay.Drain(t.Context()))
		require.Len(t, m.events, 1)
	})
}
