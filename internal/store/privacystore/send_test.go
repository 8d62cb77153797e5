package privacystore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
)

func TestDeliver(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		var box outbox
		d, err := l.sends.Deliver(t.Context(), l.mail("k"), box.take)
		requireReason(t, err, fault.NoConsent, "not_asked")
		require.False(t, d.Allowed)
		require.Equal(t, privacy.WasNotAsked, d.Code)
		require.Empty(t, box.sent)
		s, err := l.sends.ByKey(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, privacy.SendRefusedState, s.State)

		c := l.give(t)
		d, err = l.sends.Deliver(t.Context(), l.mail("k"), box.take)
		require.NoError(t, err, "a refused key may be used again")
		require.True(t, d.Allowed)
		require.Equal(t, []ident.ID{c.ID}, d.Evidence)
		require.Equal(t, []string{"ada@example.org"}, box.sent)
		s, err = l.sends.ByKey(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, privacy.Delivered, s.State)
		require.Equal(t, d.ID, s.Decision)
		require.Zero(t, s.Lease)

		again, err := l.sends.Deliver(t.Context(), l.mail("k"), box.take)
		require.NoError(t, err)
		require.True(t, again.Repeated)
		require.Equal(t, d.ID, again.ID)
		require.Equal(t, d.Evidence, again.Evidence)
		require.Equal(t, 1, box.count())

		other := l.mail("k")
		other.Purpose = privacy.Service
		_, err = l.sends.Deliver(t.Context(), other, box.take)
		requireReason(t, err, fault.Conflict, "key")

		log, err := l.sends.Decisions(t.Context(), l.ada)
		require.NoError(t, err)
		require.Len(t, log, 2)
		require.Equal(t, []privacy.Reason{privacy.IsAllowed, privacy.WasNotAsked}, []privacy.Reason{log[0].Code, log[1].Code})
		require.Equal(t, d.Evidence, log[0].Evidence)
	})
}

func TestDeliverInput(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		var box outbox
		_, err := l.sends.Deliver(t.Context(), privacy.Send{Purpose: "ads", Enqueue: true}, box.take)
		require.Len(t, requireReason(t, err, fault.Invalid, "").Violations, 5)
		_, err = l.sends.Deliver(t.Context(), l.mail("k"), nil)
		require.Equal(t, "fn", requireReason(t, err, fault.Invalid, "").Field)
		_, err = l.office.Sends(&work.Scope{}).Deliver(t.Context(), l.mail("k"), box.take)
		require.ErrorIs(t, err, fault.ErrInvalid)

		unknown := l.mail("k")
		unknown.Subject = ident.New()
		d, err := l.sends.Deliver(t.Context(), unknown, box.take)
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.Equal(t, privacy.UnknownSubject, d.Code)
		_, err = l.sends.ByKey(t.Context(), "k")
		require.ErrorIs(t, err, fault.ErrNotFound)

		s := l.scope
		s.Principal = ident.User(tenant, "u-2", "viewer")
		_, err = l.office.Sends(&s).Deliver(t.Context(), l.mail("k"), box.take)
		require.ErrorIs(t, err, fault.ErrDenied)
		require.Empty(t, box.sent)
	})
}

// refusal is an error of a transport that printers see into.
type refusal struct{ words string }

func (r refusal) Error() string { return r.words }

