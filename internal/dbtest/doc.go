// Package dbtest gives tests a real PostgreSQL, and connections that fail on
// purpose.
//
// The server is a throw-away cluster in a short temporary directory, reachable
// over a Unix socket only. It starts once per test process, on first use, and
// dies with the process even when that is killed:
//
//	func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }
//
//	func TestSomething(t *testing.T) {
//		dsn := dbtest.Postgres(t).Database(t) // fresh and empty, dropped at the end
//		...
//	}
//
// Main is a courtesy: it stops the server and removes its files at once.
// Without it the kernel stops the server when the process ends, and a later
// test process removes the files.
//
// These environment variables matter:
//
//   - CRM_TEST_DSN names a running server to use instead; its user must be
//     allowed to create databases.
//   - CRM_PG_BINDIR is the directory that holds initdb and postgres. Defaults to
//     what PATH and the usual installation directories offer.
//   - CRM_REQUIRE_PG=1 makes a test fail, not skip, where no server can be had.
//
// [Chaos] wraps any driver connector, or the wire beneath PostgreSQL's driver,
// and injects faults: an error before or after a statement, a lost reply, a
// killed connection.
//
// [Each] runs a test on every database the product supports. Start with [Each], or with [Postgres] for a bare server.
package dbtest
