package customer

import (
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// Names of this package's kinds of records.
const (
	EntityCustomer     = "customer"
	EntityRelationship = "relationship"
)

// ModuleName names the module to hosts, in configurations and migrations.
const ModuleName = "customer"

// Config is what a [Module] is made of.
type Config struct {
	Engine    *work.Engine    // required
	Store     Store           // required
	Phones    PhoneNormalizer // Defaults to one that takes international numbers only.
	Region    string          // Region of telephone numbers without a country, of customers without one. Defaults to none.
	Lifecycle []string        // Stages in order; new customers get the first. Defaults to [DefaultLifecycle]. [StageLost] is always there.
}

// Module makes the façade of customers, and tells other domains about them. It is immutable and safe for concurrent use.
type Module struct {
	engine    *work.Engine
	store     Store
	customers *work.Records[Customer, *Customer]
	rows      *work.Records[Customer, *Customer] // customers without points and external ids
	relations *work.Records[Relationship, *Relationship]
	stages    work.Lines[StageChange]
	points    Normalizer
	lifecycle []string
}

// New returns a Module. It panics without an Engine or a Store: that is a programmer's error.
func New(cfg Config) *Module {
	if cfg.Engine == nil || cfg.Store == nil {
		panic("customer: New wants Engine and Store")
	}
	m := &Module{
		engine: cfg.Engine, store: cfg.Store,
		customers: work.NewRecords(cfg.Engine, customerKind, cfg.Store.Customers()),
		rows:      work.NewRecords(cfg.Engine, customerKind, cfg.Store.Rows()),
		relations: work.NewRecords(cfg.Engine, relationKind, cfg.Store.Relationships()),
		stages:    cfg.Store.StageChanges(),
		points:    Normalizer{Phones: cfg.Phones, Region: cfg.Region},
		lifecycle: slices.Clone(cfg.Lifecycle),
	}
	if len(m.lifecycle) == 0 {
		m.lifecycle = DefaultLifecycle()
	}
	return m
}

// Kinds returns the kinds of records that the package brings.
func Kinds() []*work.Kind { return []*work.Kind{customerKind, relationKind} }

// Sources returns the records of each of [Kinds], in that order, without their Go types.
func (m *Module) Sources() []work.Source {
	return []work.Source{m.customers.Source(), m.relations.Source()}
}

// Customers returns the customers as the scope sees them.
func (m *Module) Customers(scope *work.Scope) Customers { return Customers{m, scope} }

// missing is the one answer for what is not there and what is not the caller's.
func missing(what string) error {
	return fault.New(fault.NotFound, "no such %s, or none that you may see", what)
}
