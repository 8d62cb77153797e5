package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	addTenant = store.Same("test.add_tenant", `
		INSERT INTO crm_tenant (tenant_id, zone, currency, language, schema_version, updated_at) VALUES ($1, $2, 'EUR', $2, $3, $4)`)
	getTenant   = store.Same("test.get_tenant", `SELECT tenant_id, zone, schema_version, updated_at FROM crm_tenant WHERE tenant_id = $1`)
	listTenants = store.Same("test.list_tenants", `SELECT tenant_id, zone, schema_version, updated_at FROM crm_tenant WHERE tenant_id > $1 ORDER BY tenant_id`)
)

type tenantRow struct {
	TenantID      string     `bun:"tenant_id"`
	Zone          string     `bun:"zone"`
	SchemaVersion int64      `bun:"schema_version"`
	UpdatedAt     store.Time `bun:"updated_at"`
}

var instant = time.Date(2026, 3, 29, 1, 2, 3, 456789000, time.UTC)

func add(ctx context.Context, db *store.DB, u work.Unit, tenant string) error {
	return db.Write(ctx, u, func(ctx context.Context, u work.Unit) error {
		_, err := db.On(u).Exec(ctx, addTenant, tenant, "UTC", 7, instant)
		return err
	})
}

func tenants(t *testing.T, db *store.DB) []string {
	t.Helper()
	var rows []tenantRow
	require.NoError(t, db.On(nil).Select(t.Context(), listTenants, &rows, ""))
	names := []string{}
	for _, r := range rows {
		names = append(names, r.TenantID)
	}
	return names
}

func TestWriteAndRead(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		for range 3 { // the first time a statement is text, then it is prepared
			require.NoError(t, add(t.Context(), b.DB, nil, ident.New().String()))
		}
		require.NoError(t, add(t.Context(), b.DB, nil, "acme"))
		var row tenantRow
		require.NoError(t, b.DB.On(nil).Get(t.Context(), getTenant, &row, "acme"))
		require.Equal(t, tenantRow{TenantID: "acme", Zone: "UTC", SchemaVersion: 7, UpdatedAt: store.Time(instant)}, row)
		err := b.DB.On(nil).Get(t.Context(), getTenant, &row, "other")
		require.ErrorIs(t, err, store.ErrNoRow)
		require.Equal(t, fault.NotFound, fault.CodeOf(err))
		require.Len(t, tenants(t, b.DB), 4)
	})
}

func TestFailedSavepointLeavesTheTransactionUsable(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			require.NoError(t, add(ctx, b.DB, u, "one"))
			err := add(ctx, b.DB, u, "one")
			require.True(t, store.Duplicate(err), "%v", err)
			require.Equal(t, fault.Conflict, fault.CodeOf(err))
			return add(ctx, b.DB, u, "two")
		})
		require.NoError(t, err)
		require.Equal(t, []string{"one", "two"}, tenants(t, b.DB))
	})
}

func TestErrorAndPanicRollBack(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		mine := errors.New("mine")
		err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			require.NoError(t, add(ctx, b.DB, u, "gone"))
			return mine
		})
		require.ErrorIs(t, err, mine)
		require.Panics(t, func() {
			_ = b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
				require.NoError(t, add(ctx, b.DB, u, "gone"))
				panic("host")
			})
		})
		require.Empty(t, tenants(t, b.DB))
	})
}
