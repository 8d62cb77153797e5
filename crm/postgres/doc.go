// Package postgres keeps the CRM in a PostgreSQL database, or in an engine that speaks its language. The driver is
// pgx.
//
//	c, err := postgres.FromPool(ctx, pool, &crm.Config{KMS: kms})
//
// [Join] takes part in a pgx transaction of the host's; a *sql.Tx is joined by the session itself.
//
// Start with [FromPool].
package postgres
