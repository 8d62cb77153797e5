// Package corestore keeps what every domain leaves behind or relies on: audit rows, events, dispatch rows, timelines,
// timers, idempotency keys, access records, custom field definitions, settings of tenants and claims.
//
//	s := corestore.New(corestore.Config{DB: db, Derive: keyring.Derive})
//	engine := &work.Engine{Units: db, Recorder: s, Accesses: s, ...}
//	fields, err := custom.New(custom.Config{Registry: registry, Store: s})
//	claims := claim.New(engine, s.Claims())
//
// Start with [New].
package corestore
