package crmtest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/crmtest"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

func admin(c *crmtest.CRM) *crm.Session {
	return c.As(ident.User("acme", "u-1", "admin"), privacy.Service)
}

func TestOpen(t *testing.T) {
	t.Parallel()

	one, two := crmtest.Open(t, nil), crmtest.Open(t, nil)
	require.NoError(t, one.Check(t.Context()), "it is migrated")
	ada := one.Person(admin(one), "Ada", "Lovelace")
	got, err := admin(one).Customers.Get(t.Context(), ada.ID)
	require.NoError(t, err)
	require.Equal(t, "Ada Lovelace", got.Name.Reveal())
	list, err := admin(two).Customers.Page(t.Context(), customer.Filter{})
	require.NoError(t, err)
	require.Empty(t, list.Items, "each has a database of its own")
}

func TestOpenClosesWithTheTest(t *testing.T) {
	t.Parallel()

	var c *crmtest.CRM
	t.Run("inner", func(t *testing.T) {
		c = crmtest.Open(t, nil)
		require.NoError(t, c.Start(t.Context()))
	})
	_, err := admin(c).Customers.Page(t.Context(), customer.Filter{})
	require.Error(t, err)
}

func TestOpenKeepsTheHostsConfig(t *testing.T) {
	t.Parallel()

	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	var got []event.Kind
	cfg := &crm.Config{
		Clock: func() time.Time { return at },
		Subscribers: append(make([]crm.Subscriber, 0, 8), crm.Subscriber{
			Name: "host", Purpose: privacy.Operations,
			Handle: func(_ context.Context, _ *crm.Session, e event.Event) error {
				got = append(got, e.Kind)
				return nil
			},
		}),
	}
	c := crmtest.Open(t, cfg)
	require.Equal(t, at, c.Now())
	rec := c.Organization(admin(c), "Umbrella")
	require.Equal(t, at, rec.CreatedAt)
	c.Drain()
	require.Equal(t, []event.Kind{customer.Created}, got)
	require.Len(t, cfg.Subscribers, 1, "the host's config is left alone")
	require.Empty(t, cfg.Subscribers[:2][1].Name, "also behind its length")
}

func TestClock(t *testing.T) {
	t.Parallel()

	c := crmtest.Open(t, nil)
	require.Equal(t, crmtest.Start, c.Clock.Now())
	require.Equal(t, crmtest.Start, c.Now())
	require.Equal(t, crmtest.Start.Add(time.Hour), c.Clock.Advance(time.Hour))
	require.Equal(t, crmtest.Start.Add(time.Hour), c.Person(admin(c), "Ada", "").CreatedAt)
	c.Clock.Set(crmtest.Start.In(time.FixedZone("east", 3600)))
	require.Equal(t, crmtest.Start, c.Clock.Now(), "back, and in UTC")
}

func TestTimersFireWhenTheClockSaysSo(t *testing.T) {
	t.Parallel()

	c := crmtest.Open(t, nil)
	s := admin(c)
	rec, err := s.Cases.Open(t.Context(), service.CaseDraft{Customer: c.Organization(s, "Umbrella").ID, Subject: "broken"})
	require.NoError(t, err)
	require.NotContains(t, kinds(c, rec.ID), service.CaseBreached)
	c.Clock.Advance(30 * 24 * time.Hour)
	require.Contains(t, kinds(c, rec.ID), service.CaseBreached)
}

func kinds(c *crmtest.CRM, id ident.ID) (out []event.Kind) {
	for _, e := range c.Events() {
		if e.Record.ID == id {
			out = append(out, e.Kind)
		}
	}
	return out
}

func TestEvents(t *testing.T) {
	t.Parallel()

	c := crmtest.Open(t, nil)
	s := admin(c)
	require.Empty(t, c.Events())
	acme := c.Organization(s, "Acme")
	for i, country := range []string{"DE", "IE"} {
		_, err := s.Customers.Update(t.Context(), acme.ID, int64(i+1), customer.Update{Country: &country})
		require.NoError(t, err)
	}
	require.Equal(t, []event.Kind{customer.Created, customer.Updated, customer.Updated}, kinds(c, acme.ID))
	e := c.RequireEvent(customer.Updated, acme.ID)
	require.Equal(t, int64(3), e.Version, "the newest of the kind")
	require.Equal(t, int64(1), c.RequireEvent(customer.Created, acme.ID).Version)

	list := c.Events()
	list[0].Kind = "changed"
	require.Equal(t, customer.Created, c.Events()[0].Kind, "a list of the caller's own")
}

func TestBuilders(t *testing.T) {
	t.Parallel()

	c := crmtest.Open(t, nil)
	s := admin(c)
	require.Equal(t, customer.Person, c.Person(s, "Ada", "Lovelace").Kind)
	require.Equal(t, customer.Organization, c.Organization(s, "Umbrella").Kind)
	group := c.Customer(s, customer.GroupDraft{Name: "Byrons"})
	require.Equal(t, customer.Group, group.Kind)
	require.Equal(t, "u-1", group.OwnerUser, "by the session's principal")
}

// fake is a test that is not really one: what ends it is kept.
type fake struct {
	testing.TB
	said string
}

func (f *fake) Helper() {}

func (f *fake) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// ends returns what fn says when it ends its test.
func ends(t *testing.T, cfg *crm.Config, fn func(c *crmtest.CRM)) string {
	t.Helper()
	f := &fake{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(crmtest.Open(f, cfg))
	}()
	<-done
	return f.said
}

func TestHelpersEndTheTest(t *testing.T) {
	t.Parallel()

	require.Empty(t, ends(t, nil, func(c *crmtest.CRM) { c.Drain() }))
	said := ends(t, nil, func(c *crmtest.CRM) { c.RequireEvent(customer.Updated, c.Person(admin(c), "Ada", "").ID) })
	require.Contains(t, said, "no event customer.updated")
	require.Contains(t, said, "customer.created", "what there is instead")
	said = ends(t, nil, func(c *crmtest.CRM) { c.Person(c.As(ident.User("acme", "u-2", "viewer"), privacy.Sales), "Ada", "") })
	require.Contains(t, said, "denied")
	said = ends(t, &crm.Config{Poll: -1}, func(*crmtest.CRM) {})
	require.Contains(t, said, "Poll")
}

// A subscriber that fails is tried again later; Drain says nothing of it, as in production.
func TestDrainAfterAFailure(t *testing.T) {
	t.Parallel()

	fail := true
	got := 0
	c := crmtest.Open(t, &crm.Config{Logger: slog.New(slog.DiscardHandler), Subscribers: []crm.Subscriber{{
		Name: "flaky", Purpose: privacy.Operations,
		Handle: func(context.Context, *crm.Session, event.Event) error {
			if fail {
				return errors.New("not now")
			}
			got++
			return nil
		},
	}}})
	c.Organization(admin(c), "Umbrella")
	c.Drain()
	fail = false
	require.Zero(t, got)
	c.Clock.Advance(24 * time.Hour)
	c.Drain()
	require.Equal(t, 1, got)
}
