package corestore_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	tenants "github.com/rapport-crm/rapport/core/tenant" // tenant is the tests' own
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// The row of a tenant has two writers, each with a version of its own.
func TestSettingsAndDefinitionsShareARow(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		f, ctx := newBundle(t, b), t.Context()
		save := func(zone string, from int64) error {
			var set tenants.Settings
			set.Zone, set.Version = zone, from+1
			return b.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error { return f.store.SaveSettings(ctx, u, tenant, set, from) })
		}
		versions := func() [2]int64 {
			set, err := f.store.Settings(ctx, nil, tenant)
			require.NoError(t, err)
			schema, err := f.store.Version(ctx, nil, tenant)
			require.NoError(t, err)
			return [2]int64{set.Version, schema}
		}
		d := schema.Definition{Entity: "customer", Key: "a", Type: rule.TypeInt, Class: personal.None}
		require.Equal(t, [2]int64{0, 0}, versions())
		require.NoError(t, save("UTC", 0))
		require.Equal(t, [2]int64{1, 0}, versions())
		require.NoError(t, b.DB.Write(ctx, nil, define(f, d, 0)))
		require.Equal(t, [2]int64{1, 1}, versions())
		require.Equal(t, fault.Retryable, fault.CodeOf(save("Asia/Shanghai", 0)))
		require.NoError(t, save("Europe/Berlin", 1))
		require.Equal(t, [2]int64{2, 1}, versions())
		set, err := f.store.Settings(ctx, nil, tenant)
		require.NoError(t, err)
		require.Equal(t, "Europe/Berlin", set.Zone)
		require.Empty(t, set.Currency)
	})
}

// Each transaction looks before the other commits, so that both mean to make the row.
func TestTwoTransactionsMakeTheRow(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		f, ctx := newBundle(t, b), t.Context()
		d := schema.Definition{Entity: "customer", Key: "a", Type: rule.TypeInt, Class: personal.None}
		later := make(chan error, 1)
		require.NoError(t, b.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
			var set tenants.Settings
			set.Zone, set.Version = "Europe/Berlin", 1
			if err := f.store.SaveSettings(ctx, u, tenant, set, 0); err != nil {
				return err
			}
			if _, err := f.store.Settings(ctx, u, tenant); err != nil { // so that the row has been sent
				return err
			}
			go func() { later <- b.DB.Write(t.Context(), nil, define(f, d, 0)) }()
			return nil
		}))
		require.NoError(t, <-later)
		set, err := f.store.Settings(ctx, nil, tenant)
		require.NoError(t, err)
		require.Equal(t, "Europe/Berlin", set.Zone)
		version, err := f.store.Version(ctx, nil, tenant)
		require.NoError(t, err)
		require.Equal(t, int64(1), version)
	})
}
