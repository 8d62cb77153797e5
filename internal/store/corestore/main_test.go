package corestore_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/internal/store/corestore"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

const tenant = "acme"

var instant = time.Date(2026, 3, 29, 1, 2, 3, 456789000, time.UTC)

// policy lets everybody do everything, but users see their own records only.
type policy struct{}

func (policy) Access(_ context.Context, s work.Scope, _ string, _ work.Action) (work.Access, error) {
	if s.Principal.Kind == ident.KindUser {
		return work.Access{Level: work.LevelOwn, Rows: rule.Eq("owner_user", rule.Text(s.Principal.ID))}, nil
	}
	return work.Access{Level: work.LevelAll}, nil
}

// bundle is the core over one database.
type bundle struct {
	dbtest.Backend
	store   *corestore.Store
	schemas *custom.Schemas
	fields  *custom.Service
	claims  *claim.Service
	now     time.Time
}

func derive(_ context.Context, tenant, label string) (key [32]byte, err error) {
	copy(key[:], tenant+label)
	return key, nil
}

func newBundle(t *testing.T, b dbtest.Backend) *bundle {
	t.Helper()
	people := &work.Kind{Table: "crm_customer", Entity: schema.Of[struct {
		schema.Meta
		Custom schema.Values `crm:"custom"`
	}]("customer")}
	s := corestore.New(corestore.Config{DB: b.DB, Derive: derive, Kinds: []*work.Kind{people}})
	registry, err := schema.NewRegistry(claim.Kinds()[0].Entity, custom.Kinds()[0].Entity, people.Entity)
	require.NoError(t, err)
	out := &bundle{Backend: b, store: s, now: instant}
	out.schemas = custom.NewSchemas(custom.Config{Registry: registry, Store: s})
	engine := &work.Engine{
		Units: b.DB, Policy: policy{}, Recorder: s, Accesses: s, Schemas: out.schemas, NewID: ident.New,
		Now: func() time.Time { return out.now },
	}
	out.fields = custom.New(engine, out.schemas)
	out.claims = claim.New(engine, s.Claims())
	return out
}

func scope(user string) work.Scope {
	p := ident.System(tenant, "test")
	if user != "" {
		p = ident.User(tenant, user, "sales")
	}
	return work.Scope{Principal: p, Purpose: personal.Operations}
}

// count runs a query of one number; $1 is the tenant.
func count(t *testing.T, b dbtest.Backend, from string, args ...any) int {
	t.Helper()
	var n int
	q := store.Same("test.count", "SELECT count(*) FROM "+from)
	require.NoError(t, b.DB.On(nil).Get(t.Context(), q, &n, append([]any{tenant}, args...)...))
	return n
}

func traces(id ident.ID, version int64) work.Record {
	s := scope("")
	s.Source = personal.Source{System: "signup", Ref: "r1"}
	rec := ident.Ref{Entity: "customer", ID: id}
	events := make([]event.Event, 2)
	for i := range events {
		events[i] = event.Event{
			ID: ident.New(), Tenant: tenant, Kind: "customer.updated", Record: rec, Version: version, Ordinal: i,
			Actor: s.Principal, Purpose: s.Purpose, At: instant, Changed: []string{"name"},
			Refs: []ident.Ref{{Entity: "case", ID: ident.New()}}, Facts: map[string]string{"stage": "won"},
		}
	}
	return work.Record{
		Op: "customer: update", Scope: s, Action: work.Edit, Record: rec, Version: version, Changed: []string{"name", "owner_user"},
		At: instant, Events: events, Timeline: []work.Line{{Customer: id, At: instant.Add(-time.Hour), Event: 1}},
		OwnerUser: "u-1",
	}
}
