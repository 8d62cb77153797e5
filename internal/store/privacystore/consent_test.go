package privacystore_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
)

func TestMarketingNeedsConsent(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		require.Equal(t, privacy.WasNotAsked, l.decide(t).Code)

		c := l.give(t)
		require.Equal(t, int64(1), c.Version)
		require.Equal(t, privacy.Given, c.State)
		require.Equal(t, personal.Masked, c.Evidence.State(), "the purpose does not see texts")
		d := l.decide(t)
		require.True(t, d.Allowed)
		require.Equal(t, privacy.OnConsent, d.Basis)
		require.Equal(t, []ident.ID{c.ID}, d.Evidence)

		l.Advance(time.Hour)
		w, err := l.consents.Withdraw(t.Context(), l.no())
		require.NoError(t, err)
		d = l.decide(t)
		require.False(t, d.Allowed)
		require.Equal(t, privacy.HasWithdrawn, d.Code)
		require.Equal(t, []ident.ID{w.ID}, d.Evidence)

		old := l.yes()
		old.At = l.Now().Add(-30 * time.Minute)
		_, err = l.consents.Give(t.Context(), old)
		require.NoError(t, err)
		require.Equal(t, privacy.HasWithdrawn, l.decide(t).Code, "a yes that is imported late overrides nothing")

		l.give(t)
		require.True(t, l.decide(t).Allowed)
		l.Advance(time.Hour)
		_, err = l.consents.Object(t.Context(), privacy.ChoiceDraft{Subject: l.ada})
		require.NoError(t, err)
		require.Equal(t, privacy.HasObjected, l.decide(t).Code)
		_, err = l.consents.Refuse(t.Context(), l.no())
		require.NoError(t, err)
		require.Equal(t, privacy.HasObjected, l.decide(t).Code)
	})
}

func TestConsentOfOtherPurposesAndChannels(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ask := func(p personal.Purpose, ch personal.Channel) privacy.Reason {
			d, err := l.consents.Decide(t.Context(), privacy.Request{Subject: l.ada, Purpose: p, Channel: ch})
			require.NoError(t, err)
			return d.Code
		}
		l.give(t)
		require.Equal(t, privacy.WasNotAsked, ask(privacy.Marketing, privacy.BySMS))
		require.Equal(t, privacy.WasNotAsked, ask(privacy.Analytics, privacy.ByEmail))
		require.Equal(t, privacy.IsAllowed, ask(privacy.Service, privacy.ByEmail))
		require.Equal(t, privacy.NoAddress, ask(privacy.Service, privacy.BySMS))
		require.Equal(t, privacy.NoBasis, ask(privacy.Operations, privacy.ByEmail))
		for _, p := range []personal.Purpose{privacy.Sales, privacy.Service} {
			_, err := l.consents.Object(t.Context(), privacy.ChoiceDraft{Subject: l.ada, Purpose: p})
			require.NoError(t, err)
		}
		require.Equal(t, privacy.HasObjected, ask(privacy.Sales, privacy.ByEmail))
		require.Equal(t, privacy.IsAllowed, ask(privacy.Service, privacy.ByEmail), "a contract does not rest on the subject's will")
		require.Equal(t, privacy.IsAllowed, ask(privacy.Marketing, privacy.ByEmail))

		d, err := l.consents.Decide(t.Context(), privacy.Request{Subject: ident.New(), Channel: privacy.ByEmail})
		require.NoError(t, err)
		require.Equal(t, privacy.UnknownSubject, d.Code)
		_, err = l.consents.Decide(t.Context(), privacy.Request{Subject: l.ada, Purpose: "ads", Channel: privacy.ByAnything})
		f := requireReason(t, err, fault.Invalid, "")
		require.Len(t, f.Violations, 2)
	})
}

func TestConsentEndsByItself(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		d := l.yes()
		d.ValidFor = 24 * time.Hour
		_, err := l.consents.Give(t.Context(), d)
		require.NoError(t, err)
		end := l.Now().Add(24 * time.Hour)
		require.Equal(t, end, l.decide(t).Until)
		l.Advance(24*time.Hour - time.Microsecond)
		require.True(t, l.decide(t).Allowed)
		l.Advance(time.Microsecond)
		require.Equal(t, privacy.HasExpired, l.decide(t).Code)

		past, err := l.consents.Decide(t.Context(), privacy.Request{Subject: l.ada, Channel: privacy.ByEmail, At: end.Add(-time.Second)})
		require.NoError(t, err)
		require.True(t, past.Allowed)
		s, err := l.consents.At(t.Context(), l.ada, privacy.Marketing, privacy.ByEmail, end.Add(-25*time.Hour))
		require.NoError(t, err)
		require.Equal(t, privacy.NotAsked, s.State)
	})
}

