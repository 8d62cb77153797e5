package boundary_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/plugintest"
)

// world is the boundary under the suite of the host in memory.
type world struct{ *lab }

func (w world) Customer(t *testing.T, name string) ident.ID {
	t.Helper()
	rec, err := w.customers.Customers(&w.sales).Create(t.Context(), customer.PersonDraft{Given: name})
	require.NoError(t, err)
	return rec.ID
}

func (w world) Invoke(ctx context.Context, action string, in map[string]any) (plugin.Values, error) {
	return w.boundary.In(&w.sales).Invoke(ctx, action, in)
}

func (w world) InvokeOnce(ctx context.Context, key, action string, in map[string]any) (plugin.Values, error) {
	s := w.sales
	s.Once = key
	return w.boundary.In(&s).Invoke(ctx, action, in)
}

func (w world) Drain(t *testing.T) {
	t.Helper()
	for range 10 {
		require.NoError(t, w.relay.Drain(t.Context()))
		w.Advance(time.Hour)
	}
}

func (w world) Notes(t *testing.T) []string {
	t.Helper()
	p, err := w.talks.Interactions(new(system())).Page(t.Context(), activity.InteractionFilter{Query: page.Query{}})
	require.NoError(t, err)
	slices.SortFunc(p.Items, func(a, b activity.Interaction) int { return a.ID.Compare(b.ID) })
	var out []string
	for _, i := range p.Items {
		out = append(out, i.Subject.Reveal())
	}
	return out
}

func (w world) Disclosed(t *testing.T, id ident.ID) []plugin.Disclosure {
	t.Helper()
	return w.ledger(t, id)
}

func TestBoundaryBehavesAsTheHostInMemory(t *testing.T) {
	t.Parallel()

	for name, open := range map[string]func(testing.TB) dbtest.Backend{
		"sqlite": dbtest.SQLite, "postgres": dbtest.PostgresBackend, "partitioned": dbtest.Partitioned,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			plugintest.Conform(t, func(t *testing.T, ext plugin.Extension) plugintest.World {
				t.Helper()
				return world{newLab(t, open(t), ext)}
			})
		})
	}
}
