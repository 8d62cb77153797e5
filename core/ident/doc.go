// Package ident names things and actors: record ids, external ids, tenants and principals.
//
//	id := ident.New()                                         // UUIDv7, ordered by time
//	ext := ident.Ext{System: "users", ID: "42"}               // the same customer in the host's own table
//	me := ident.User("acme", "u-17", "sales").InTeams("emea") // who acts
//
// Every operation of the CRM is done by a [Principal] inside one tenant. Tenant and user ids are the
// host's own strings; they are compared byte by byte and never interpreted.
//
// Start with [User] and [System].
package ident
