package faults_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)} }

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

// house is a CRM on one database with a table of the host's, in which a subscriber writes down every event it gets.
// The table has no key, so that a doubled effect shows.
type house struct {
	*crm.CRM
	write   *sql.DB
	dialect store.Dialect
	clock   *clock
	stop    func() // called at each event that the ledger gets, when set
}

const (
	ledger   = "ledger"      // the subscriber that writes down what it gets
	poisoned = "poison"      // the origin of a lead whose event the fragile subscriber refuses
	effects  = "host_effect" // the host's table
)

func openHouse(ctx context.Context, write, read *sql.DB, d store.Dialect, cfg crm.Config) (*house, error) {
	h := &house{write: write, dialect: d, clock: newClock()}
	if cfg.KMS == nil {
		cfg.KMS = keys.NewMemory()
	}
	if cfg.Clock == nil {
		cfg.Clock = h.clock.Now
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.Subscribers = append([]crm.Subscriber{{Name: ledger, Purpose: privacy.Operations, Handle: h.note}}, cfg.Subscribers...)
	if _, err := write.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+effects+" (tenant_id TEXT, event_id TEXT, kind TEXT, version BIGINT)"); err != nil {
		return nil, err
	}
	c, err := crm.NewPools(ctx, crm.Pools{Write: write, Read: read}, d, &cfg)
	h.CRM = c
	return h, err
}

func newHouse(t *testing.T, b dbtest.Backend, exts []plugin.Extension, more ...crm.Subscriber) *house {
	t.Helper()
	h, err := openHouse(t.Context(), b.Write, b.Read, b.Dialect, crm.Config{Subscribers: more, Extensions: exts})
	require.NoError(t, err)
	return h
}

// note is the ledger: one row for each event, in the transaction that ends the delivery.
func (h *house) note(ctx context.Context, s *crm.Session, e event.Event) error {
	if h.stop != nil {
		h.stop()
	}
	_, err := s.SQL().ExecContext(ctx, fmt.Sprintf("/*host.effect*/ INSERT INTO %s (tenant_id, event_id, kind, version) VALUES ('%s', '%s', '%s', %d)",
		effects, e.Tenant, e.ID, e.Kind, e.Version))
	return err
}

// admin is a session of a user with every right in a tenant.
func (h *house) admin(tenant string) *crm.Session {
	return h.As(ident.User(tenant, "u-1", "admin").InTeams("emea"), privacy.Sales)
}

// drain lets time pass until nothing is left in a tenant's queue but dead letters.
func (h *house) drain(t *testing.T, tenant string) {
	t.Helper()
	for range 40 {
		require.NoError(t, h.Drain(t.Context()))
		b, err := h.admin(tenant).Outbox.Backlog(t.Context())
		require.NoError(t, err)
		if b.Dispatch+b.Due+b.Later == 0 {
			return
		}
		h.clock.Advance(2 * time.Hour) // longer than any lease or pause
	}
	t.Fatal("the queue of", tenant, "does not come to an end")
}

func organization(id ident.ID, name string) customer.OrganizationDraft {
	return customer.OrganizationDraft{ID: id, Name: name}
}
