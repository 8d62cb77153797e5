package crm_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
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

		entries, err := legal.Customers.Timeline(ctx, ada.ID, page.Query{})
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
