package privacystore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
)

// A no that a process with a fast clock recorded counts at once, also for those whose clocks are behind; a yes that
// a slow clock puts before a no does not override it.
func TestClocksDiffer(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		fast, slow := *l.Engine, *l.Engine
		fast.Now = func() time.Time { return l.Now().Add(5 * time.Second) }
		slow.Now = func() time.Time { return l.Now().Add(-5 * time.Second) }
		l.give(t)
		_, err := l.newOffice(&fast).Consents(&l.scope).Withdraw(t.Context(), l.no())
		require.NoError(t, err)
		require.Equal(t, privacy.HasWithdrawn, l.decide(t).Code)
		var box outbox
		_, err = l.sends.Deliver(t.Context(), l.mail("k"), box.take)
		requireReason(t, err, fault.NoConsent, "withdrawn")

		l.ada = l.people.add("ada@example.org")
		l.give(t)
		_, err = l.newOffice(&slow).Consents(&l.scope).Withdraw(t.Context(), l.no())
		require.NoError(t, err)
		require.Equal(t, privacy.HasWithdrawn, l.decide(t).Code, "recorded later, although its clock says earlier")
		_, err = l.newOffice(&slow).Consents(&l.scope).Give(t.Context(), l.yes())
		require.NoError(t, err)
		require.True(t, l.decide(t).Allowed)
	})
}

func TestHistoryPages(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		var want []string
		for i := range 7 {
			d := l.no()
			d.Purpose = []personal.Purpose{privacy.Marketing, privacy.Sales}[i%2]
			c, err := l.consents.Refuse(t.Context(), d)
			require.NoError(t, err)
			want = append(want, c.ID.String())
			l.Advance(time.Minute)
		}
		for _, sort := range []string{"", "at", "created_at"} {
			var got []string
			for c, err := range l.consents.All(t.Context(), l.ada, page.Query{Limit: 3, Sort: sort}) {
				require.NoError(t, err)
				got = append(got, c.ID.String())
			}
			require.Equal(t, want, got, sort)
		}
		p, err := l.consents.History(t.Context(), l.ada, page.Query{Where: page.Where{Expr: `purpose == "sales"`}})
		require.NoError(t, err)
		require.Len(t, p.Items, 3)
		_, err = l.consents.History(t.Context(), l.ada, page.Query{Sort: "evidence"})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

func TestSuppressAtOnce(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		var wg sync.WaitGroup
		got := make([]privacy.Suppression, 8)
		errs := make([]error, len(got))
		for i := range got {
			wg.Go(func() {
				got[i], errs[i] = l.consents.Suppress(t.Context(), privacy.ByEmail, "ada@example.org", privacy.Complained)
			})
		}
		wg.Wait()
		versions := map[int64]bool{}
		for i := range got {
			require.NoError(t, errs[i])
			require.Equal(t, got[0].ID, got[i].ID)
			versions[got[i].Version] = true
		}
		require.Len(t, versions, len(got))

		s := l.scope
		s.Once = "unsubscribe-9"
		first, err := l.office.Consents(&s).Suppress(t.Context(), privacy.ByEmail, "grace@example.org", privacy.Unsubscribed)
		require.NoError(t, err)
		l.Advance(time.Hour)
		again, err := l.office.Consents(&s).Suppress(t.Context(), privacy.ByEmail, "grace@example.org", privacy.Unsubscribed)
		require.NoError(t, err)
		require.Equal(t, first, again)
	})
}

// Consents of many at once about one person keep one order.
func TestConsentsAtOnce(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		var wg sync.WaitGroup
		errs := make([]error, 12)
		for i := range errs {
			wg.Go(func() {
				if i%2 == 0 {
					_, errs[i] = l.consents.Give(t.Context(), l.yes())
				} else {
					_, errs[i] = l.consents.Withdraw(t.Context(), l.no())
				}
			})
		}
		wg.Wait()
		seqs := map[int64]bool{}
		for c, err := range l.consents.All(t.Context(), l.ada, page.Query{}) {
			require.NoError(t, err)
			seqs[c.Seq] = true
		}
		for i := range errs {
			require.NoError(t, errs[i])
			require.True(t, seqs[int64(i+1)])
		}
	})
}

func BenchmarkGate(b *testing.B) {
	for name, open := range map[string]func(testing.TB) dbtest.Backend{"sqlite": dbtest.SQLite, "postgres": dbtest.PostgresBackend} {
		b.Run(name, func(b *testing.B) {
			l := benchLab(b, open(b))
			b.Run("decide", func(b *testing.B) {
				for b.Loop() {
					if _, err := l.consents.Decide(b.Context(), privacy.Request{Subject: l.ada, Channel: privacy.ByEmail}); err != nil {
						b.Fatal(err)
					}
				}
			})
			n := 0
			b.Run("deliver", func(b *testing.B) {
				for b.Loop() {
					n++
					if _, err := l.sends.Deliver(b.Context(), l.mail(fmt.Sprint(n)), func(context.Context, personal.Text) error { return nil }); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func benchLab(b *testing.B, backend dbtest.Backend) *lab {
	b.Helper()
	l := newLab(b, backend)
	if _, err := l.consents.Give(b.Context(), l.yes()); err != nil {
		b.Fatal(err)
	}
	return l
}

// noLegal is a policy of a host under which nobody acts for legal reasons.
type noLegal struct{ work.Policy }

func (p noLegal) Access(ctx context.Context, s work.Scope, entity string, a work.Action) (work.Access, error) {
	if s.Purpose == privacy.Legal {
		return work.Access{}, fault.New(fault.Denied, "legal reasons are for lawyers")
	}
	return p.Policy.Access(ctx, s, entity, a)
}

// Who names another purpose for a message than for the session needs the rights of that one.
func TestAMessageNeedsTheRightsOfItsPurpose(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		e := *l.Engine
		e.Policy = noLegal{e.Policy}
		sends := l.newOffice(&e).Sends(&l.scope)
		var box outbox
		send := l.mail("k")
		send.Purpose = privacy.Legal
		_, err := sends.Deliver(t.Context(), send, box.take)
		require.ErrorIs(t, err, fault.ErrDenied)
		require.Empty(t, box.sent)

		_, err = l.sends.Deliver(t.Context(), send, box.take)
		require.NoError(t, err)
		why := store.Same("test.why", "SELECT purpose FROM crm_event WHERE tenant_id = $1 AND kind = $2")
		var purpose string
		require.NoError(t, l.DB.On(nil).Get(t.Context(), why, &purpose, tenant, privacy.SendDelivered))
		require.Equal(t, string(privacy.Legal), purpose)
	})
}
