package custom

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
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

// entities are those that a tenant has given fields, and its own ones, by name.
type entities map[string]*schema.Entity

var _ work.Schemas = (*Schemas)(nil)

// NewSchemas returns the entities as tenants see them. It panics when a required field of the Config is missing: that is a
// programmer's error.
func NewSchemas(c Config) *Schemas {
	if c.Registry == nil || c.Store == nil {
		panic("custom: NewSchemas wants Registry and Store")
	}
	s := &Schemas{registry: c.Registry, store: c.Store}
	s.cache = tenantcache.New(tenantcache.Config[entities]{Version: c.Store.Version, Load: s.load, Clock: c.Clock})
	return s
}

// Entity implements [work.Schemas]: the entity with the tenant's custom fields, as the unit sees them. An unknown name is
// an Invalid fault that names the nearest one.
func (s *Schemas) Entity(ctx context.Context, u work.Unit, tenant, name string) (*schema.Entity, error) {
	base, err := s.base(name)
	_, own := schema.FamilyOf(name)
	if err != nil || !own && !base.HasCustom() {
		return base, err
	}
	all, err := s.cache.Get(ctx, u, tenant)
	if err != nil {
		return nil, err
	}
	if e := all[name]; e != nil {
		return e, nil
	}
	if own {
		return nil, all.missing(name)
	}
	return base, nil
}

// base returns what all tenants have of an entity: of their own ones the family.
func (s *Schemas) base(name string) (*schema.Entity, error) {
	if family, own := schema.FamilyOf(name); own && family == Family {
		name = family
	}
	return s.registry.Entity(name)
}

// missing is the answer for an object that the tenant has not defined, or has retired.
func (own entities) missing(name string) error {
	if key := strings.TrimPrefix(name, Family+"."); schema.CheckKey(key) != nil {
		return fault.Field("entity", "is no object's name: want object. and the key it was defined with, such as object.boat")
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(own)), func(n string) bool {
		_, ok := schema.FamilyOf(n)
		return !ok
	})
	if near := rule.Nearest(name, names); near != "" {
		return fault.Field("entity", "the tenant has no object %q in use: did you mean %q?", name, near)
	}
	return fault.Field("entity", "the tenant has no object %q in use: define it with DefineObject", name)
}

// load joins the registry with one tenant's definitions.
func (s *Schemas) load(ctx context.Context, u work.Unit, tenant string) (entities, int64, error) {
	l, err := s.store.Layout(ctx, u, tenant)
	if err != nil {
		return nil, 0, err
	}
	by := map[string][]schema.Field{}
	for _, o := range l.Objects {
		if !o.Retired {
			by[o.Entity()] = nil
		}
	}
	for _, d := range l.Fields {
		if _, own := schema.FamilyOf(d.Entity); own && !l.has(d.Entity) || d.Retired {
			continue
		}
		by[d.Entity] = append(by[d.Entity], d.Field())
	}
	out := make(entities, len(by))
	for _, name := range slices.Sorted(maps.Keys(by)) {
		base, err := s.base(name)
		if err != nil {
			continue // an entity of a module or an extension that this process does not have
		}
		e, err := base.With(by[name]...)
		if err != nil {
			return nil, 0, fault.Wrap(fault.Internal, err, "stored definitions of a %s do not fit", name)
		}
		out[name] = e.Named(name)
	}
	return out, l.Version, nil
}

// layout loads the tenant's schema on the call's unit.
func (s *Schemas) layout(ctx context.Context, c *work.Call) (*Layout, error) {
	l, err := s.store.Layout(ctx, c.Unit, c.Tenant())
	if err == nil {
		l.ID = LayoutID
	}
	return l, err
}

// save stores what a verb has changed: one definition of a field or of an object.
func (s *Schemas) save(ctx context.Context, c *work.Call, before, after *Layout) error {
	fields := changed(before.Fields, after.Fields, fieldOrder, sameField)
	objects := changed(before.Objects, after.Objects, objectOrder, func(a, b Object) bool { return a == b })
	switch {
	case len(fields)+len(objects) > 1:
		return fault.New(fault.Internal, "one definition at a time")
	case len(fields) == 1:
		return s.store.Define(ctx, c.Unit, c.Tenant(), fields[0], before.Version)
	case len(objects) == 1:
		return s.store.DefineObject(ctx, c.Unit, c.Tenant(), objects[0], before.Version)
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
