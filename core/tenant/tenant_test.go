package tenant_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

func TestSettings(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		o, ctx := newOffice(t, b), t.Context()
		acme := o.admin("acme")
		got, err := acme.Get(ctx)
		require.NoError(t, err)
		want := tenant.Settings{Zone: "UTC", Language: "en"}
		want.ID = tenant.SettingsID
		require.Equal(t, want, got, "the defaults")

		got, err = acme.Update(ctx, 0, tenant.Update{Zone: new("Asia/Shanghai"), Currency: new("CNY"), Language: new("ZH-hans-cn")})
		require.NoError(t, err)
		want.Zone, want.Currency, want.Language, want.Version = "Asia/Shanghai", "CNY", "zh-Hans-CN", 1
		require.Equal(t, want, got)
		got, err = acme.Get(ctx)
		require.NoError(t, err)
		require.Equal(t, want, got)

		got, err = acme.Update(ctx, 1, tenant.Update{Currency: new("EUR")})
		require.NoError(t, err)
		want.Currency, want.Version = "EUR", 2
		require.Equal(t, want, got, "what is not named stays")
		got, err = acme.Update(ctx, 2, tenant.Update{Currency: new("EUR"), Language: new("ZH-HANS-CN")})
		require.NoError(t, err)
		require.Equal(t, want, got, "no change, no new version")

		_, err = acme.Update(ctx, 1, zoneIs("Europe/Berlin"))
		f, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.Equal(t, fault.Conflict, f.Code)
		require.Equal(t, int64(2), f.Current)

		got, err = acme.Update(ctx, 2, tenant.Update{Zone: new(""), Currency: new(""), Language: new("")})
		require.NoError(t, err)
		want = tenant.Settings{Zone: "UTC", Language: "en"}
		want.ID, want.Version = tenant.SettingsID, 3
		require.Equal(t, want, got, "empty goes back to the default")

		got, err = o.admin("other").Get(ctx)
		require.NoError(t, err)
		require.Zero(t, got.Version, "another tenant's")
	})
}

func TestBadInput(t *testing.T) {
	t.Parallel()

	b := dbtest.SQLite(t)
	o, ctx := newOffice(t, b), t.Context()
	zones := []string{
		"Mars/Olympus", "Local", "localtime", "right/Europe/Berlin", "posix/UTC", "../etc/passwd", "/etc/localtime", "Europe/Berlin\x00", "+01:00",
		strings.Repeat("A", 1000), "\xff", " UTC", "Europe/../UTC", "Europe", "Factory", "posixrules", "zone.tab",
	}
	for _, z := range zones {
		refused(t, o, zoneIs(z), "zone")
	}
	for _, c := range []string{"eur", "EURO", "XXX", "E R", "€", "\x00\x00\x00"} {
		refused(t, o, tenant.Update{Currency: &c}, "currency")
	}
	for _, l := range []string{
		"e", "english", "en_GB", "en-", "-en", "en--GB", "zh-Hans-CN-x-mine", "de-1", "de-12", "de-abc", "12", "e\x00", "dé",
		"en-" + strings.Repeat("abcdef-", 10) + "abcdef",
	} {
		refused(t, o, tenant.Update{Language: &l}, "language")
	}
	_, err := o.admin("acme").Update(ctx, 0, tenant.Update{Zone: new("x"), Currency: new("x"), Language: new("x")})
	f, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok)
	require.Len(t, f.Violations, 3, "each is named")
	set, err := o.admin("acme").Get(ctx)
	require.NoError(t, err)
	require.Zero(t, set.Version, "nothing was written")

	for _, l := range []string{"en", "fil", "de-AT", "zh-Hans", "es-419", "sl-rozaj-biske", "de-1996", "sr-Latn-RS"} {
		got, err := o.admin("acme").Update(ctx, 0, tenant.Update{Language: &l})
		require.NoError(t, err, l)
		require.Equal(t, l, got.Language)
	}
	for _, z := range []string{"Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+8", "Asia/Kathmandu", "UTC"} {
		_, err := o.admin("acme").Update(ctx, 0, zoneIs(z))
		require.NoError(t, err, z)
		require.Equal(t, z, o.zone(t, nil, "acme"))
	}
}

func refused(t *testing.T, o *office, u tenant.Update, field string) {
	t.Helper()
	_, err := o.admin("acme").Update(t.Context(), 0, u)
	f, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok, "%+v", u)
	require.Equal(t, fault.Invalid, f.Code)
	require.Equal(t, field, f.Field)
	require.Contains(t, f.Message, "want ", "the fix")
}

