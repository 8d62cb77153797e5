// Package outbox is the one durable queue: it carries events to subscribers and plugins, and timers to their
// handlers.
//
// A write leaves one dispatch row. The relay turns it into one delivery per consumer that wants its events. A
// delivery is claimed under a lease, only when no earlier delivery of the same consumer and record is open, so each
// consumer sees the events of a record in order. Delivery is at least once: a handler that runs on a unit commits its
// effects together with the end of the delivery and therefore takes effect once; a batch handler, which runs outside
// any transaction, must drop what it has seen.
//
// A failed delivery is tried again with growing pauses and becomes a dead letter after the last attempt; dead letters
// no longer hold up the record and can be inspected, replayed and discarded.
//
// Start with [Relay].
package outbox
