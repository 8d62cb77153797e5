// Package store is the CRM's way to a database: units (pools, our own transactions, savepoints in a host's),
// registered statements, keyset lists, migrations and the drift check. Each domain has a package of rows and
// statements beneath it.
//
//	var getCase = store.Same("service.get_case", `SELECT id, version FROM crm_case WHERE tenant_id = $1 AND id = $2`)
//
//	err := db.Write(ctx, scope.Unit, func(ctx context.Context, u work.Unit) error {
//		var row caseRow
//		return db.On(u).Get(ctx, getCase, &row, tenant, id)
//	})
//
// Rows go into structs with bun tags: on PostgreSQL straight from the driver's buffers, elsewhere through database/sql
// ([Rows]), and by bun for fields of types this package does not know. Statements are static text with $n arguments,
// which both databases prepare. What differs between the databases is behind [Dialect], which crm/sqlite and crm/postgres
// implement; this package imports no driver.
//
// A round trip to the server costs more than most statements, so on PostgreSQL statements leave together. Writes are
// queued ([Conn.Queue], [Conn.QueueOne]), and so are reads that do not depend on each other ([Conn.GetLater],
// [Conn.SelectLater]). The queue of a transaction is sent with the first statement whose answer somebody needs, or with
// the end of the level; BEGIN, SAVEPOINT, RELEASE and COMMIT travel with it. Where a [Wire] reaches the driver's
// connection, what is sent together is one pipeline. On a host's *sql.Tx the writes are merged into one statement, and
// elsewhere, on SQLite too, statements run one after the other, to the same effect.
//
// Start with [DB].
package store