func TestRights(t *testing.T) {
	t.Parallel()

	b := dbtest.SQLite(t)
	o, ctx := newOffice(t, b), t.Context()
	for _, role := range []string{"manager", "sales", "service", "marketing", "viewer"} {
		s := o.tenants.In(new(as("acme", role)))
		_, err := s.Get(ctx)
		require.NoError(t, err, role)
		_, err = s.Update(ctx, 0, zoneIs("Europe/Berlin"))
		require.ErrorIs(t, err, fault.ErrDenied, role)
	}
	_, err := o.tenants.In(new(as("acme"))).Get(ctx)
	require.ErrorIs(t, err, fault.ErrDenied, "no role")
	_, err = o.tenants.In(new(as("", "admin"))).Update(ctx, 0, zoneIs("Europe/Berlin"))
	require.ErrorIs(t, err, fault.ErrInvalid, "no tenant")
	require.Equal(t, "UTC", o.zone(t, nil, "acme"))
}

func TestOnce(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		o, ctx := newOffice(t, b), t.Context()
		s := as("acme", "admin")
		s.Once = "k"
		for range 2 {
			got, err := o.tenants.In(&s).Update(ctx, 0, zoneIs("Europe/Berlin"))
			require.NoError(t, err)
			require.Equal(t, int64(1), got.Version)
		}
		_, err := o.tenants.In(&s).Update(ctx, 0, zoneIs("Asia/Shanghai"))
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "once"})
	})
}

// The row of a tenant is made by whichever comes first, its settings or its first custom field.
func TestFirstWritesOfSettingsAndSchemaMeet(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		o, ctx := newOffice(t, b), t.Context()
		tenants := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
		var wg sync.WaitGroup
		for _, name := range tenants {
			wg.Go(func() {
				if _, err := o.admin(name).Update(ctx, 0, zoneIs("Europe/Berlin")); err != nil {
					t.Errorf("settings of %s: %v", name, err)
				}
			})
			wg.Go(func() {
				d := schema.Definition{Entity: "widget", Key: "tier", Type: rule.TypeText, Class: personal.None}
				if _, err := o.Fields.In(new(as(name, "admin"))).Define(ctx, d); err != nil {
					t.Errorf("field of %s: %v", name, err)
				}
			})
		}
		wg.Wait()
		for _, name := range tenants {
			set, err := o.admin(name).Get(ctx)
			require.NoError(t, err)
			require.Equal(t, int64(1), set.Version)
			require.Equal(t, "Europe/Berlin", set.Zone)
			layout, err := o.Fields.In(new(as(name, "admin"))).Layout(ctx)
			require.NoError(t, err)
			require.Equal(t, int64(1), layout.Version)
			require.Len(t, layout.Fields, 1)
		}
	})
}

func TestConcurrentUpdates(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		o, ctx := newOffice(t, b), t.Context()
		codes := []string{"EUR", "USD", "CNY", "JPY", "CHF", "GBP"}
		var wg sync.WaitGroup
		for _, c := range codes {
			wg.Go(func() {
				if _, err := o.admin("acme").Update(ctx, 0, tenant.Update{Currency: &c}); err != nil {
					t.Errorf("%s: %v", c, err)
				}
			})
		}
		wg.Wait()
		set, err := o.admin("acme").Get(ctx)
		require.NoError(t, err)
		require.Equal(t, int64(len(codes)), set.Version)
	})
}

var errRollback = errors.New("rolled back")

func TestATransactionSeesItsOwnZone(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		o, ctx := newOffice(t, b), t.Context()
		require.Equal(t, "UTC", o.zone(t, nil, "acme"))
		change := func(fail error) error {
			return o.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
				s := as("acme", "admin")
				s.Unit = u
				_, err := o.tenants.In(&s).Update(ctx, 0, zoneIs("Asia/Shanghai"))
				require.NoError(t, err)
				require.Equal(t, "Asia/Shanghai", o.zone(t, u, "acme"))
				require.Equal(t, "UTC", o.zone(t, nil, "acme"), "nobody else sees it")
				return fail
			})
		}
		require.ErrorIs(t, change(errRollback), errRollback)
		require.Equal(t, "UTC", o.zone(t, nil, "acme"))
		require.NoError(t, change(nil))
		require.Equal(t, "Asia/Shanghai", o.zone(t, nil, "acme"), "committed: seen at once")
		o.Advance(10 * time.Minute)
		require.Equal(t, "Asia/Shanghai", o.zone(t, nil, "acme"))
	})
}

func TestTheZoneIsCachedForASecond(t *testing.T) {
	t.Parallel()

	b := dbtest.SQLite(t)
	o, ctx := newOffice(t, b), t.Context()
	other := open(t, o.Lab)
	for range 100 {
		require.Equal(t, "UTC", other.zone(t, nil, "acme"))
	}
	require.Equal(t, int64(1), other.store.reads.Load(), "reading costs no statement")
	_, err := o.admin("acme").Update(ctx, 0, zoneIs("Europe/Berlin"))
	require.NoError(t, err)
	require.Equal(t, "Europe/Berlin", o.zone(t, nil, "acme"), "the next call of the process sees it")
	require.Equal(t, "UTC", other.zone(t, nil, "acme"))
	o.Advance(time.Second)
	require.Equal(t, "Europe/Berlin", other.zone(t, nil, "acme"), "other processes do within a second")
}
