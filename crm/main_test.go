package crm_test

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// house is a CRM on one backend, with a clock that stands still and a subscriber that takes notes.
type house struct {
	*crm.CRM
	dbtest.Backend
	clock *clock

	mu     sync.Mutex
	events []event.Event
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// each runs fn on a house over every database.
func each(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) { fn(t, newHouse(t, b)) })
}

func newHouse(t *testing.T, b dbtest.Backend, more ...crm.Subscriber) *house {
	t.Helper()
	h := &house{Backend: b, clock: &clock{now: time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)}}
	c, err := crm.NewPools(t.Context(), crm.Pools{Write: b.Write, Read: b.Read}, b.Dialect, &crm.Config{
		KMS: keys.NewMemory(), Clock: h.clock.Now, Logger: slog.New(slog.DiscardHandler),
		Subscribers: append([]crm.Subscriber{{Name: "notes", Purpose: privacy.Operations, Handle: h.note}}, more...),
	})
	require.NoError(t, err)
	h.CRM = c
	return h
}

func (h *house) note(_ context.Context, _ *crm.Session, e event.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
	return nil
}

// kinds drains the queue and lists what the subscriber got about a record, in order.
func (h *house) kinds(t *testing.T, id ident.ID) (out []event.Kind) {
	t.Helper()
	require.NoError(t, h.Drain(t.Context()))
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Record.ID == id {
			out = append(out, e.Kind)
		}
	}
	return out
}

// admin is a session with every right.
func (h *house) admin() *crm.Session {
	return h.As(ident.User("acme", "u-1", "admin").InTeams("emea"), privacy.Sales)
}

func (h *house) organization(t *testing.T, s *crm.Session, name string) customer.Customer {
	t.Helper()
	rec, err := s.Customers.Create(t.Context(), customer.OrganizationDraft{Name: name})
	require.NoError(t, err)
	return rec
}

// rows counts the rows of a table, over all tenants.
func (h *house) rows(t *testing.T, table string) (n int) {
	t.Helper()
	require.NoError(t, h.Write.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}
