package custom

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenantcache"
	"github.com/rapport-crm/rapport/core/work"
)

// Config is what [Schemas] need.
type Config struct {
	Registry *schema.Registry // required: the built-in entities; complete before the first call
	Store    Store            // required
	// Clock measures the age of what is cached and nothing else. Defaults to time.Now.
	Clock func() time.Time
}

// Schemas implements [work.Schemas] over the registry and the tenants' definitions. It is safe for concurrent use.
type Schemas struct {
	registry *schema.Registry
	store    Store
	cache    *tenantcache.Cache[entities]
}

// entities are those that have custom fields, by name.
type entities map[string]*schema.Entity

var _ work.Schemas = (*Schemas)(nil)

// NewSchemas returns the entities as tenants see them.
//
// Errors: Invalid naming a missing part of the configuration.
func NewSchemas(c Config) (*Schemas, error) {
	if c.Registry == nil || c.Store == nil {
		return nil, fault.New(fault.Invalid, "custom: Config wants Registry and Store")
	}
	s := &Schemas{registry: c.Registry, store: c.Store}
	s.cache = tenantcache.New(tenantcache.Config[entities]{Version: c.Store.Version, Load: s.load, Clock: c.Clock})
	return s, nil
}

// Entity implements [work.Schemas]: the entity with the tenant's custom fields, as the unit sees them. An unknown name is
// an Invalid fault that names the nearest one.
func (s *Schemas) Entity(ctx context.Context, u work.Unit, tenant, name string) (*schema.Entity, error) {
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
func (s *Schemas) load(ctx context.Context, u work.Unit, tenant string) (entities, int64, error) {
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

// layout loads the tenant's schema on the call's unit.
func (s *Schemas) layout(ctx context.Context, c *work.Call) (*Layout, error) {
	list, version, err := s.store.Definitions(ctx, c.Unit, c.Tenant())
	if err != nil {
		return nil, err
	}
	l := &Layout{Fields: list}
	l.ID, l.Version = LayoutID, version
	return l, nil
}

// save stores what a verb has changed: one definition.
func (s *Schemas) save(ctx context.Context, c *work.Call, before, after *Layout) error {
	for i, d := range changed(before, after) {
		if i > 0 {
			return fault.New(fault.Internal, "one definition at a time")
		}
		if err := s.store.Define(ctx, c.Unit, c.Tenant(), d, before.Version); err != nil {
			return err
		}
	}
	return nil
}

// Service makes the façade of custom fields. It is immutable and safe for concurrent use.
type Service struct {
	schemas *Schemas
	layouts *work.Records[Layout, *Layout]
}

// New returns a Service, which writes with an engine whose Schemas are schemas. Both are required.
func New(e *work.Engine, schemas *Schemas) *Service {
	return &Service{schemas, work.NewRecords(e, kind, &work.Single[Layout, *Layout]{Load: schemas.layout, Store: schemas.save})}
}

// Sources returns the records of each of [Kinds], without their Go type.
func (s *Service) Sources() []work.Source { return []work.Source{s.layouts.Source()} }

// In returns the custom fields of the scope's tenant.
func (s *Service) In(scope *work.Scope) Fields { return Fields{s, scope} }
