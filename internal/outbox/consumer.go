package outbox

import (
	"context"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// TimerPrefix begins the consumer name of timers: "timer:" and the timer's kind.
const TimerPrefix = "timer:"

// Consumer is somebody who gets events, or the handler of one kind of timer. Exactly one of its functions is set.
type Consumer struct {
	Name  string       // durable: a renamed consumer is a new one; at most 100 bytes
	Kinds []event.Kind // the kinds it wants; nil means all

	// Handle runs inside the transaction that ends the delivery.
	Handle func(ctx context.Context, u work.Unit, e event.Event) error
	// Batch runs outside any transaction. It must return one Result per event; the events are of different records.
	Batch func(ctx context.Context, tenant string, es []event.Event) []event.Result
	// Timer runs inside the transaction that ends the timer; Name is TimerPrefix + kind.
	Timer func(ctx context.Context, u work.Unit, tenant string, t Due) error
}

// Due is a timer that has come due.
type Due struct {
	Kind   event.Kind // names the handler
	Key    string     // the key it was set under
	Record ident.Ref  // the record it concerns
	At     time.Time  // when it was due
}

// wants reports whether the consumer takes events of the kind.
func (c *Consumer) wants(k event.Kind) bool {
	return c.Timer == nil && (c.Kinds == nil || slices.Contains(c.Kinds, k))
}
