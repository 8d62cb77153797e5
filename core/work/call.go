package work

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
)

// Call is one operation under way: what a domain's code sees inside both paths. It must not outlive the operation.
type Call struct {
	Scope                 // with Unit set to the open unit
	Engine *Engine        // for nested reads
	Entity *schema.Entity // the entity as the tenant sees it
	Action Action         // what the caller does
	Access Access         // compiled rights for this action
	Now    time.Time      // the instant of the decision

	events  []event.Event
	lines   []Line
	timers  []Timer
	refs    []ident.Ref
	facts   map[string]string
	touched []string
	blind   []schema.Field // sensitive ones that the caller assigns
	veil    veil
}

// Tenant returns the tenant of the call.
func (c *Call) Tenant() string { return c.Principal.Tenant }

// AccessTo compiles the rights to another entity within the same request.
func (c *Call) AccessTo(ctx context.Context, entity string, a Action) (Access, error) {
	return c.Engine.Policy.Access(ctx, c.Scope, entity, a)
}

// Zone returns the time zone in which the tenant's days begin.
func (c *Call) Zone(ctx context.Context) (*time.Location, error) {
	if zones := c.Engine.Zones; zones != nil {
		return zones.Zone(ctx, c.Unit, c.Tenant())
	}
	return time.UTC, nil
}

// Today returns the tenant's day at the instant of the decision.
func (c *Call) Today(ctx context.Context) (date.Date, error) {
	zone, err := c.Zone(ctx)
	return date.FromTime(c.Now, zone), err
}

// Touch marks a field as changed that the schema does not compare, such as the rows of a child table.
func (c *Call) Touch(field string) { c.touched = append(c.touched, field) }

// Refer names another record as affected in the main event.
func (c *Call) Refer(refs ...ident.Ref) { c.refs = append(c.refs, refs...) }

// Fact adds a small non-personal fact to the main event, such as the key of a stage.
func (c *Call) Fact(name, value string) {
	if c.facts == nil {
		c.facts = map[string]string{}
	}
	c.facts[name] = value
}

// Emit adds a further event of the record, after the main one.
func (c *Call) Emit(kind event.Kind, facts map[string]string, refs ...ident.Ref) {
	c.events = append(c.events, event.Event{Kind: kind, Facts: facts, Refs: refs})
}

// Line puts the main event on a customer's timeline at the given instant.
func (c *Call) Line(customer ident.ID, at time.Time) {
	if !customer.IsZero() {
		c.lines = append(c.lines, Line{Customer: customer, At: at})
	}
}

// SetTimer puts due work into the outbox, moving an earlier one of the same key.
func (c *Call) SetTimer(t Timer) { c.timers = append(c.timers, t) }
