// Package servicestore keeps cases and their history in the CRM's database: rows, statements and the sealing of what
// people wrote; no rights and no rules. It implements service.Store over package store.
//
// Start with [New].
package servicestore
