package custom_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store/corestore"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

type widget struct {
	schema.Meta
	Custom schema.Values `json:"custom" crm:"custom"`
}

type plain struct {
	schema.Meta
}

// counting counts what reaches the store.
type counting struct {
	custom.Store
	versions, layouts atomic.Int64
}

func (c *counting) Version(ctx context.Context, u work.Unit, tenant string) (int64, error) {
	c.versions.Add(1)
	return c.Store.Version(ctx, u, tenant)
}

func (c *counting) Layout(ctx context.Context, u work.Unit, tenant string) (*custom.Layout, error) {
	c.layouts.Add(1)
	return c.Store.Layout(ctx, u, tenant)
}

func lab(t *testing.T, b dbtest.Backend) *dbtest.Lab {
	t.Helper()
	return dbtest.NewLab(t, b, schema.Of[widget]("widget"), schema.Of[plain]("plain"))
}

// second is the Service of another process on the same database and clock.
func second(t *testing.T, l *dbtest.Lab) (*custom.Schemas, *counting) {
	t.Helper()
	registry, err := schema.NewRegistry(schema.Of[widget]("widget"), custom.Kinds()[0].Entity)
	require.NoError(t, err)
	store := &counting{Store: corestore.New(corestore.Config{DB: l.DB, Derive: l.Keys.Derive})}
	s := custom.NewSchemas(custom.Config{Registry: registry, Store: store, Clock: l.Now})
	return s, store
}

func admin(tenant string) work.Scope {
	return work.Scope{Principal: ident.User(tenant, "u1", "admin"), Purpose: personal.Operations}
}

func definition(key string) schema.Definition {
	return schema.Definition{Entity: "widget", Key: key, Type: rule.TypeText, Class: personal.None}
}

func sees(t *testing.T, s work.Schemas, u work.Unit, tenant, key string) bool {
	t.Helper()
	e, err := s.Entity(t.Context(), u, tenant, "widget")
	require.NoError(t, err)
	_, ok := e.Field("custom." + key)
	return ok
}

func TestDefineAndRetire(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		l, ctx := lab(t, b), t.Context()
		fields := l.Fields.In(new(admin("acme")))
		require.False(t, sees(t, l.Engine.Schemas, nil, "acme", "tier"))
		f, err := fields.Define(ctx, definition("tier"))
		require.NoError(t, err)
		require.Equal(t, "custom.tier", f.Name)
		require.True(t, sees(t, l.Engine.Schemas, nil, "acme", "tier"), "the next call sees it")
		require.False(t, sees(t, l.Engine.Schemas, nil, "other", "tier"), "another tenant does not")

		changed := definition("tier")
		changed.Enum, changed.Label = []string{"gold"}, "Rank"
		_, err = fields.Define(ctx, changed)
		require.NoError(t, err)
		list, err := fields.Fields(ctx, "widget")
		require.NoError(t, err)
		require.Equal(t, "Rank", list[len(list)-1].Label)

		require.NoError(t, fields.Retire(ctx, "widget", "tier"))
		require.False(t, sees(t, l.Engine.Schemas, nil, "acme", "tier"))
		require.ErrorIs(t, fields.Retire(ctx, "widget", "tier"), fault.ErrNotFound)
		other := definition("tier")
		other.Type = rule.TypeInt
		_, err = fields.Define(ctx, other)
		require.ErrorIs(t, err, fault.ErrInvalid, "its text is still stored")
		changed.Class = personal.Name
		_, err = fields.Define(ctx, changed)
		require.NoError(t, err, "it may become personal")
		for _, class := range []personal.Class{personal.None, personal.Profile} {
			laxer := changed
			laxer.Class = class
			_, err = fields.Define(ctx, laxer)
			f, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok && f.Field == "class", "what was given as personal stays so")
		}
		require.NoError(t, fields.Retire(ctx, "widget", "tier"))
		_, err = fields.Define(ctx, changed)
		require.NoError(t, err)
		require.True(t, sees(t, l.Engine.Schemas, nil, "acme", "tier"))
		layout, err := fields.Layout(ctx)
		require.NoError(t, err)
		require.Equal(t, int64(6), layout.Version)
		require.Len(t, layout.Fields, 1)
	})
}

