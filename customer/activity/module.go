package activity

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Customers is what the package needs to know of customers.
type Customers interface {
	// ResolveLater must ask for every id under which a customer's records may be stored, the customer's own first, and return
	// what waits for the answer. A customer that is missing, or with which the scope may not do a, must be fault.NotFound.
	ResolveLater(ctx context.Context, s work.Scope, id ident.ID, a work.Action) (wait func(ctx context.Context) ([]ident.ID, error))
}

// Config is what a [Module] is made of.
type Config struct {
	Engine    *work.Engine // required
	Store     Store        // required
	Customers Customers    // required
}

// Module makes the façade of interactions. It is immutable and safe for concurrent use.
type Module struct {
	engine       *work.Engine
	store        Store
	customers    Customers
	interactions *work.Records[Interaction, *Interaction]
}

// New returns a Module. It panics when a field of the Config is missing: that is a programmer's error.
func New(cfg Config) *Module {
	if cfg.Engine == nil || cfg.Store == nil || cfg.Customers == nil {
		panic("activity: New wants Engine, Store and Customers")
	}
	return &Module{
		engine: cfg.Engine, store: cfg.Store, customers: cfg.Customers,
		interactions: work.NewRecords(cfg.Engine, interactionKind, cfg.Store.Interactions()),
	}
}

// Kinds returns the kinds of records that the package brings.
func Kinds() []*work.Kind { return []*work.Kind{interactionKind} }

// Sources returns the records of each of [Kinds], in that order, without their Go types.
func (m *Module) Sources() []work.Source {
	return []work.Source{m.interactions.Source()}
}

// Interactions returns the interactions as the scope sees them.
func (m *Module) Interactions(scope *work.Scope) Interactions { return Interactions{m, scope} }
