package pipeline

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Customers is what the package needs to know of customers.
type Customers interface {
	// Resolve must return every id under which the customer's records may be stored: its own and those of customers
	// merged into it. A customer that does not exist, or that the scope may not see, must be fault.NotFound.
	Resolve(ctx context.Context, s work.Scope, id ident.ID) ([]ident.ID, error)
}

// Zones knows in which time zone a tenant's days begin.
type Zones interface {
	// Zone must return the tenant's zone.
	Zone(ctx context.Context, u work.Unit, tenant string) (*time.Location, error)
}

// Config holds what a [Module] works with.
type Config struct {
	Engine    *work.Engine // required
	Store     Store        // required
	Customers Customers    // required
	Zones     Zones        // zone of opened_on, closed_on and today. Defaults to UTC
	Default   Definition   // stored at its first use where a tenant names no pipeline. Defaults to [Standard]
}

// Module makes the façades of pipelines, leads and opportunities. It is safe for concurrent use.
type Module struct {
	cfg       Config
	leads     *work.Records[Lead, *Lead]
	leadMoves work.Lines[LeadMove]
}

// ModuleName names the module to hosts, in configurations and migrations.
const ModuleName = "pipeline"

// Kinds returns the kinds of records that the module brings.
func Kinds() []*work.Kind { return []*work.Kind{leadKind} }

// New returns a Module. It panics when a required field of the Config is missing: that is a programmer's error.
func New(cfg Config) *Module {
	if cfg.Engine == nil || cfg.Store == nil || cfg.Customers == nil {
		panic("pipeline: New wants Engine, Store and Customers")
	}
	if cfg.Default.Key == "" {
		cfg.Default = Standard()
	}
	return &Module{
		cfg:   cfg,
		leads: work.NewRecords(cfg.Engine, leadKind, cfg.Store.Leads()), leadMoves: cfg.Store.LeadMoves(),
	}
}

// Entities returns the package's entities for the schema registry.
func Entities() []*schema.Entity {
	return []*schema.Entity{
		schema.Of[Pipeline](EntityPipeline), leadKind.Entity, schema.Of[Opportunity](EntityOpportunity),
	}
}

// Pipelines returns the pipelines as a scope sees them.
func (s *Module) Pipelines(scope work.Scope) Pipelines { return Pipelines{s, scope} }

// Leads returns the leads as a scope sees them.
func (s *Module) Leads(scope *work.Scope) Leads { return Leads{s, scope} }

// Opportunities returns the opportunities as a scope sees them.
func (s *Module) Opportunities(scope work.Scope) Opportunities { return Opportunities{s, scope} }

func (s *Module) zone(ctx context.Context, c *work.Call) (*time.Location, error) {
	if s.cfg.Zones == nil {
		return time.UTC, nil
	}
	return s.cfg.Zones.Zone(ctx, c.Unit, c.Tenant())
}

// within returns NotFound for a record outside the rows of the call's access, as for one that does not exist.
func within[T any](c *work.Call, rec *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	if !c.Access.Rows.IsTrue() && c.Access.Rows.Eval(c.Entity.Record(rec)) != rule.Yes {
		return nil, fault.New(fault.NotFound, "no such %s", c.Entity.Name)
	}
	return rec, nil
}

// refused is the answer to a verb that the present state does not allow.
func refused(version int64, format string, args ...any) error {
	f := fault.New(fault.Conflict, format, args...)
	f.Reason, f.Current = "state", version
	return f
}

// reader returns the call with the rights to read, for records of an earlier write under the same key.
func reader(ctx context.Context, c *work.Call) (*work.Call, error) {
	acc, err := c.AccessTo(ctx, c.Entity.Name, work.Read)
	r := *c
	r.Access = acc
	return &r, err
}
