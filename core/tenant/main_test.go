package tenant_test

import (
	"context"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store/corestore"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// counting counts what reaches the store.
type counting struct {
	tenant.Store
	reads atomic.Int64
}

func (c *counting) Settings(ctx context.Context, u work.Unit, of string) (tenant.Settings, error) {
	c.reads.Add(1)
	return c.Store.Settings(ctx, u, of)
}

// office is one process with the settings of tenants.
type office struct {
	*dbtest.Lab
	zones   *tenant.Zones
	tenants *tenant.Service
	store   *counting
}

type widget struct {
	schema.Meta
	Custom schema.Values `json:"custom" crm:"custom"`
}

func newOffice(t *testing.T, b dbtest.Backend) *office {
	t.Helper()
	return open(t, dbtest.NewLab(t, b, tenant.Kinds()[0].Entity, schema.Of[widget]("widget")))
}

// open starts a process; several on one Lab are several processes on one database and clock.
func open(t *testing.T, l *dbtest.Lab) *office {
	t.Helper()
	o := &office{Lab: l, store: &counting{Store: corestore.New(corestore.Config{DB: l.DB, Derive: l.Keys.Derive})}}
	o.zones = tenant.NewZones(tenant.Config{Store: o.store, Clock: l.Now})
	o.tenants = tenant.New(l.Engine, o.zones)
	return o
}

func as(of string, roles ...string) work.Scope {
	return work.Scope{Principal: ident.User(of, "u1", roles...), Purpose: personal.Operations}
}

func (o *office) admin(of string) tenant.Tenant { return o.tenants.In(new(as(of, "admin"))) }

func (o *office) zone(t *testing.T, u work.Unit, of string) string {
	t.Helper()
	z, err := o.zones.Zone(t.Context(), u, of)
	require.NoError(t, err)
	return z.String()
}

func zoneIs(name string) tenant.Update { return tenant.Update{Zone: &name} }
