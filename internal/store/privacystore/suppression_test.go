package privacystore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store/privacystore"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

func TestSuppression(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		l.give(t)
		l.Advance(time.Hour)
		first, err := l.consents.Suppress(t.Context(), privacy.ByEmail, "ADA@Example.org", privacy.Erased)
		require.NoError(t, err)
		d := l.decide(t)
		require.Equal(t, privacy.IsSuppressed, d.Code)
		require.Equal(t, []ident.ID{first.ID}, d.Evidence)

		back := l.people.add("ada@example.org")
		d, err = l.consents.Decide(t.Context(), privacy.Request{Subject: back, Purpose: privacy.Sales, Channel: privacy.ByEmail})
		require.NoError(t, err)
		require.Equal(t, privacy.IsSuppressed, d.Code, "the same address under a new customer")
		d, err = l.consents.Decide(t.Context(), privacy.Request{Subject: back, Purpose: privacy.Legal, Channel: privacy.ByEmail})
		require.NoError(t, err)
		require.True(t, d.Allowed)

		l.Advance(time.Hour)
		l.give(t)
		require.True(t, l.decide(t).Allowed, "a new yes of the person lifts it")
		l.Advance(time.Hour)
		second, err := l.consents.Suppress(t.Context(), privacy.ByEmail, "ada@example.org", privacy.Bounced)
		require.NoError(t, err)
		require.Equal(t, first.ID, second.ID)
		require.Equal(t, first.Version+1, second.Version)
		l.Advance(time.Hour)
		l.give(t)
		require.Equal(t, privacy.IsSuppressed, l.decide(t).Code, "no yes mends a bounce")

		_, err = l.consents.Suppress(t.Context(), privacy.ByAnything, "x", "mood")
		require.Len(t, requireReason(t, err, fault.Invalid, "").Violations, 2)
		_, err = l.consents.Suppress(t.Context(), privacy.ByEmail, "x", privacy.Bounced)
		require.ErrorIs(t, err, fault.ErrInvalid)
		s := l.scope
		s.Principal = ident.System("umbrella", "job")
		_, err = l.office.Consents(&s).Suppress(t.Context(), privacy.ByEmail, "grace@example.org", privacy.Bounced)
		require.NoError(t, err)
		_, err = l.office.Consents(&work.Scope{}).Suppress(t.Context(), privacy.ByEmail, "ada@example.org", privacy.Bounced)
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

// Whoever asks not to be written to is not written to, also when the clock stood still between a yes and that.
func TestSuppressionAtTheInstantOfAYes(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		l.give(t)
		_, err := l.consents.Suppress(t.Context(), privacy.ByEmail, "ada@example.org", privacy.Unsubscribed)
		require.NoError(t, err)
		require.Equal(t, privacy.IsSuppressed, l.decide(t).Code)
		l.Advance(time.Microsecond)
		l.give(t)
		require.True(t, l.decide(t).Allowed)
	})
}

func TestSuppressionIgnoresCaseInEveryScript(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		for suppressed, address := range map[string]string{
			"ΟΔΥΣΣΕΥΣ@example.org": "οδυσσευς@example.org", "οδυσσεύσ@example.org": "ΟΔΥΣΣΕΎΣ@example.org",
			"ЮЛИЯ@example.org": "юлия@example.org", "MÜLLER@example.org": "müller@example.org",
		} {
			_, err := l.consents.Suppress(t.Context(), privacy.ByEmail, suppressed, privacy.Requested)
			require.NoError(t, err)
			d, err := l.consents.Decide(t.Context(), privacy.Request{Subject: l.people.add(address), Purpose: privacy.Sales, Channel: privacy.ByEmail})
			require.NoError(t, err)
			require.Equal(t, privacy.IsSuppressed, d.Code, address)
		}
		for suppressed, address := range map[string]string{"ada+news@example.org": "ada@example.org", "a.da@example.org": "ada@example.org"} {
			_, err := l.consents.Suppress(t.Context(), privacy.ByEmail, suppressed, privacy.Requested)
			require.NoError(t, err)
			d, err := l.consents.Decide(t.Context(), privacy.Request{Subject: l.people.add(address), Purpose: privacy.Sales, Channel: privacy.ByEmail})
			require.NoError(t, err)
			require.True(t, d.Allowed, "%s is another mailbox than %s", address, suppressed)
		}
	})
}

// A list of suppressed addresses that came before any customer must not be read with other keys, nor grow under them.
func TestSuppressionsAreBoundToTheirKeyStore(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		_, err := l.consents.Suppress(t.Context(), privacy.ByEmail, "grace@example.org", privacy.Registered)
		require.NoError(t, err)
		ring := keys.NewRing(keys.NewMemory(), privacystore.Keys(l.DB), l.Now)
		wrong := privacy.New(privacy.Config{Engine: l.Engine, Store: privacystore.New(l.DB, ring), Keys: ring, Addresses: l.people})
		_, err = wrong.Consents(&l.scope).Suppress(t.Context(), privacy.ByEmail, "ada@example.org", privacy.Registered)
		requireReason(t, err, fault.Unavailable, "key_mismatch")
		_, err = wrong.Consents(&l.scope).Give(t.Context(), l.yes())
		requireReason(t, err, fault.Unavailable, "key_mismatch")
	})
}
