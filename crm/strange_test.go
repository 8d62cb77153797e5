package crm_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// isFault requires a fault of a code and reason that says some words.
func isFault(t *testing.T, err error, code fault.Code, reason string, words ...string) {
	t.Helper()
	require.ErrorIs(t, err, &fault.Error{Code: code, Reason: reason})
	for _, w := range words {
		require.ErrorContains(t, err, w)
	}
}

func TestAClosedCRMSaysSo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		s := h.admin()
		acme := h.organization(t, s, "ACME")
		tx, err := h.Write.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		joined := s.Join(tx)
		require.NoError(t, h.CRM.Close(t.Context()))
		require.NoError(t, h.CRM.Close(t.Context()), "twice")

		_, err = joined.Customers.Get(t.Context(), acme.ID)
		require.NoError(t, err, "what is open may end")
		require.NoError(t, tx.Rollback())
		_, err = s.Customers.Get(t.Context(), acme.ID)
		isFault(t, err, fault.Unavailable, "closed", "open it again")
		_, err = s.Customers.Create(t.Context(), customer.OrganizationDraft{Name: "B"})
		isFault(t, err, fault.Unavailable, "closed")
		_, err = s.Join(tx).Customers.Get(t.Context(), acme.ID)
		isFault(t, err, fault.Unavailable, "closed")
		isFault(t, h.CRM.Start(t.Context()), fault.Unavailable, "closed")
		isFault(t, h.CRM.Drain(t.Context()), fault.Unavailable, "closed")
		isFault(t, h.CRM.Check(t.Context()), fault.Unavailable, "closed")
	})
}

func TestAPoolThatTheHostClosedIsNamed(t *testing.T) {
	t.Parallel()

	write, read, err := sqlite.OpenPools(t.Context(), sqlite.Memory)
	require.NoError(t, err)
	require.NoError(t, crm.Migrate(t.Context(), write, sqlite.Dialect))
	c, err := crm.NewPools(t.Context(), crm.Pools{Write: write, Read: read}, sqlite.Dialect, &crm.Config{KMS: keys.NewMemory()})
	require.NoError(t, err)
	require.NoError(t, write.Close())
	_, err = c.As(ident.System("acme", "job"), privacy.Sales).Customers.Get(t.Context(), ident.New())
	isFault(t, err, fault.Unavailable, "closed", "pool")
}

func TestADatabaseThatWasNotMigratedSaysSo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		require.NoError(t, crm.MigrateDown(t.Context(), b.Write, b.Dialect, crm.Modules()...))
		s := newHouse(t, b).admin()
		_, err := s.Customers.Get(t.Context(), ident.New())
		isFault(t, err, fault.Unavailable, "pending", "crm.Migrate")
		_, err = s.Customers.Create(t.Context(), customer.OrganizationDraft{Name: "A"})
		isFault(t, err, fault.Unavailable, "pending", "crm.Migrate")
	})
}

func TestTheWrongDialectIsNamed(t *testing.T) {
	t.Parallel()
	cfg := &crm.Config{KMS: keys.NewMemory()}
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		wrong, words := crm.Dialect(postgres.Dialect), "pgx only"
		if b.Name != "sqlite" {
			wrong, words = sqlite.Dialect, "that driver only"
		}
		_, err := crm.New(t.Context(), b.Write, wrong, cfg)
		require.ErrorContains(t, err, words)
		require.ErrorContains(t, crm.Migrate(t.Context(), b.Write, wrong), words)
	})
}

func TestAHostsSQLiteIsToldAllItsSettingsAtOnce(t *testing.T) {
	t.Parallel()

	file := "file:" + t.TempDir() + "/host.db"
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	defer db.Close()
	_, err = crm.New(t.Context(), db, sqlite.Dialect, &crm.Config{KMS: keys.NewMemory()})
	const add = "_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)"
	isFault(t, err, fault.Invalid, "", add)

	set, err := sql.Open("sqlite", file+"?"+add)
	require.NoError(t, err)
	defer set.Close()
	_, err = crm.New(t.Context(), set, sqlite.Dialect, &crm.Config{KMS: keys.NewMemory()})
	require.NoError(t, err)
}

func TestWhatIsLeftOutIsAFaultAndNoPanic(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		var none context.Context
		s := h.admin()
		_, err := s.Customers.Get(none, ident.New())
		isFault(t, err, fault.Invalid, "", "ctx")
		_, err = s.Customers.Create(none, customer.OrganizationDraft{Name: "A"})
		isFault(t, err, fault.Invalid, "", "ctx")
		isFault(t, s.InTx(none, func(context.Context, *crm.Session) error { return nil }), fault.Invalid, "", "ctx")
		_, err = crm.New(none, h.Write, h.Dialect, &crm.Config{KMS: keys.NewMemory()})
		isFault(t, err, fault.Invalid, "", "ctx")
		isFault(t, crm.Migrate(none, h.Write, h.Dialect), fault.Invalid, "", "ctx")
		isFault(t, crm.Migrate(t.Context(), nil, h.Dialect), fault.Invalid, "", "db")
		isFault(t, crm.MigrateDown(t.Context(), h.Write, nil, crm.ModulePlugin), fault.Invalid, "", "dialect")
		_, err = crm.Pending(t.Context(), nil, h.Dialect)
		isFault(t, err, fault.Invalid, "", "db")
		_, err = crm.Pending(t.Context(), h.Write, nil)
		isFault(t, err, fault.Invalid, "", "dialect")
		_, err = h.As(ident.Principal{Tenant: "acme", ID: "u-1", Kind: "root"}, privacy.Sales).Customers.Get(t.Context(), ident.New())
		isFault(t, err, fault.Invalid, "", "principal")
		if h.Pool == nil {
			return
		}
		isFault(t, postgres.Migrate(t.Context(), nil), fault.Invalid, "", "pool")
		require.NoError(t, pgx.BeginFunc(t.Context(), h.Pool, func(tx pgx.Tx) error {
			isFault(t, postgres.Join(t.Context(), nil, tx, func(context.Context, *crm.Session) error { return nil }), fault.Invalid, "", "session")
			isFault(t, postgres.Join(t.Context(), s, tx, nil), fault.Invalid, "", "function")
			return nil
		}))
	})
}
