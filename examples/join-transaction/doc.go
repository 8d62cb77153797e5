// Command join-transaction is a host with users and companies of its own. Signing somebody up writes the host's rows,
// the customers in the CRM and the consent to the newsletter in ONE transaction of the host's: all of it is saved, or
// nothing.
//
//	go run ./examples/join-transaction --db postgres://localhost/shop   # a pgx pool and postgres.Join
//	go run ./examples/join-transaction                                  # database/sql on SQLite and Session.Join
//
// On PostgreSQL it works in a schema of its own, which it drops at the end unless --keep is given. RAPPORT_DSN stands in
// for --db. What a host needs to copy is in postgres.go or sqlite.go, and register.go.
//
// Start with the function signup in postgres.go.
package main
