package customer

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

// Config is what a [Module] is made of.
type Config struct {
	Engine    *work.Engine    // needed
	Store     Store           // needed
	Phones    PhoneNormalizer // Defaults to one that takes international numbers only.
	Region    string          // Region of telephone numbers without a country, of customers without one. Defaults to none.
	Lifecycle []string        // Stages in order; new customers get the first. Defaults to [DefaultLifecycle]. [StageLost] is always there.
}

// Module runs the operations on customers and interactions. It is immutable and safe for concurrent use.
type Module struct {
	engine    *work.Engine
	store     Store
	points    Normaliser
	lifecycle []string
}

// New returns a Module. It panics without an Engine or a Store: that is a programmer's error.
func New(cfg Config) *Module {
	if cfg.Engine == nil || cfg.Store == nil {
		panic("customer: Config.Engine and Config.Store must be set")
	}
	s := &Module{
		engine: cfg.Engine, store: cfg.Store,
		points: Normaliser{Phones: cfg.Phones, Region: cfg.Region}, lifecycle: slices.Clone(cfg.Lifecycle),
	}
	if len(s.lifecycle) == 0 {
		s.lifecycle = DefaultLifecycle()
	}
	return s
}

// Customers returns the customers as the scope sees them.
func (s *Module) Customers(scope work.Scope) Customers { return Customers{s, scope} }

// Interactions returns the interactions as the scope sees them.
func (s *Module) Interactions(scope work.Scope) Interactions { return Interactions{s, scope} }

// visible loads a customer that the call may act on. One it may not see is missing.
func (s *Module) visible(ctx context.Context, c *work.Call, id ident.ID) (*Customer, error) {
	return s.reached(ctx, c, id, s.store.Customer)
}

// locked is visible for a record that is about to change.
func (s *Module) locked(ctx context.Context, c *work.Call, id ident.ID) (*Customer, error) {
	return s.reached(ctx, c, id, s.store.LockCustomer)
}

// reached loads a customer in one of the store's ways, if the call's access covers it.
func (s *Module) reached(ctx context.Context, c *work.Call, id ident.ID,
	load func(context.Context, *work.Call, ident.ID) (*Customer, error),
) (*Customer, error) {
	if id.IsZero() {
		return nil, missing("customer")
	}
	rec, err := load(ctx, c, id)
	if err == nil && !allowed(c, rec) {
		err = missing("customer")
	}
	return rec, err
}

// allowed reports whether the access covers a record of the call's entity.
func allowed(c *work.Call, rec any) bool {
	return c.Access.Rows.IsTrue() || c.Access.Rows.Eval(c.Entity.Record(rec)) == rule.Yes
}

// missing is the one answer for records that are not there and records that are not the caller's.
func missing(what string) error {
	return fault.New(fault.NotFound, "no such %s, or none that you may see", what)
}

// taken is a conflict over a unique value. It names the field, never the value.
func taken(field, format string, args ...any) error {
	f := fault.New(fault.Conflict, format, args...)
	f.Field, f.Reason = field, "taken"
	return f
}
