package custom

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenantcache"
	"github.com/rapport-crm/rapport/core/work"
)

// Config is what a [Service] needs.
type Config struct {
	Registry *schema.Registry // required: the built-in entities; complete before the first call
	Store    Store            // required
	// Clock measures the age of what is cached and nothing else. Defaults to time.Now.
	Clock func() time.Time
}

// Service implements [work.Schemas] over the registry and the tenants' definitions. It is safe for concurrent use.
type Service struct {
	registry *schema.Registry
	store    Store
	cache    *tenantcache.Cache[entities]
	engine   *work.Engine
}

// entities are those that have custom fields, by name.
type entities map[string]*schema.Entity

var _ work.Schemas = (*Service)(nil)

// New returns a Service. It answers [Service.Entity] at once; [Service.In] wants [Service.Bind] first, because the
// engine needs the Service as its Schemas.
//
// Errors: Invalid naming a missing part of the configuration.
func New(c Config) (*Service, error) {
	if c.Registry == nil || c.Store == nil {
		return nil, fault.New(fault.Invalid, "custom: Config wants Registry and Store")
	}
	s := &Service{registry: c.Registry, store: c.Store}
	s.cache = tenantcache.New(tenantcache.Config[entities]{Version: c.Store.Version, Load: s.load, Clock: c.Clock})
	return s, nil
}

// Bind gives the Service the engine that writes its definitions. It is called once, before the first In.
func (s *Service) Bind(e *work.Engine) { s.engine = e }

// Entity implements [work.Schemas]: the entity with the tenant's custom fields, as the unit sees them. An unknown name is
// an Invalid fault that names the nearest one.
func (s *Service) Entity(ctx context.Context, u work.Unit, tenant, name string) (*schema.Entity, error) {
	base, err := s.registry.Entity(name)
	if err != nil || !base.HasCustom() {
		return base, err
	}
	own, err := s.cache.Get(ctx, u, tenant)
	if err != nil {
		return nil, err
	}
	if e := own[name]; e != nil {
		return e, nil
	}
	return base, nil
}

// load joins the registry with one tenant's definitions.
func (s *Service) load(ctx context.Context, u work.Unit, tenant string) (entities, int64, error) {
	list, version, err := s.store.Definitions(ctx, u, tenant)
	if err != nil {
		return nil, 0, err
	}
	by := map[string][]schema.Field{}
	for _, d := range list {
		if !d.Retired {
			by[d.Entity] = append(by[d.Entity], d.Field())
		}
	}
	out := make(entities, len(by))
	for name, fields := range by {
		base, err := s.registry.Entity(name)
		if err != nil {
			continue // an extension's entity that this process does not have
		}
		e, err := base.With(fields...)
		if err != nil {
			return nil, 0, fault.Wrap(fault.Internal, err, "stored definitions of a %s do not fit", name)
		}
		out[name] = e
	}
	return out, version, nil
}

// In returns the custom fields of the scope's tenant.
func (s *Service) In(scope work.Scope) Fields { return Fields{s, scope} }
