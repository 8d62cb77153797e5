package faults_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// TestACancelledContextLeavesNothingHalfWritten ends the caller's context at each statement of each step of the
// scenario. The step then has its effects or none of them, and a repetition completes it.
func TestACancelledContextLeavesNothingHalfWritten(t *testing.T) {
	t.Parallel()
	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		m := newMatrix(t, b, c)
		seen := m.record(t)
		r := rand.New(rand.NewPCG(dbtest.Seed(t), 0))
		ended := 0
		for round := range dbtest.Soak(3, 60) {
			p := m.begin(t)
			for _, s := range scenario() {
				p.step = s.name
				m.stage(p, s)
				total := 0
				for _, n := range seen[s.name] {
					total += n
				}
				if total == 0 {
					require.NoError(t, s.run(t.Context(), p), s.name)
					continue
				}
				at := 1 + r.IntN(total)
				ctx, cancel := context.WithCancel(t.Context())
				var mu sync.Mutex
				c.Watch(func(op dbtest.Op, _ string) {
					mu.Lock()
					defer mu.Unlock()
					if op == dbtest.OpPrepare {
						return
					}
					if at--; at == 0 {
						cancel()
					}
				})
				err := s.run(ctx, p)
				c.Watch(nil)
				cancel()
				if err == nil {
					continue
				}
				ended++
				require.True(t, errors.Is(err, context.Canceled) || errors.Is(err, errHost) || fault.CodeOf(err) == fault.Unavailable || fault.CodeOf(err) == fault.CommitUnknown,
					"round %d: %s: %v", round, s.name, err)
				require.NoError(t, s.run(t.Context(), p), s.name)
			}
			require.Equal(t, m.want(t), m.end(t, p))
		}
		t.Logf("%s: %d steps were cancelled; 0 lost, 0 doubled", m.name, ended)
	})
}

// TestNothingRunsOn looks for goroutines after everything that begins some.
func TestNothingRunsOn(t *testing.T) { //nolint:paralleltest // others' goroutines would be taken for leaks
	for name, open := range map[string]func(testing.TB) dbtest.Backend{"sqlite": dbtest.SQLite, "postgres": dbtest.PostgresBackend} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			kms := keys.NewMemory()
			day(t, b, kms) // opens what is kept: connections
			before := goleak.IgnoreCurrent()
			for range 3 {
				day(t, b, kms)
			}
			goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction(dbtest.HoldingFunction))
		})
	}
}

// day opens, starts, stops, joins, cancels, closes.
func day(t *testing.T, b dbtest.Backend, kms keys.KMS) {
	t.Helper()
	h, err := openHouse(t.Context(), b.Write, b.Read, b.Dialect, crm.Config{
		KMS: kms, Subscribers: []crm.Subscriber{greeter()}, Extensions: []plugin.Extension{stamper()},
	})
	require.NoError(t, err)
	require.NoError(t, h.Start(t.Context()))
	s := h.admin(victims)
	rec, err := s.Customers.Create(t.Context(), customer.OrganizationDraft{Name: "ACME"})
	require.NoError(t, err)
	_, err = s.Plugins.Invoke(t.Context(), "flt__stamp", map[string]any{"who": rec.ID})
	require.NoError(t, err)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.InTx(ctx, func(ctx context.Context, s *crm.Session) error {
			_, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: "Never"})
			cancel()
			return err
		})
		require.ErrorIs(t, err, context.Canceled)
	}
	tx, err := b.Write.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = s.Join(tx).Customers.Create(t.Context(), customer.OrganizationDraft{Name: "Joined"})
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	if b.Pool != nil {
		tx, err := b.Pool.Begin(t.Context())
		require.NoError(t, err)
		require.NoError(t, postgres.Join(t.Context(), s, tx, func(ctx context.Context, s *crm.Session) error {
			return second(s.Customers.Create(ctx, customer.OrganizationDraft{Name: "Joined"}))
		}))
		require.NoError(t, tx.Rollback(t.Context()))
	}
	require.NoError(t, h.Stop(t.Context()))
	require.NoError(t, h.Start(t.Context()))
	require.NoError(t, h.Close(t.Context()))
}
