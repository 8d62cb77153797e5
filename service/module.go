package service

import (
	"context"

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

// Config holds what a [Module] works with.
type Config struct {
	Engine    *work.Engine // required
	Store     Store        // required
	Customers Customers    // required
	SLA       *SLA         // due times. Defaults to [DefaultSLA]
}

// Module makes the façade of cases and handles their timers. It is safe for concurrent use.
type Module struct {
	cfg Config
	sla SLA
}

// New returns a Module, or an Invalid fault that names what is wrong with the SLA. It panics when a required field
// of the Config is missing: that is a programmer's error.
func New(cfg Config) (*Module, error) {
	if cfg.Engine == nil || cfg.Store == nil || cfg.Customers == nil {
		panic("service: New wants Engine, Store and Customers")
	}
	sla := DefaultSLA()
	if cfg.SLA != nil {
		sla = cfg.SLA.withDefaults()
	}
	if err := sla.Validate(); err != nil {
		var v fault.Violations
		v.AddAll("Config.SLA", err)
		return nil, fault.At("service: new", v.Err())
	}
	return &Module{cfg, sla}, nil
}

// Entities returns the package's entities for the schema registry.
func Entities() []*schema.Entity { return []*schema.Entity{schema.Of[Case](EntityCase)} }

// Cases returns the cases as a scope sees them.
func (s *Module) Cases(scope work.Scope) Cases { return Cases{s, scope} }

// within returns NotFound for a record outside the rows of the call's access, as for one that does not exist.
func within(c *work.Call, cs *Case, err error) (*Case, error) {
	if err != nil {
		return nil, err
	}
	if !c.Access.Rows.IsTrue() && c.Access.Rows.Eval(c.Entity.Record(cs)) != rule.Yes {
		return nil, fault.New(fault.NotFound, "no such %s", c.Entity.Name)
	}
	return cs, nil
}
