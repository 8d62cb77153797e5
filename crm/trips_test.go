package crm_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
)

// How many round trips consents, claims and what a tenant sets take, with a customer who has an address and a key. Each
// verb runs twice before it is counted, so that its statements are prepared.
func TestTripsOfConsentsClaimsAndSettings(t *testing.T) {
	t.Parallel()

	b, trips := dbtest.TripsBackend(t)
	h := newHouse(t, b)
	ctx, s, n := t.Context(), h.admin().For(privacy.Marketing), 0
	ada, err := s.Customers.Create(ctx, customer.PersonDraft{
		Given: "Ada", Family: "Lovelace", Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.org"}},
	})
	require.NoError(t, err)
	yes := privacy.ConsentDraft{
		Subject: ada.ID, Channel: privacy.ByEmail, Notice: privacy.NoticeOf("n", "We write."), Act: privacy.Ticked, Evidence: "form /signup",
	}
	no := privacy.ChoiceDraft{Subject: ada.ID, Channel: privacy.ByPhone, Evidence: "said so"}
	said, err := s.Consents.Give(ctx, yes)
	require.NoError(t, err)
	transport := func(context.Context, personal.Text) error { return nil }
	mail := func(ch personal.Channel) privacy.Send {
		return privacy.Send{Key: "m" + strconv.Itoa(n), Subject: ada.ID, Channel: ch}
	}
	sent := mail(privacy.ByEmail)
	require.NoError(t, drop(s.Sends.Deliver(ctx, sent, transport)))
	key := func() []claim.Key { n++; return []claim.Key{{Namespace: "hall", Key: strconv.Itoa(n)}} }
	held, err := s.Claims.Acquire(ctx, claim.Request{Keys: key(), Holder: ident.Ref{Entity: "customer", ID: ada.ID}, For: time.Hour})
	require.NoError(t, err)
	zones := []string{"Europe/Berlin", "Asia/Shanghai"}
	for _, v := range []struct {
		name string
		want int
		run  func() error
	}{
		{"give", 3, func() error { return drop(s.Consents.Give(ctx, yes)) }},
		{"give once", 4, func() error { n++; return drop(s.Once(strconv.Itoa(n)).Consents.Give(ctx, yes)) }},
		{"withdraw", 3, func() error { return drop(s.Consents.Withdraw(ctx, no)) }},
		{"get a consent", 2, func() error { return drop(s.Consents.Get(ctx, said.ID)) }},
		{"what a subject said", 2, func() error { return drop(s.Consents.History(ctx, ada.ID, page.Query{})) }},
		{"where a subject stands", 1, func() error {
			return drop(s.Consents.At(ctx, ada.ID, privacy.Marketing, privacy.ByEmail, time.Time{}))
		}},
		{"decide", 2, func() error {
			return drop(s.Consents.Decide(ctx, privacy.Request{Subject: ada.ID, Channel: privacy.ByEmail}))
		}},
		{"suppress", 2, func() error {
			return drop(s.Consents.Suppress(ctx, privacy.ByEmail, "eve@example.org", privacy.Complained))
		}},
		{"deliver", 6, func() error { n++; return drop(s.Sends.Deliver(ctx, mail(privacy.ByEmail), transport)) }},
		{"deliver what was delivered", 2, func() error { return drop(s.Sends.Deliver(ctx, sent, transport)) }},
		{"deliver where there is no address", 3, func() error {
			n++
			require.ErrorIs(t, drop(s.Sends.Deliver(ctx, mail(privacy.ByPhone), transport)), fault.ErrNoConsent)
			return nil
		}},
		{"what became of a send", 1, func() error { return drop(s.Sends.ByKey(ctx, sent.Key)) }},
		{"decisions", 2, func() error { return drop(s.Sends.Decisions(ctx, ada.ID)) }},
		{"acquire", 1, func() error {
			return drop(s.Claims.Acquire(ctx, claim.Request{Keys: key(), Holder: ident.Ref{Entity: "customer", ID: ada.ID}, For: time.Hour}))
		}},
		{"swap", 2, func() error { return drop(s.Claims.Swap(ctx, held.ID, key())) }},
		{"whose key", 1, func() error {
			_, _, err := s.Claims.Of(ctx, claim.Key{Namespace: "hall", Key: "1"})
			return err
		}},
		{"settings", 1, func() error { return drop(s.Settings.Get(ctx)) }},
		{"set the zone", 2, func() error {
			n++
			return drop(s.Settings.Update(ctx, schema.AnyVersion, tenant.Update{Zone: &zones[n%2]}))
		}},
		{"define a field", 3, func() error {
			n++
			return drop(s.Schema.Define(ctx, schema.Definition{Entity: "customer", Key: "k" + strconv.Itoa(n), Type: rule.TypeText, Label: "K", Class: personal.None}))
		}},
	} {
		require.NoError(t, v.run(), v.name)
		require.NoError(t, v.run(), v.name)
		trips.Reset()
		require.NoError(t, v.run(), v.name)
		t.Logf("%-25s %d", v.name, trips.Count())
		if trips.Count() != v.want {
			t.Errorf("%s: %d trips, want %d", v.name, trips.Count(), v.want)
		}
	}
}