func TestConsentEndsAsFineAsItIsKept(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		d := l.yes()
		d.ValidFor = time.Hour + 1
		given, err := l.consents.Give(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, l.Now().Add(time.Hour), given.Until)
		stored, err := l.consents.Get(t.Context(), given.ID)
		require.NoError(t, err)
		require.Equal(t, given.Until, stored.Until)
	})
}

func TestConsentIsAskedOfYearsThatAreStored(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		at := func(year int) (decided, stood error) {
			x := time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)
			_, decided = l.consents.Decide(t.Context(), privacy.Request{Subject: l.ada, Channel: privacy.ByEmail, At: x})
			_, stood = l.consents.At(t.Context(), l.ada, privacy.Marketing, privacy.ByEmail, x)
			return decided, stood
		}
		for _, year := range []int{-5, 0, 10_000, 1 << 33} {
			decided, stood := at(year)
			require.Equal(t, "at", requireReason(t, decided, fault.Invalid, "").Field, year)
			require.Equal(t, "at", requireReason(t, stood, fault.Invalid, "").Field, year)
		}
		for _, year := range []int{1, 1900, 9999} {
			decided, stood := at(year)
			require.NoError(t, decided, year)
			require.NoError(t, stood, year)
		}
	})
}

func TestMergedCustomersConsent(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		other := l.people.add("ada@example.com")
		l.give(t)
		no := l.no()
		no.Subject = other
		refused, err := l.consents.Refuse(t.Context(), no)
		require.NoError(t, err)
		l.people.merge(l.ada, other)
		require.Equal(t, privacy.HasRefused, l.decide(t).Code, "what either refused stays refused")
		require.Equal(t, []ident.ID{refused.ID}, l.decide(t).Evidence)

		l.Advance(time.Hour)
		yes := l.yes()
		yes.Subject = other
		c, err := l.consents.Give(t.Context(), yes)
		require.NoError(t, err)
		require.Equal(t, l.ada, c.Subject, "written to the survivor")
		require.Equal(t, []ident.ID{other}, c.Covers)
		require.True(t, l.decide(t).Allowed)

		all, err := l.consents.History(t.Context(), other, page.Query{})
		require.NoError(t, err)
		require.Len(t, all.Items, 3)

		l.people.unmerge()
		require.True(t, l.decide(t).Allowed)
		d, err := l.consents.Decide(t.Context(), privacy.Request{Subject: other, Channel: privacy.ByEmail})
		require.NoError(t, err)
		require.Equal(t, privacy.HasRefused, d.Code, "taken apart, each stands where it stood")
	})
}

func TestConsentInput(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		_, err := l.consents.Give(t.Context(), privacy.ConsentDraft{
			Purpose: "ads", Channel: "pigeon", Basis: privacy.OnContract, Act: "silence", Evidence: "\x00",
			At: l.Now().Add(time.Second), ValidFor: -1,
		})
		f := requireReason(t, err, fault.Invalid, "")
		var fields []string
		for _, v := range f.Violations {
			fields = append(fields, v.Field)
		}
		require.ElementsMatch(t, []string{"subject", "purpose", "channel", "basis", "notice", "act", "evidence", "at", "valid_for"}, fields)
		soft := l.yes()
		soft.Basis, soft.Purpose = privacy.OnSoftOptIn, privacy.Sales
		_, err = l.consents.Give(t.Context(), soft)
		require.Equal(t, "basis", requireReason(t, err, fault.Invalid, "").Field)

		for _, give := range []func() error{
			func() error {
				d := l.yes()
				d.Subject = ident.New()
				_, err := l.consents.Give(t.Context(), d)
				return err
			},
			func() error {
				d := l.no()
				d.Subject = ident.New()
				_, err := l.consents.Withdraw(t.Context(), d)
				return err
			},
			func() error {
				_, err := l.consents.At(t.Context(), ident.New(), "", privacy.ByEmail, l.Now())
				return err
			},
			func() error { _, err := l.sends.Decisions(t.Context(), ident.New()); return err },
		} {
			requireReason(t, give(), fault.NotFound, string(privacy.UnknownSubject))
		}
		_, err = l.consents.History(t.Context(), ident.New(), page.Query{})
		require.ErrorIs(t, err, fault.ErrNotFound)
		s := l.scope
		s.Principal = ident.User(tenant, "u-2", "viewer")
		_, err = l.office.Consents(&s).Withdraw(t.Context(), l.no())
		require.ErrorIs(t, err, fault.ErrDenied)
		c := l.give(t)
		_, err = l.office.Consents(&s).Get(t.Context(), c.ID)
		require.NoError(t, err)
		s.Principal = ident.System("umbrella", "job")
		_, err = l.office.Consents(&s).Get(t.Context(), c.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		twice := l.yes()
		twice.ID = c.ID
		_, err = l.consents.Give(t.Context(), twice)
		requireReason(t, err, fault.Conflict, "taken")
	})
}

