package crm_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/access"
)

func TestP3ATaxIDStandsNowhereInClear(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		const canary = "nachtigall"
		ctx, s := t.Context(), h.admin()
		ada, err := s.Once("form-1").Customers.Create(ctx, customer.PersonDraft{Given: "Ada", TaxID: canary + " 1"})
		require.NoError(t, err)
		_, err = s.Once("form-2").Customers.Update(ctx, ada.ID, 1, customer.Update{Given: new("Augusta"), TaxID: new(canary + " 2")})
		require.NoError(t, err)
		rows := func(yield func(customer.Draft, error) bool) {
			_ = yield(customer.OrganizationDraft{Name: "ACME GmbH", TaxID: canary + " 3"}, nil) &&
				yield(customer.GroupDraft{Name: "Family", TaxID: canary + "\x00"}, nil)
		}
		report, err := s.Customers.Load(ctx, rows, nil)
		require.NoError(t, err)
		require.Equal(t, 1, report.Created)
		require.NotContains(t, fmt.Sprint(report.Faults), canary)
		require.NoError(t, h.Drain(ctx))
		legal := s.For(privacy.Legal)
		revealed, err := legal.Customers.Reveal(ctx, ada.ID)
		require.NoError(t, err)
		require.Equal(t, canary+" 2", revealed.TaxID.Reveal())
		for table, rows := range h.dump(t) {
			require.NotContains(t, strings.ToLower(rows), canary, table)
		}
		require.Contains(t, h.dump(t)["crm_access"], "tax_id")
		for _, e := range h.events {
			require.NotContains(t, fmt.Sprintf("%+v", e), canary)
		}

		entries, err := legal.Interactions.Timeline(ctx, ada.ID, page.Query{})
		require.NoError(t, err)
		got, err := legal.Customers.Get(ctx, ada.ID)
		require.NoError(t, err)
		list, err := legal.Customers.Page(ctx, customer.Filter{})
		require.NoError(t, err)
		shown, err := json.Marshal(personal.Revealed([]any{entries, got, list}))
		require.NoError(t, err)
		require.NotContains(t, string(shown), canary)
		require.Contains(t, string(shown), `"tax_id":null`)
	})
}

// One record of each reading, which the host's rollback takes back with everything else.
func TestARevealInAHostsTransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		acme, err := h.admin().Customers.Create(t.Context(), customer.OrganizationDraft{Name: "ACME", TaxID: "DE 1"})
		require.NoError(t, err)
		read := func(s *crm.Session) {
			rec, err := s.Customers.Reveal(t.Context(), acme.ID)
			require.NoError(t, err)
			require.Equal(t, "DE 1", rec.TaxID.Reveal())
		}
		manager := h.As(ident.User("acme", "u-2", "manager").InTeams("emea"), privacy.Legal)
		for want, end := range []func(*sql.Tx) error{(*sql.Tx).Rollback, (*sql.Tx).Commit} {
			tx, err := h.Write.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			read(manager.Join(tx))
			require.NoError(t, end(tx))
			require.Equal(t, want, h.rows(t, "crm_access"))
		}
	})
}

// Who may change a tax id but not see it learns nothing by writing it and taking that back.
func TestATaxIDCannotBeGuessedByWritingIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		admin := h.admin()
		with, err := admin.Customers.Upsert(t.Context(), ident.Ext{System: "erp", ID: "1"}, customer.OrganizationDraft{Name: "ACME", TaxID: "DE 1"})
		require.NoError(t, err)
		without, err := admin.Customers.Create(t.Context(), customer.OrganizationDraft{Name: "Umbrella"})
		require.NoError(t, err)
		for who, s := range map[string]*crm.Session{
			"no right": h.As(ident.User("acme", "u-2", "service"), privacy.Legal),
			"no need":  h.As(ident.User("acme", "u-1", "admin"), privacy.Sales),
		} {
			for name, write := range map[string]func(s *crm.Session) (customer.Customer, error){
				"right": func(s *crm.Session) (customer.Customer, error) {
					return s.Customers.Update(t.Context(), with.ID, 0, customer.Update{TaxID: new("DE 1")})
				},
				"wrong": func(s *crm.Session) (customer.Customer, error) {
					return s.Customers.Update(t.Context(), with.ID, 0, customer.Update{TaxID: new("DE 2")})
				},
				"right, by upsert": func(s *crm.Session) (customer.Customer, error) {
					return s.Customers.Upsert(t.Context(), ident.Ext{System: "erp", ID: "1"}, customer.OrganizationDraft{TaxID: "DE 1"})
				},
				"none to clear": func(s *crm.Session) (customer.Customer, error) {
					return s.Customers.Update(t.Context(), without.ID, 0, customer.Update{Clear: []string{"tax_id"}})
				},
			} {
				err := s.InTx(t.Context(), func(_ context.Context, s *crm.Session) error {
					rec, err := write(s)
					require.NoError(t, err, name)
					require.Equal(t, int64(2), rec.Version, "%s, %s", who, name)
					return errBack
				})
				require.ErrorIs(t, err, errBack)
			}
		}
		same, err := admin.For(privacy.Legal).Customers.Update(t.Context(), with.ID, 0, customer.Update{TaxID: new("DE 1")})
		require.NoError(t, err)
		require.Equal(t, int64(1), same.Version, "who may see it writes nothing that is there already")
	})
}

// A name that is hidden finds nobody, although it stands in the same index as one that is shown.
func TestSearchNeedsEveryName(t *testing.T) {
	t.Parallel()
	names := []string{"name", "given", "family"}
	var roles []access.Role
	for _, hidden := range names {
		roles = append(roles, access.Role{Name: "no-" + hidden, Rights: []access.Right{{Entity: "customer", Read: work.LevelAll, Hide: []string{hidden}}}})
	}
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		h := houseOf(t, b, roles...)
		_, err := h.admin().Customers.Create(t.Context(), customer.PersonDraft{Name: "Lady Lovelace", Given: "Augusta"})
		require.NoError(t, err)
		for _, hidden := range names {
			_, err := h.As(ident.User("acme", "u-3", "no-"+hidden), privacy.Sales).Customers.Search(t.Context(), "Augusta", 0)
			require.ErrorIs(t, err, fault.ErrDenied, hidden)
		}
	})
}
