package tenant

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/tenantcache"
	"github.com/rapport-crm/rapport/core/work"
)

// Config is what a [Service] needs.
type Config struct {
	Store Store // required
	// Clock measures the age of what is cached and nothing else. Defaults to time.Now.
	Clock func() time.Time
}

// Service implements [work.Zones] over the tenants' settings. It is safe for concurrent use.
type Service struct {
	store  Store
	zones  *tenantcache.Cache[*time.Location]
	engine *work.Engine
}

var _ work.Zones = (*Service)(nil)

// New returns a Service. It answers [Service.Zone] at once; [Service.In] wants [Service.Bind] first, because the engine
// needs the Service as its Zones.
//
// Errors: Invalid when the configuration has no Store.
func New(c Config) (*Service, error) {
	if c.Store == nil {
		return nil, fault.New(fault.Invalid, "tenant: Config wants Store")
	}
	s := &Service{store: c.Store}
	s.zones = tenantcache.New(tenantcache.Config[*time.Location]{Version: s.version, Load: s.load, Clock: c.Clock})
	return s, nil
}

// Bind gives the Service the engine that writes the settings. It is called once, before the first In.
func (s *Service) Bind(e *work.Engine) { s.engine = e }

// In returns the settings of the scope's tenant.
func (s *Service) In(scope work.Scope) Tenant { return Tenant{s, scope} }

// Zone implements [work.Zones]. It nearly always costs no statement.
//
// Errors: Unavailable with reason "zone" when the host's time zone data does not know the zone, though that of the host
// which set it did.
func (s *Service) Zone(ctx context.Context, u work.Unit, tenant string) (*time.Location, error) {
	return s.zones.Get(ctx, u, tenant)
}

func (s *Service) version(ctx context.Context, u work.Unit, tenant string) (int64, error) {
	set, err := s.store.Settings(ctx, u, tenant)
	return set.Version, err
}

func (s *Service) load(ctx context.Context, u work.Unit, tenant string) (*time.Location, int64, error) {
	set, err := s.settings(ctx, u, tenant)
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

func (s *Service) settings(ctx context.Context, u work.Unit, tenant string) (*Settings, error) {
	set, err := s.store.Settings(ctx, u, tenant)
	if err != nil {
		return nil, err
	}
	set.fill()
	return &set, nil
}