func TestConsentOnce(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		s := l.scope
		s.Once = "form-17"
		first, err := l.office.Consents(&s).Give(t.Context(), l.yes())
		require.NoError(t, err)
		again, err := l.office.Consents(&s).Give(t.Context(), l.yes())
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		other := l.yes()
		other.Channel = privacy.ByAnything
		_, err = l.office.Consents(&s).Give(t.Context(), other)
		require.ErrorIs(t, err, fault.ErrConflict)
		all, err := l.consents.History(t.Context(), l.ada, page.Query{})
		require.NoError(t, err)
		require.Len(t, all.Items, 1)
	})
}

func TestEvidenceIsSealed(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		d := l.yes()
		d.Evidence = "canary-7f3a from 203.0.113.7"
		c, err := l.consents.Give(t.Context(), d)
		require.NoError(t, err)
		s := l.scope
		s.Purpose = privacy.SubjectAsk
		read, err := l.office.Consents(&s).Get(t.Context(), c.ID)
		require.NoError(t, err)
		require.Equal(t, d.Evidence, read.Evidence.Reveal())
		require.Equal(t, d.Notice.ID, read.Notice)
		require.Len(t, read.NoticeHash, 64)
		list, err := l.office.Consents(&s).History(t.Context(), l.ada, page.Query{Sort: "-at"})
		require.NoError(t, err)
		require.Equal(t, d.Evidence, list.Items[0].Evidence.Reveal())

		raw := store.Same("test.evidence", "SELECT evidence FROM crm_consent WHERE tenant_id = $1 AND id = $2")
		var sealed []byte
		require.NoError(t, l.DB.On(nil).Get(t.Context(), raw, &sealed, tenant, c.ID))
		require.NotContains(t, string(sealed), "canary")
		if l.Name == "sqlite" {
			for _, path := range []string{l.Path, l.Path + "-wal"} {
				b, err := os.ReadFile(path)
				require.NoError(t, err)
				require.False(t, bytes.Contains(b, []byte("canary-7f3a")), path)
			}
		}
		drop := store.Same("test.drop_key", "DELETE FROM crm_subject_key WHERE tenant_id = $1 AND subject_id = $2")
		_, err = l.DB.On(nil).Exec(t.Context(), drop, tenant, l.ada)
		require.NoError(t, err)
		read, err = l.office.Consents(&s).Get(t.Context(), c.ID)
		require.NoError(t, err, "what was said stays when the words cannot be read any more")
		_, err = read.Evidence.Value()
		requireReason(t, err, fault.NotFound, "erased")
		require.True(t, l.decide(t).Allowed)
	})
}

func TestConsentTraces(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		c := l.give(t)
		kinds := store.Same("test.kinds", "SELECT kind FROM crm_event WHERE tenant_id = $1 AND record_id = $2")
		var kind string
		require.NoError(t, l.DB.On(nil).Get(t.Context(), kinds, &kind, tenant, c.ID))
		require.Equal(t, string(privacy.ConsentGiven), kind)
		line := store.Same("test.line", "SELECT kind FROM crm_timeline WHERE tenant_id = $1 AND customer_id = $2")
		require.NoError(t, l.DB.On(nil).Get(t.Context(), line, &kind, tenant, l.ada))
		require.Equal(t, string(privacy.ConsentGiven), kind)
	})
}