func TestDeliverOutcomes(t *testing.T) {
	t.Parallel()

	broken := refusal{"550 ada@example.org is unknown here"}
	each(t, func(t *testing.T, l *lab) {
		l.give(t)
		var box outbox
		fail := func(context.Context, personal.Text) error { return broken }
		_, err := l.sends.Deliver(t.Context(), l.mail("a"), fail)
		requireReason(t, err, fault.Unavailable, "transport")
		require.ErrorIs(t, err, broken)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v %q %x", err, err, err, err, err), "ada@", "a transport's words may quote the address")
		_, err = l.sends.Deliver(t.Context(), l.mail("a"), box.take)
		require.NoError(t, err, "a failed key may be used again")

		for key, fn := range map[string]privacy.DeliverFunc{
			"b": func(context.Context, personal.Text) error { return fmt.Errorf("timeout: %w", privacy.ErrUnknown) },
			"c": func(context.Context, personal.Text) error { return context.DeadlineExceeded },
		} {
			_, err = l.sends.Deliver(t.Context(), l.mail(key), fn)
			requireReason(t, err, fault.Unavailable, "transport")
			_, err = l.sends.Deliver(t.Context(), l.mail(key), box.take)
			requireReason(t, err, fault.Conflict, "unknown")
		}
		require.PanicsWithValue(t, "boom", func() {
			_, _ = l.sends.Deliver(t.Context(), l.mail("d"), func(context.Context, personal.Text) error { panic("boom") })
		})
		s, err := l.sends.ByKey(t.Context(), "d")
		require.NoError(t, err)
		require.Equal(t, privacy.Unknown, s.State)

		ctx, cancel := context.WithCancel(t.Context())
		_, err = l.sends.Deliver(ctx, l.mail("e"), func(ctx context.Context, to personal.Text) error {
			cancel()
			return box.take(ctx, to)
		})
		require.NoError(t, err, "the outcome is stored although the caller has gone")
		s, err = l.sends.ByKey(t.Context(), "e")
		require.NoError(t, err)
		require.Equal(t, privacy.Delivered, s.State)
		require.Equal(t, 2, box.count())
	})
}

// A process that dies between reservation and outcome leaves a reserved key, which becomes unknown in time.
func TestDeliverAfterACrash(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		l.give(t)
		var box outbox
		crashed := l.crash(t, "k")
		_, err := l.sends.Deliver(t.Context(), l.mail("k"), box.take)
		requireReason(t, err, fault.Conflict, "under_way")
		l.Advance(10 * time.Minute)
		s, err := l.sends.ByKey(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, privacy.Unknown, s.State)
		for range 2 {
			_, err = l.sends.Deliver(t.Context(), l.mail("k"), box.take)
			requireReason(t, err, fault.Conflict, "unknown")
		}
		require.Empty(t, box.sent)
		log, err := l.sends.Decisions(t.Context(), l.ada)
		require.NoError(t, err)
		require.Len(t, log, 1)
		require.Equal(t, crashed, log[0].ID)
	})
}

// crash leaves a key as a process leaves it that dies while it sends.
func (l *lab) crash(t *testing.T, key string) ident.ID {
	t.Helper()
	e := *l.Engine
	units := &brokenUnits{Units: e.Units}
	e.Units = units
	_, err := l.newOffice(&e).Sends(&l.scope).Deliver(t.Context(), l.mail(key), func(context.Context, personal.Text) error {
		units.broken.Store(true)
		return nil
	})
	requireReason(t, err, fault.Unavailable, "unrecorded")
	s, err := l.sends.ByKey(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, privacy.Reserved, s.State)
	return s.Decision
}

// brokenUnits lose the database, or only the answer to a commit.
type brokenUnits struct {
	work.Units
	broken atomic.Bool
	doubt  atomic.Bool
	before bool // the commit in doubt did not happen
}

func (b *brokenUnits) Write(ctx context.Context, u work.Unit, fn func(ctx context.Context, u work.Unit) error) error {
	if b.broken.Load() {
		return fault.New(fault.Unavailable, "the database is gone")
	}
	if u != nil || !b.doubt.CompareAndSwap(true, false) {
		return b.Units.Write(ctx, u, fn)
	}
	lost := fault.New(fault.CommitUnknown, "the connection was lost")
	err := b.Units.Write(ctx, u, func(ctx context.Context, u work.Unit) error {
		if err := fn(ctx, u); err != nil || !b.before {
			return err
		}
		return lost
	})
	if err != nil {
		return err
	}
	return lost
}

func TestDeliverWhenTheCommitIsInDoubt(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		l.give(t)
		for _, before := range []bool{false, true} {
			var box outbox
			e := *l.Engine
			units := &brokenUnits{Units: e.Units, before: before}
			units.doubt.Store(true)
			e.Units = units
			sends := l.newOffice(&e).Sends(&l.scope)
			key := fmt.Sprint("k-", before)
			_, err := sends.Deliver(t.Context(), l.mail(key), box.take)
			if before {
				require.ErrorIs(t, err, fault.ErrCommitUnknown)
				require.Empty(t, box.sent)
				_, err = sends.Deliver(t.Context(), l.mail(key), box.take)
			}
			require.NoError(t, err)
			require.Equal(t, 1, box.count())
		}
	})
}

