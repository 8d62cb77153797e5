// Package event describes what happened to a record. Events carry ids, kinds and field names, never personal text:
// a consumer reads the record through the privacy layer when it needs more.
//
// Events of one record are ordered by (Version, Ordinal). Between records there is no order.
//
// Start with [Event].
package event
