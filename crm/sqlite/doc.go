// Package sqlite keeps the CRM in a SQLite file of its own, or in one of the host's. The driver is modernc.org/sqlite,
// which needs no C compiler.
//
//	c, err := sqlite.Open(ctx, "crm.db", nil)
//
// One connection writes and several read, so a read never waits for a write; several processes may share the file.
//
// Start with [Open].
package sqlite
