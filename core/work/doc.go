// Package work has the one write path and the one read path, which every domain runs and nobody can walk around.
//
// Write, in one transaction: action right, load through the row predicate, version, apply, field rights by
// difference, row right on the result, invariants and schema, save, audit row, events and one dispatch row.
//
// Read: action right, one access (row predicate and field mask) for the request, query, mask.
//
// The package declares what it needs ([Units], [Policy], [Recorder], [Schemas]); package crm supplies it.
//
// Start with [Engine].
package work
