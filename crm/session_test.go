package crm_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

func TestASessionWithoutTenantPrincipalOrPurposeIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		for name, s := range map[string]*crm.Session{
			"tenant":    h.As(ident.System("", "job"), privacy.Sales),
			"principal": h.As(ident.User("acme", "", "admin"), privacy.Sales),
			"purpose":   h.As(ident.System("acme", "job"), ""),
			"zero":      h.As(ident.Principal{}, ""),
		} {
			_, err := s.Customers.Page(t.Context(), customer.Filter{})
			require.ErrorIs(t, err, fault.ErrInvalid, name)
			_, err = s.Customers.Create(t.Context(), customer.OrganizationDraft{Name: "A"})
			require.ErrorIs(t, err, fault.ErrInvalid, name)
			_, err = s.Outbox.Backlog(t.Context())
			require.ErrorIs(t, err, fault.ErrInvalid, name)
		}
		require.Zero(t, h.rows(t, "crm_customer"))
	})
}

func TestTenantsDoNotMeet(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ours := h.organization(t, h.admin(), "Ours")
		s := h.As(ident.User("umbrella", "u-1", "admin"), privacy.Sales)
		_, err := s.Customers.Get(t.Context(), ours.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = s.Cases.Open(t.Context(), service.CaseDraft{Customer: ours.ID, Subject: "theirs"})
		require.ErrorIs(t, err, fault.ErrNotFound)
		list, err := s.Customers.Page(t.Context(), customer.Filter{})
		require.NoError(t, err)
		require.Empty(t, list.Items)
	})
}

func TestTheOuterSessionInsideATransactionIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		outer := h.admin()
		err := outer.InTx(t.Context(), func(ctx context.Context, _ *crm.Session) error {
			_, err := outer.Customers.Create(ctx, customer.OrganizationDraft{Name: "A"})
			return err
		})
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "InTx")
		require.Zero(t, h.rows(t, "crm_customer"))
	})
}

func TestATransactionSurvivesARefusedWrite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ext := ident.Ext{System: "erp", ID: "7"}
		err := h.admin().InTx(t.Context(), func(ctx context.Context, s *crm.Session) error {
			if _, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: "A", Ext: []ident.Ext{ext}}); err != nil {
				return err
			}
			_, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: "B", Ext: []ident.Ext{ext}})
			require.ErrorIs(t, err, fault.ErrConflict)
			_, err = s.Customers.Create(ctx, customer.OrganizationDraft{Name: "C"})
			return err
		})
		require.NoError(t, err)
		require.Equal(t, 2, h.rows(t, "crm_customer"))
		require.Equal(t, 2, h.rows(t, "crm_event"))
		require.Equal(t, 2, h.rows(t, "crm_audit"))
		require.Equal(t, 2, h.rows(t, "crm_dispatch"))
	})
}

func TestAHostsRollbackLeavesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		_, err := h.Write.ExecContext(t.Context(), "CREATE TABLE host_users (id INTEGER PRIMARY KEY)")
		require.NoError(t, err)
		tx, err := h.Write.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		s := h.admin().Join(tx)
		ada, err := s.Customers.Create(t.Context(), customer.PersonDraft{
			Given: "Ada", Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.com"}},
		})
		require.NoError(t, err)
		_, err = s.Cases.Open(t.Context(), service.CaseDraft{Customer: ada.ID, Subject: "x"})
		require.NoError(t, err)
		_, err = s.SQL().ExecContext(t.Context(), "INSERT INTO host_users VALUES (1)")
		require.NoError(t, err)
		require.NoError(t, tx.Rollback())
		for _, table := range []string{
			"crm_customer", "crm_contact_point", "crm_subject_key", "crm_case", "crm_event", "crm_audit", "crm_dispatch",
			"crm_delivery", "crm_timeline", "host_users",
		} {
			require.Zero(t, h.rows(t, table), table)
		}
		_, err = s.Customers.Get(t.Context(), ada.ID)
		require.Error(t, err, "a session on an ended transaction")
	})
}

func TestAHostsCommitKeepsBothSides(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		_, err := h.Write.ExecContext(t.Context(), "CREATE TABLE host_users (id INTEGER PRIMARY KEY)")
		require.NoError(t, err)
		tx, err := h.Write.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		s := h.admin().Join(tx)
		err = s.InTx(t.Context(), func(ctx context.Context, s *crm.Session) error {
			_, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: "Undone"})
			require.NoError(t, err)
			return errors.New("the inner part is undone")
		})
		require.ErrorContains(t, err, "undone")
		ok := h.organization(t, s, "Kept")
		_, err = tx.ExecContext(t.Context(), "INSERT INTO host_users VALUES (1)")
		require.NoError(t, err)
		require.NoError(t, tx.Commit())
		_, err = h.admin().Customers.Get(t.Context(), ok.ID)
		require.NoError(t, err)
		require.Equal(t, 1, h.rows(t, "crm_customer"))
		require.Equal(t, 1, h.rows(t, "host_users"))
	})
}

func TestAPgxTransactionJoins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		if h.Pool == nil {
			return // SQLite has no pgx transactions
		}
		for _, commit := range []bool{false, true} {
			tx, err := h.Pool.Begin(t.Context())
			require.NoError(t, err)
			err = postgres.Join(t.Context(), h.admin(), tx, func(ctx context.Context, s *crm.Session) error {
				ext := []ident.Ext{{System: "users", ID: "1"}}
				if _, err := s.Customers.Create(ctx, customer.PersonDraft{Given: "Ada", Ext: ext}); err != nil {
					return err
				}
				_, err := s.Customers.Create(ctx, customer.PersonDraft{Given: "Eve", Ext: ext})
				require.ErrorIs(t, err, fault.ErrConflict)
				return nil
			})
			require.NoError(t, err)
			var one int
			require.NoError(t, tx.QueryRow(t.Context(), "SELECT 1").Scan(&one), "the transaction is usable")
			if commit {
				require.NoError(t, tx.Commit(t.Context()))
			} else {
				require.NoError(t, tx.Rollback(t.Context()))
				require.Zero(t, h.rows(t, "crm_customer"))
			}
		}
		require.Equal(t, 1, h.rows(t, "crm_customer"))
	})
}

func TestOnceIsOneRecordForOneKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		s := h.admin().Once("form-1")
		type result struct {
			rec customer.Customer
			err error
		}
		results := make(chan result)
		for range 4 {
			go func() {
				rec, err := s.Customers.Create(t.Context(), customer.OrganizationDraft{Name: "ACME"})
				results <- result{rec, err}
			}()
		}
		ids := map[ident.ID]bool{}
		for range 4 {
			r := <-results
			require.NoError(t, r.err)
			ids[r.rec.ID] = true
		}
		require.Len(t, ids, 1)
		require.Equal(t, 1, h.rows(t, "crm_customer"))
		_, err := s.Customers.Create(t.Context(), customer.OrganizationDraft{Name: "Other"})
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "once"})
	})
}

// A session for another purpose, key or transaction costs one allocation, however many façades there are.
func TestASessionIsCheap(t *testing.T) { //nolint:paralleltest // it counts allocations
	s := newHouse(t, dbtest.SQLite(t)).admin()
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { s = s.Once("key") }), 1.0)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { s = s.For(privacy.Sales) }), 1.0)
}