func TestDefineFaults(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		l, ctx := lab(t, b), t.Context()
		for field, d := range map[string]schema.Definition{
			"entity": {Entity: "widgit", Key: "a", Type: rule.TypeInt, Class: personal.None},
			"class":  {Entity: "widget", Key: "a", Type: rule.TypeText, Class: personal.Contact},
			"key":    {Entity: "widget", Key: "A", Type: rule.TypeInt, Class: personal.None},
			"type":   {Entity: "widget", Key: "a", Class: personal.None},
		} {
			_, err := l.Fields.In(new(admin("acme"))).Define(ctx, d)
			f, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok && f.Code == fault.Invalid, field)
			require.Equal(t, field, f.Field)
		}
		_, err := l.Fields.In(new(admin("acme"))).Define(ctx, schema.Definition{Entity: "plain", Key: "a", Type: rule.TypeInt, Class: personal.None})
		require.ErrorIs(t, err, fault.ErrInvalid)
		seller := admin("acme")
		seller.Principal = ident.User("acme", "u2", "sales")
		_, err = l.Fields.In(&seller).Define(ctx, definition("tier"))
		require.ErrorIs(t, err, fault.ErrDenied)
		require.ErrorIs(t, l.Fields.In(&seller).Retire(ctx, "widget", "tier"), fault.ErrDenied)
	})
}

var errRollback = errors.New("roll back")

func TestDefineInsideATransaction(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		l, ctx := lab(t, b), t.Context()
		require.False(t, sees(t, l.Engine.Schemas, nil, "acme", "tier"))
		define := func(fail error) error {
			return l.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
				scope := admin("acme")
				scope.Unit = u
				_, err := l.Fields.In(&scope).Define(ctx, definition("tier"))
				require.NoError(t, err)
				require.True(t, sees(t, l.Engine.Schemas, u, "acme", "tier"), "its own transaction sees it")
				require.False(t, sees(t, l.Engine.Schemas, nil, "acme", "tier"), "nobody else does")
				return fail
			})
		}
		require.ErrorIs(t, define(errRollback), errRollback)
		require.False(t, sees(t, l.Engine.Schemas, nil, "acme", "tier"))
		require.NoError(t, define(nil))
		require.True(t, sees(t, l.Engine.Schemas, nil, "acme", "tier"), "committed: seen at once")
		l.Advance(10 * time.Minute)
		require.True(t, sees(t, l.Engine.Schemas, nil, "acme", "tier"))
	})
}

func TestOtherProcessesSeeItWithinASecond(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		l, ctx := lab(t, b), t.Context()
		other, store := second(t, l)
		require.False(t, sees(t, other, nil, "acme", "tier"))
		_, err := l.Fields.In(new(admin("acme"))).Define(ctx, definition("tier"))
		require.NoError(t, err)
		for range 100 {
			require.False(t, sees(t, other, nil, "acme", "tier"))
		}
		require.Equal(t, int64(1), store.layouts.Load()+store.versions.Load(), "reading costs no statement")
		l.Advance(time.Second)
		require.True(t, sees(t, other, nil, "acme", "tier"))
		l.Advance(time.Second)
		require.True(t, sees(t, other, nil, "acme", "tier"))
		require.Equal(t, int64(2), store.layouts.Load())
		require.Equal(t, int64(2), store.versions.Load())
	})
}

func TestConcurrentDefinitions(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		l, ctx := lab(t, b), t.Context()
		keys := []string{"a", "b", "c", "d", "e", "f"}
		var wg sync.WaitGroup
		for _, k := range keys {
			wg.Go(func() {
				if _, err := l.Fields.In(new(admin("acme"))).Define(ctx, definition(k)); err != nil {
					t.Errorf("define %s: %v", k, err)
				}
				if !sees(t, l.Engine.Schemas, nil, "acme", k) {
					t.Errorf("%s is not seen after its definition", k)
				}
			})
		}
		wg.Wait()
		layout, err := l.Fields.In(new(admin("acme"))).Layout(ctx)
		require.NoError(t, err)
		require.Len(t, layout.Fields, len(keys))
		require.Equal(t, int64(len(keys)), layout.Version)
	})
}
