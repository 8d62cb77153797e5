// Package privacystore keeps subject keys, consents, suppressions, sends and decisions in the CRM's database: rows
// and statements, no rights and no decisions. It implements privacy.Store and keys.Store over package store.
//
// Start with [Keys] and [New].
package privacystore
