package corestore_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

func TestDefinitions(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		f := newBundle(t, b)
		fields := f.fields.In(new(scope("")))
		tier := schema.Definition{Entity: "customer", Key: "tier", Type: rule.TypeText, Label: "Tier", Class: personal.None, Enum: []string{"gold", "silver"}, MaxLen: 10}
		size := schema.Definition{Entity: "customer", Key: "size", Type: rule.TypeFloat, Class: personal.None, Required: true}
		for _, d := range []schema.Definition{tier, size} {
			_, err := fields.Define(t.Context(), d)
			require.NoError(t, err)
		}
		layout, err := f.store.Layout(t.Context(), nil, tenant)
		require.NoError(t, err)
		require.EqualValues(t, 2, layout.Version)
		require.Equal(t, []schema.Definition{size, tier}, layout.Fields)
		tier.Enum, tier.Label = nil, ""
		_, err = fields.Define(t.Context(), tier)
		require.NoError(t, err)
		require.NoError(t, fields.Retire(t.Context(), "customer", "size"))
		layout, err = f.store.Layout(t.Context(), nil, tenant)
		require.NoError(t, err)
		require.EqualValues(t, 4, layout.Version)
		size.Retired = true
		require.Equal(t, []schema.Definition{size, tier}, layout.Fields)
		e, err := f.schemas.Entity(t.Context(), nil, tenant, "customer")
		require.NoError(t, err)
		_, ok := e.Field("custom.tier")
		require.True(t, ok)
		_, ok = e.Field("custom.size")
		require.False(t, ok)
		layout, err = f.store.Layout(t.Context(), nil, "other")
		require.NoError(t, err)
		require.Zero(t, layout.Version)
		require.Empty(t, layout.Fields)
		require.Equal(t, 4, count(t, b, "crm_event WHERE tenant_id = $1 AND kind = 'schema.changed'"))
	})
}

func TestDefinitionsDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		f := newBundle(t, b)
		d := schema.Definition{Entity: "customer", Key: "a", Type: rule.TypeInt, Class: personal.None}
		for _, from := range []int64{1, 7} {
			err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return b.DB.Write(ctx, u, define(f, d, from)) })
			require.Equal(t, fault.Retryable, fault.CodeOf(err))
		}
		require.NoError(t, b.DB.Write(t.Context(), nil, define(f, d, 0)))
		err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return b.DB.Write(ctx, u, define(f, d, 0)) })
		require.Equal(t, fault.Retryable, fault.CodeOf(err))
		require.NoError(t, b.DB.Write(t.Context(), nil, define(f, d, 1)))
	})
}

func define(f *bundle, d schema.Definition, from int64) func(context.Context, work.Unit) error {
	return func(ctx context.Context, u work.Unit) error { return f.store.Define(ctx, u, tenant, d, from) }
}

func TestAFieldMadeSortableIsIndexed(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		f := newBundle(t, b)
		const n = 1300
		require.NoError(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			_, err := b.DB.On(u).BulkLoad(ctx, "crm_customer", []string{"tenant_id", "id", "version", "kind", "lifecycle", "lifecycle_since", "custom", "created_at", "updated_at", "created_by"},
				func(yield func([]any, error) bool) {
					for i := range n {
						var v schema.Values
						if i%13 > 0 {
							v.Set("size", rule.Int(int64(i)))
						}
						if !yield([]any{tenant, ident.New(), 1, "person", "lead", instant, store.JSON(v.Encode()), instant, instant, "test"}, nil) {
							return
						}
					}
				})
			return err
		}))
		fields := f.fields.In(new(scope("")))
		d := schema.Definition{Entity: "customer", Key: "size", Type: rule.TypeInt, Class: personal.None, Sortable: true}
		_, err := fields.Define(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, n-n/13, count(t, b, "crm_field_index WHERE tenant_id = $1 AND field = 'size' AND entity = 'customer'"))
		d.Sortable = false
		_, err = fields.Define(t.Context(), d)
		require.NoError(t, err)
		require.Zero(t, count(t, b, "crm_field_index WHERE tenant_id = $1"))
	})
}
