package crm

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// EntityDelivery is the name under which the policy grants rights to the queue.
const EntityDelivery = "delivery"

// DeadLetter is a delivery that was given up after its last attempt.
type DeadLetter struct {
	Consumer string     // to whom it could not be delivered: "subscriber:NAME", an extension's id, or a timer
	Event    ident.ID   // the event, or the timer's own id
	Kind     event.Kind // the event's kind
	Record   ident.Ref  // the record it is about
	Attempts int        // how often it was tried
	Code     string     // why the last attempt failed: a fault's code or an extension's word
}

// Backlog counts a tenant's work in the queue.
type Backlog struct {
	Dispatch int64 // writes not yet handed out
	Due      int64 // deliveries and timers due now
	Later    int64 // deliveries waiting for their next attempt, and timers not yet due
	Dead     int64 // dead letters
}

// Outbox shows the tenant's queue of events and timers, and what was given up. Its operations need the right to
// configure the entity "delivery".
type Outbox struct {
	crm   *CRM
	scope *work.Scope
}

// Backlog counts what waits in the queue.
func (d Outbox) Backlog(ctx context.Context) (b Backlog, err error) {
	err = d.read(ctx, "outbox: backlog", func(ctx context.Context, u work.Unit) error {
		found, err := d.crm.relay.Backlog(ctx, u, d.scope.Principal.Tenant, d.now())
		b = Backlog(found)
		return err
	})
	return b, err
}

// Dead returns up to 100 dead letters after an event's id, ordered by it; the zero id begins.
func (d Outbox) Dead(ctx context.Context, after ident.ID) (list []DeadLetter, err error) {
	err = d.read(ctx, "outbox: dead", func(ctx context.Context, u work.Unit) error {
		found, err := d.crm.relay.Dead(ctx, u, d.scope.Principal.Tenant, after, 100)
		list = make([]DeadLetter, len(found))
		for i, l := range found {
			list[i] = DeadLetter(l)
		}
		return err
	})
	return list, err
}

// Replay makes a dead letter due again, with all its attempts.
//
// Errors: NotFound for a letter that is not dead; Invalid for one of no consumer; Denied.
func (d Outbox) Replay(ctx context.Context, l DeadLetter) error {
	return d.letter(ctx, "outbox: replay", l, func(ctx context.Context, u work.Unit) error {
		return d.crm.relay.Replay(ctx, u, d.scope.Principal.Tenant, l.Consumer, l.Event, d.now())
	})
}

// Discard removes a dead letter for good.
//
// Errors: as Replay.
func (d Outbox) Discard(ctx context.Context, l DeadLetter) error {
	return d.letter(ctx, "outbox: discard", l, func(ctx context.Context, u work.Unit) error {
		return d.crm.relay.Discard(ctx, u, d.scope.Principal.Tenant, l.Consumer, l.Event)
	})
}

func (d Outbox) now() time.Time { return d.crm.engine.Now() }

func (d Outbox) allowed(ctx context.Context, u work.Unit) error {
	scope := *d.scope
	scope.Unit = u
	_, err := d.crm.engine.Policy.Access(ctx, scope, EntityDelivery, work.Configure)
	return err
}

func (d Outbox) read(ctx context.Context, op string, fn func(ctx context.Context, u work.Unit) error) error {
	return d.run(ctx, op, d.crm.db.Read, fn)
}

func (d Outbox) letter(ctx context.Context, op string, l DeadLetter, fn func(ctx context.Context, u work.Unit) error) error {
	if m := ident.HostID(l.Consumer); m != "" {
		return fault.At(op, fault.Field("consumer", "%s", m))
	}
	return d.run(ctx, op, d.crm.engine.Units.Write, fn)
}

type runner func(ctx context.Context, u work.Unit, fn func(ctx context.Context, u work.Unit) error) error

func (d Outbox) run(ctx context.Context, op string, run runner, fn func(ctx context.Context, u work.Unit) error) error {
	if err := d.scope.Validate(); err != nil {
		return fault.At(op, err)
	}
	return fault.At(op, run(ctx, d.scope.Unit, func(ctx context.Context, u work.Unit) error {
		if err := d.allowed(ctx, u); err != nil {
			return err
		}
		return fn(ctx, u)
	}))
}
