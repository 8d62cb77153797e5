package crm

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule/cel"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/customer/phone"
	"github.com/rapport-crm/rapport/internal/boundary"
	"github.com/rapport-crm/rapport/internal/module"
	"github.com/rapport-crm/rapport/internal/outbox"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/internal/store/corestore"
	"github.com/rapport-crm/rapport/internal/store/customerstore"
	"github.com/rapport-crm/rapport/internal/store/pipelinestore"
	"github.com/rapport-crm/rapport/internal/store/privacystore"
	"github.com/rapport-crm/rapport/internal/store/servicestore"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/access"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

// parts is the house put together: the engine of both paths, the domains over their stores, and the queue.
type parts struct {
	db        *store.DB
	keys      *keys.Ring
	engine    *work.Engine
	fields    *custom.Service
	tenants   *tenant.Service
	claims    *claim.Service
	customers *customer.Module
	talks     *activity.Module
	objects   *object.Module
	pipelines *pipeline.Module
	cases     *service.Module
	office    *privacy.Module
	relay     *outbox.Relay
	boundary  *boundary.Boundary
	sources   map[string]work.Source // by the name of their kind
}

// build joins the domains. It is the only place that knows all of them.
func (c *CRM) build(db *store.DB) (err error) {
	c.db = db
	c.keys = keys.NewRing(c.cfg.KMS, privacystore.Keys(db), c.Now)
	core := corestore.New(corestore.Config{DB: db, Derive: c.keys.Derive, Kinds: c.cfg.kinds()})
	if err := c.buildEngine(core); err != nil {
		return err
	}
	c.claims = claim.New(c.engine, core.Claims())
	people := customerstore.New(db, c.keys)
	c.customers = customer.New(customer.Config{Engine: c.engine, Store: people, Phones: phone.Normalizer{}, Region: c.cfg.Region})
	c.talks = activity.New(activity.Config{Engine: c.engine, Store: people, Customers: c.customers})
	c.objects = object.New(c.engine, people.Objects())
	c.pipelines = pipeline.New(pipeline.Config{Engine: c.engine, Store: pipelinestore.New(db)})
	c.cases = service.New(service.Config{Engine: c.engine, Store: servicestore.New(db, c.keys), SLA: c.cfg.SLA})
	c.engine.Subjects = c.customers
	c.office = privacy.New(privacy.Config{
		Engine: c.engine, Store: privacystore.New(db, c.keys), Keys: c.keys, Addresses: c.customers,
		Purposes: c.cfg.Purposes,
	})
	c.listSources(c.furtherSources(),
		c.fields.Sources(), c.tenants.Sources(), c.claims.Sources(),
		c.customers.Sources(), c.talks.Sources(), c.pipelines.Sources(), c.cases.Sources(), c.office.Sources(),
	)
	if c.boundary, err = c.buildBoundary(); err != nil {
		return err
	}
	c.relay = outbox.New(outbox.Config{
		DB: db, Consumers: c.consumers(), Now: c.Now, NewID: c.cfg.NewID, Logger: c.cfg.Logger, Poll: c.cfg.Poll,
	})
	db.OnCommit(c.relay.Wake)
	return nil
}

// furtherSources builds the records of further modules in use.
func (c *CRM) furtherSources() (out []work.Source) {
	for _, m := range c.cfg.further {
		if c.cfg.has(Module(m.Name)) {
			out = append(out, m.Build(module.Parts{Engine: c.engine, DB: c.db, Keys: c.keys})...)
		}
	}
	return out
}

// listSources makes the records of the modules known by the names of their kinds, to whoever refers to them, too.
func (c *CRM) listSources(modules ...[]work.Source) {
	c.sources, c.engine.Referees = map[string]work.Source{}, map[string]work.Referee{}
	for _, source := range slices.Concat(modules...) {
		name := source.Kind().Name()
		c.sources[name], c.engine.Referees[name] = source, source
	}
	c.engine.Referees[customer.EntityCustomer] = c.customers // answers for whom others were merged into as well
}

func (c *CRM) buildEngine(core *corestore.Store) error {
	registry, err := c.cfg.registry()
	if err != nil {
		return err
	}
	schemas := custom.NewSchemas(custom.Config{Registry: registry, Store: core})
	zones := tenant.NewZones(tenant.Config{Store: core})
	rules, err := cel.New(cel.Config{})
	if err != nil {
		return err
	}
	policy := c.cfg.Policy
	if policy == nil {
		if policy, err = access.New(access.DefaultRoles(c.cfg.kinds()), c.cfg.Purposes); err != nil {
			return err
		}
	}
	policy = boundary.Policy(policy, c.cfg.Extensions)
	c.engine = &work.Engine{
		Units: c.db, Policy: policy, Recorder: boundary.Recorder(core), Audit: core, Accesses: core, Schemas: schemas, Rules: rules,
		Cursors: &cursors{keys: c.keys}, Zones: zones, Now: c.Now, NewID: c.cfg.NewID,
	}
	c.fields, c.tenants = custom.New(c.engine, schemas), tenant.New(c.engine, zones)
	return nil
}

// session binds every façade to a scope, which they share.
func (c *CRM) session(scope work.Scope) *Session {
	out := &Session{crm: c, scope: scope}
	s := &out.scope
	out.Customers, out.Interactions = c.customers.Customers(s), c.talks.Interactions(s)
	out.Leads, out.Opportunities, out.Pipelines = c.pipelines.Leads(s), c.pipelines.Opportunities(s), c.pipelines.Pipelines(s)
	out.Cases, out.Consents, out.Sends = c.cases.Cases(s), c.office.Consents(s), c.office.Sends(s)
	out.Schema, out.Settings, out.Claims = c.fields.In(s), c.tenants.In(s), c.claims.In(s)
	out.Plugins, out.Outbox = c.plugins(s), Outbox{c, s}
	return out
}

// Now returns the instant by the CRM's clock, in UTC and to the microsecond, as both databases keep it.
func (c *CRM) Now() time.Time { return c.cfg.Clock().UTC().Truncate(time.Microsecond) }

// cursors seals page positions with a key of the tenant.
type cursors struct {
	keys   *keys.Ring
	codecs sync.Map // tenant → *page.Codec
}

func (c *cursors) codec(ctx context.Context, tenant string) (*page.Codec, error) {
	if x, ok := c.codecs.Load(tenant); ok {
		return x.(*page.Codec), nil //nolint:forcetypeassert // only codecs are stored
	}
	key, err := c.keys.Derive(ctx, tenant, "cursor")
	if err != nil {
		return nil, err
	}
	x, err := page.NewCodec(key[:])
	if err != nil {
		return nil, err
	}
	c.codecs.Store(tenant, x)
	return x, nil
}

func (c *cursors) Seal(ctx context.Context, tenant string, p page.Position) (string, error) {
	x, err := c.codec(ctx, tenant)
	if err != nil {
		return "", err
	}
	return x.Seal(tenant, p), nil
}

func (c *cursors) Open(ctx context.Context, tenant, cursor string) (page.Position, error) {
	x, err := c.codec(ctx, tenant)
	if err != nil {
		return page.Position{}, err
	}
	return x.Open(tenant, cursor)
}
