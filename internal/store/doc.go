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
// Start with [DB].
package store
