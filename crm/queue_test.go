package crm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

func TestASubscriberGetsTheEventsOfARecordInOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		s := h.admin()
		rec := h.organization(t, s, "ACME")
		for _, country := range []string{"DE", "FR", "IE"} {
			var err error
			rec, err = s.Customers.Update(t.Context(), rec.ID, rec.Version, customer.Update{Country: &country})
			require.NoError(t, err)
		}
		require.Equal(t, []event.Kind{customer.Created, customer.Updated, customer.Updated, customer.Updated}, h.kinds(t, rec.ID))
		for i, e := range h.events {
			require.Equal(t, int64(i+1), e.Version)
		}
		b, err := s.Outbox.Backlog(t.Context())
		require.NoError(t, err)
		require.Equal(t, crm.Backlog{}, b)
	})
}

func TestASubscribersEffectsHappenOnceAlthoughItFailsFirst(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		var attempts int
		h := newHouse(t, b, crm.Subscriber{
			Name: "greeter", Purpose: privacy.Service, Kinds: []event.Kind{customer.Created},
			Handle: func(ctx context.Context, s *crm.Session, e event.Event) error {
				_, err := s.Cases.Open(ctx, service.CaseDraft{Customer: e.Record.ID, Subject: "welcome"})
				if attempts++; attempts == 1 {
					return errors.Join(err, errors.New("after the effect"))
				}
				return err
			},
		})
		rec := h.organization(t, h.admin(), "ACME")
		h.kinds(t, rec.ID)
		require.Zero(t, h.rows(t, "crm_case"), "the failed attempt left nothing")
		h.clock.Advance(time.Minute)
		h.kinds(t, rec.ID)
		require.Equal(t, 1, h.rows(t, "crm_case"))
		require.Equal(t, 2, attempts)
	})
}

func TestAFailureHoldsUpItsRecordOnlyAndEndsAsADeadLetter(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		var poison ident.ID
		var seen []ident.ID
		broken := true
		h := newHouse(t, b, crm.Subscriber{
			Name: "fragile", Purpose: privacy.Operations,
			Handle: func(_ context.Context, _ *crm.Session, e event.Event) error {
				if e.Record.ID == poison && e.Version == 1 && broken {
					return fault.New(fault.Unavailable, "no")
				}
				seen = append(seen, e.Record.ID)
				return nil
			},
		})
		s := h.admin()
		bad := h.organization(t, s, "Bad")
		poison = bad.ID
		country := "DE"
		_, err := s.Customers.Update(t.Context(), bad.ID, bad.Version, customer.Update{Country: &country})
		require.NoError(t, err)
		good := h.organization(t, s, "Good")

		require.NoError(t, h.Drain(t.Context()))
		require.Equal(t, []ident.ID{good.ID}, seen, "the poisoned record waits, the other goes on")
		for range 12 {
			h.clock.Advance(2 * time.Hour)
			require.NoError(t, h.Drain(t.Context()))
		}
		require.Equal(t, []ident.ID{good.ID, bad.ID}, seen, "version 2 comes after version 1 was given up")
		dead, err := s.Outbox.Dead(t.Context(), ident.ID{})
		require.NoError(t, err)
		require.Len(t, dead, 1)
		require.Equal(t, "unavailable", dead[0].Code)

		broken = false
		require.NoError(t, s.Outbox.Replay(t.Context(), dead[0]))
		require.NoError(t, h.Drain(t.Context()))
		require.Equal(t, []ident.ID{good.ID, bad.ID, bad.ID}, seen)
		require.ErrorIs(t, s.Outbox.Discard(t.Context(), dead[0]), fault.ErrNotFound)
	})
}

func TestComplaintsWarnAndBreachByTimer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		s := h.admin().For(privacy.Service)
		who := h.organization(t, s, "ACME")
		cs, err := s.Cases.Open(t.Context(), service.CaseDraft{Customer: who.ID, Type: service.Complaint, Priority: service.Urgent, Subject: "x"})
		require.NoError(t, err)
		require.Equal(t, 48*time.Hour, cs.ResolutionDue.Sub(cs.CreatedAt))
		count := func(k event.Kind) (n int) {
			for _, got := range h.kinds(t, cs.ID) {
				if got == k {
					n++
				}
			}
			return n
		}
		require.Zero(t, count(service.CaseWarned))
		for range 50 { // two days and two hours, hour by hour, over a change of the clocks in Europe
			h.clock.Advance(time.Hour)
			require.NoError(t, h.Drain(t.Context()))
		}
		require.Equal(t, 2, count(service.CaseWarned), "both clocks warned once")
		require.Equal(t, 2, count(service.CaseBreached), "both clocks breached once")
	})
}

func TestStopLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		require.NoError(t, h.Start(t.Context()))
		require.NoError(t, h.Start(t.Context()), "a second start does nothing")
		rec := h.organization(t, h.admin(), "ACME")
		require.Eventually(t, func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return len(h.events) == 1 && h.events[0].Record.ID == rec.ID
		}, 20*time.Second, 5*time.Millisecond)
		require.NoError(t, h.Stop(t.Context()))
		require.NoError(t, h.Stop(t.Context()))
	})
}

func TestEventsAndAuditHoldNoPersonalText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		const canary = "kanarienvogel"
		s := h.admin()
		ada, err := s.From(personalSource).Customers.Create(t.Context(), customer.PersonDraft{
			Given: canary, Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: canary + "@example.com"}},
		})
		require.NoError(t, err)
		_, err = s.Interactions.Log(t.Context(), activity.InteractionDraft{
			Channel: privacy.ByPhone, Direction: activity.Inbound, Subject: canary, Body: canary,
			Participants: []activity.Participant{{Customer: ada.ID, Role: "caller"}},
		})
		require.NoError(t, err)
		_, err = s.Cases.Open(t.Context(), service.CaseDraft{Customer: ada.ID, Subject: canary, Body: canary})
		require.NoError(t, err)
		require.NoError(t, h.Drain(t.Context()))
		for table, rows := range h.dump(t) {
			if table == "crm_customer" || strings.HasPrefix(table, "crm_customer_fts") {
				continue // names stand in clear in the standard profile
			}
			require.NotContains(t, strings.ToLower(rows), canary, table)
		}
	})
}
