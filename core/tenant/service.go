package tenant

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/tenantcache"
	"github.com/rapport-crm/rapport/core/work"
)

// Config is what [Zones] need.
type Config struct {
	Store Store // required
	// Clock measures the age of what is cached and nothing else. Defaults to time.Now.
	Clock func() time.Time
}

// Zones implements [work.Zones] over the tenants' settings. It is safe for concurrent use.
type Zones struct {
	store Store
	cache *tenantcache.Cache[*time.Location]
}

var _ work.Zones = (*Zones)(nil)

// NewZones returns the zones of tenants. It panics when a required field of the Config is missing: that is a programmer's
// error.
func NewZones(c Config) *Zones {
	if c.Store == nil {
		panic("tenant: NewZones wants a Store")
	}
	z := &Zones{store: c.Store}
	z.cache = tenantcache.New(tenantcache.Config[*time.Location]{Version: z.version, Load: z.load, Clock: c.Clock})
	return z
}

// Zone implements [work.Zones]. It nearly always costs no statement.
//
// Errors: Unavailable with reason "zone" when the host's time zone data does not know the zone, though that of the host
// which set it did.
func (z *Zones) Zone(ctx context.Context, u work.Unit, tenant string) (*time.Location, error) {
	return z.cache.Get(ctx, u, tenant)
}

func (z *Zones) version(ctx context.Context, u work.Unit, tenant string) (int64, error) {
	set, err := z.store.Settings(ctx, u, tenant)
	return set.Version, err
}

func (z *Zones) load(ctx context.Context, u work.Unit, tenant string) (*time.Location, int64, error) {
	set, err := z.settings(ctx, u, tenant)
	if err != nil {
		return nil, 0, err
	}
	zone, err := loadZone(set.Zone)
	if err != nil {
		f := fault.New(fault.Unavailable, "this host does not know the tenant's time zone: bring its time zone data up to date: %w", err)
		f.Reason = "zone"
		return nil, 0, f
	}
	return zone, set.Version, nil
}

func (z *Zones) settings(ctx context.Context, u work.Unit, tenant string) (*Settings, error) {
	set, err := z.store.Settings(ctx, u, tenant)
	if err != nil {
		return nil, err
	}
	set.fill()
	return &set, nil
}

// Service makes the façade of settings. It is immutable and safe for concurrent use.
type Service struct {
	zones    *Zones
	settings *work.Records[Settings, *Settings]
}

// New returns a Service, which writes with an engine whose Zones are zones. Both are required.
func New(e *work.Engine, zones *Zones) *Service {
	return &Service{zones, work.NewRecords(e, kind, &work.Single[Settings, *Settings]{
		Load: func(ctx context.Context, c *work.Call) (*Settings, error) {
			return zones.settings(ctx, c.Unit, c.Tenant())
		},
		Store: func(ctx context.Context, c *work.Call, before, after *Settings) error {
			return zones.store.SaveSettings(ctx, c.Unit, c.Tenant(), *after, before.Version)
		},
	})}
}

// Sources returns the records of each of [Kinds], without their Go type.
func (s *Service) Sources() []work.Source { return []work.Source{s.settings.Source()} }

// In returns the settings of the scope's tenant.
func (s *Service) In(scope *work.Scope) Tenant { return Tenant{s, scope} }