func TestOneKeyDeliversOnce(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		l.give(t)
		var box outbox
		var wg sync.WaitGroup
		errs := make([]error, 16)
		for i := range errs {
			wg.Go(func() { _, errs[i] = l.sends.Deliver(t.Context(), l.mail("k"), box.take) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				requireReason(t, err, fault.Conflict, "under_way")
			}
		}
		require.Equal(t, 1, box.count())
	})
}

// No address leaves the gate for a decision that began after a withdrawal had returned.
func TestWithdrawalBeatsDelivery(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		var delivered, refused int
		for round := range 20 {
			l.ada = l.people.add("ada@example.org")
			l.give(t)
			var withdrawn atomic.Bool
			var wg sync.WaitGroup
			var late atomic.Int32
			outcomes := make([]error, 6)
			for i := range outcomes {
				wg.Go(func() {
					before := withdrawn.Load()
					_, err := l.sends.Deliver(t.Context(), l.mail(fmt.Sprint(round, "/", i)), func(context.Context, personal.Text) error {
						if before {
							late.Add(1)
						}
						return nil
					})
					outcomes[i] = err
				})
				if i == 2 {
					wg.Go(func() {
						if _, err := l.consents.Withdraw(t.Context(), l.no()); err == nil {
							withdrawn.Store(true)
						}
					})
				}
			}
			wg.Wait()
			require.Zero(t, late.Load())
			require.True(t, withdrawn.Load())
			for _, err := range outcomes {
				if err == nil {
					delivered++
					continue
				}
				requireReason(t, err, fault.NoConsent, "withdrawn")
				refused++
			}
			_, err := l.sends.Deliver(t.Context(), l.mail(fmt.Sprint(round, "/last")), func(context.Context, personal.Text) error {
				t.Error("delivered after a withdrawal")
				return nil
			})
			requireReason(t, err, fault.NoConsent, "withdrawn")
		}
		t.Logf("%d delivered before, %d refused after", delivered, refused)
	})
}

func TestDeliverInsideATransaction(t *testing.T) {
	t.Parallel()

	queue := store.Same("test.queue", `
		INSERT INTO crm_tenant (tenant_id, zone, currency, language, schema_version, updated_at) VALUES ($1, 'UTC', 'EUR', 'en', 0, $2)`)
	queued := store.Same("test.queued", "SELECT count(*) FROM crm_tenant WHERE tenant_id = $1")
	each(t, func(t *testing.T, l *lab) {
		l.give(t)
		count := func() (n int64) {
			require.NoError(t, l.DB.On(nil).Get(t.Context(), queued, &n, "message"))
			return n
		}
		send := l.mail("k")
		send.Enqueue = true
		run := func(end error) error {
			return l.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
				_, sends := l.on(u)
				_, err := sends.Deliver(ctx, l.mail("k"), nil)
				require.Equal(t, "enqueue", requireReason(t, err, fault.Invalid, "").Field)
				_, err = sends.Deliver(ctx, send, func(ctx context.Context, to personal.Text) error {
					require.Equal(t, "ada@example.org", to.Reveal())
					_, err := l.DB.On(u).Exec(ctx, queue, "message", l.Now())
					return err
				})
				require.NoError(t, err)
				return end
			})
		}
		mine := errors.New("mine")
		require.ErrorIs(t, run(mine), mine)
		require.Zero(t, count())
		_, err := l.sends.ByKey(t.Context(), "k")
		require.ErrorIs(t, err, fault.ErrNotFound)

		require.NoError(t, run(nil))
		require.Equal(t, int64(1), count())
		s, err := l.sends.ByKey(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, privacy.Delivered, s.State)
		var box outbox
		d, err := l.sends.Deliver(t.Context(), l.mail("k"), box.take)
		require.NoError(t, err)
		require.True(t, d.Repeated)
		require.Empty(t, box.sent)
	})
}
