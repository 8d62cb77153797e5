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

	events       []event.Event
	lines        []Line
	timers       []Timer
	refs         []ident.Ref
	facts        map[string]string
	touched      []string
	blind        []schema.Field // sensitive ones that the caller assigns
	veil         veil
	lineAt       time.Time    // place of the main event on timelines; zero for none
	before       any          // the record as it was loaded; nil for a creation
	meta         *schema.Meta // of the record as it is saved
	subject      ident.ID     // under whose key its sealed texts lie
	then         []func(ctx context.Context) error
	kept         []kept
	keys         map[ident.ID][]byte // see LearnKey; nil in a read
	asked        map[ident.Ref]any   // see SeenLater; nil but in the write of one record
	failed       error               // of a record that was made beside this one
	incomparable error               // arguments that an idempotency key cannot be kept with
	zone         *time.Location      // once it was asked for
}

// Tenant returns the tenant of the call.
func (c *Call) Tenant() string { return c.Principal.Tenant }

// Actor returns who acts, as histories and events name it.
func (c *Call) Actor() ident.Principal {
	return ident.Principal{Tenant: c.Tenant(), ID: c.Principal.ID, Kind: c.Principal.Kind}
}

// AccessTo compiles the rights to another entity within the same request.
func (c *Call) AccessTo(ctx context.Context, entity string, a Action) (Access, error) {
	return c.Engine.Policy.Access(ctx, c.Scope, entity, a)
}

// Zone returns the time zone in which the tenant's days begin. It asks the store once, and in a batch not at all.
func (c *Call) Zone(ctx context.Context) (zone *time.Location, err error) {
	switch {
	case c.zone != nil:
		return c.zone, nil
	case c.Engine.Zones == nil:
		return time.UTC, nil
	}
	c.zone, err = c.Engine.Zones.Zone(ctx, c.Unit, c.Tenant())
	return c.zone, err
}

// Today returns the tenant's day at the instant of the decision.
func (c *Call) Today(ctx context.Context) (date.Date, error) {
	zone, err := c.Zone(ctx)
	return date.FromTime(c.Now, zone), err
}

// Before returns the record of a verb as it was loaded, or nil for a creation. It must not be changed.
func Before[T any](c *Call) *T {
	rec, _ := c.before.(*T)
	return rec
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

// LineAt puts the main event on the timelines of those whom the record belongs to, at the given instant. A creation stands
// there without it, at the instant of the decision.
func (c *Call) LineAt(at time.Time) { c.lineAt = at }

// Line puts the main event on a customer's timeline whatever the record's fields say.
func (c *Call) Line(customer ident.ID, at time.Time) {
	if !customer.IsZero() {
		c.lines = append(c.lines, Line{Customer: customer, At: at})
	}
}

func (c *Call) timeline(created bool, subjects []ident.ID) []Line {
	at := c.lineAt
	if at.IsZero() && created {
		at = c.Now
	}
	lines := c.lines
	if !at.IsZero() {
		for _, id := range subjects {
			lines = append(lines, Line{Customer: id, At: at})
		}
	}
	return lines
}

// SetTimer puts due work into the outbox, moving an earlier one of the same key.
func (c *Call) SetTimer(t Timer) { c.timers = append(c.timers, t) }

// Then has fn called when the record was saved, for rows that belong to it, such as a line of its history. fn sees the
// record's new version; its writes leave together with the record's own.
func (c *Call) Then(fn func(ctx context.Context) error) { c.then = append(c.then, fn) }

// History keeps lines that belong to records, such as the states they went through.
type History interface {
	// Append must add the lines, in order. They may be queued on the call's unit.
	Append(ctx context.Context, c *Call, lines []HistoryLine) error
}

// HistoryLine is one line of a record's history.
type HistoryLine struct {
	Of      *schema.Meta // the record as the write leaves it: the line has its id and version
	Subject ident.ID     // under whose key sealed texts of the line lie
	Ordinal int64        // place among the lines that the write adds to this history of the record, from 0
	Row     any          // a pointer to the history's own type
}

type kept struct {
	in      History
	ordinal int64
	row     any
}

// Keep adds a line to a history of the record. row is a pointer; it is written when the record was saved.
func (c *Call) Keep(h History, row any) {
	k := kept{in: h, row: row}
	for _, other := range c.kept {
		if other.in == h {
			k.ordinal++
		}
	}
	c.kept = append(c.kept, k)
}

// LearnKey keeps the wrapped key of a subject that a read of this write has come upon, or nil for a subject that has none,
// so that sealing a text does not ask for it again. In a read it does nothing.
func (c *Call) LearnKey(subject ident.ID, wrapped []byte) {
	if c.keys != nil {
		c.keys[subject] = wrapped
	}
}

// LearnedKey returns the wrapped key of a subject, empty for one without a key. known is false when no read has come upon
// the subject.
func (c *Call) LearnedKey(subject ident.ID) (wrapped []byte, known bool) {
	wrapped, known = c.keys[subject]
	return wrapped, known
}

// saved remembers the record that the lines belong to.
func (c *Call) saved(rec schema.Aggregate) { c.meta, c.subject = rec.Base(), c.Entity.KeyHolder(rec) }

// finish writes what belongs to the records of the calls, the lines of each history together.
func (c *Call) finish(ctx context.Context, calls ...*Call) error {
	var order []History
	lines := map[History][]HistoryLine{}
	for _, x := range calls {
		for _, k := range x.kept {
			if _, known := lines[k.in]; !known {
				order = append(order, k.in)
			}
			lines[k.in] = append(lines[k.in], HistoryLine{x.meta, x.subject, k.ordinal, k.row})
		}
		for _, fn := range x.then {
			if err := fn(ctx); err != nil {
				return err
			}
		}
	}
	for _, h := range order {
		if err := h.Append(ctx, c, lines[h]); err != nil {
			return err
		}
	}
	return nil
}
