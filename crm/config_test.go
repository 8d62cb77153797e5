package crm_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

func TestEveryMistakeOfAConfigIsTold(t *testing.T) {
	t.Parallel()

	handle := func(context.Context, *crm.Session, event.Event) error { return nil }
	_, err := sqlite.Open(t.Context(), sqlite.Memory, &crm.Config{
		Poll: -1, Region: "Germany", SLA: &service.SLA{Version: "1"}, Extensions: []plugin.Extension{nil}, Subscribers: []crm.Subscriber{
			{Name: "a", Purpose: privacy.Billing, Handle: handle},
			{Name: "a", Purpose: "biling"},
			{Name: strings.Repeat("x", 49), Purpose: privacy.Billing, Handle: handle},
		},
	})
	f, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok, err)
	var fields []string
	for _, v := range f.Violations {
		fields = append(fields, v.Field)
	}
	require.Equal(t, []string{
		"Config.Region", "Config.Extensions[0]", "Config.SLA.targets", "Config.Subscribers[1].Name", "Config.Subscribers[1].Purpose",
		"Config.Subscribers[1].Handle", "Config.Subscribers[2].Name", "Config.Poll",
	}, fields)
}

// A purpose of the host's own is known to sessions, to consents and to the send gate alike.
func TestAPurposeOfTheHosts(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		const recall personal.Purpose = "recall"
		purposes, err := privacy.DefaultPurposes().With(privacy.Purpose{Name: recall, Bases: []privacy.Basis{privacy.OnConsent}})
		require.NoError(t, err)
		c, err := crm.New(t.Context(), b.Write, b.Dialect, &crm.Config{KMS: keys.NewMemory(), Purposes: purposes})
		require.NoError(t, err)
		s := c.As(ident.User("acme", "u-1", "admin"), recall)
		ada, err := s.Customers.Create(t.Context(), customer.PersonDraft{Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "a@example.com"}}})
		require.NoError(t, err)
		deliver := func(key string) privacy.Decision {
			d, _ := s.Sends.Deliver(t.Context(), privacy.Send{Key: key, Subject: ada.ID, Channel: privacy.ByEmail},
				func(context.Context, personal.Text) error { return nil })
			return d
		}
		require.Equal(t, privacy.WasNotAsked, deliver("one").Code)
		_, err = s.Consents.Give(t.Context(), privacy.ConsentDraft{
			Subject: ada.ID, Channel: privacy.ByEmail, Notice: privacy.NoticeOf("r-1", "Tell me of recalls."), Act: privacy.Ticked,
		})
		require.NoError(t, err)
		require.True(t, deliver("two").Allowed)
	})
}

func TestAServerThatCannotBeReachedIsNamed(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct{ more, want string }{
		"nobody there":     {" host=/nowhere", "host /nowhere"},
		"no such database": {" dbname=nothing_here", "SQLSTATE 3D000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			pool, err := pgxpool.New(t.Context(), dbtest.Postgres(t).DSN()+tc.more)
			require.NoError(t, err)
			defer pool.Close()
			_, err = postgres.FromPool(t.Context(), pool, &crm.Config{KMS: keys.NewMemory()})
			isFault(t, err, fault.Unavailable, "", "cannot connect", tc.want)
			isFault(t, postgres.Migrate(t.Context(), pool), fault.Unavailable, "", "cannot connect", tc.want)
		})
	}
}
