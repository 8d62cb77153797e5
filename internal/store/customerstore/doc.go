// Package customerstore keeps customers, their points, relationships and interactions in the CRM's database: rows,
// statements, sealing; no rights and no rules. It implements customer.Store and activity.Store over package store.
//
// Customers have statements of their own, because every request reads them: a customer's row, and its points and external
// ids, are asked for together, and on PostgreSQL a page of a list is one statement with both. Nothing is decrypted before
// it is revealed. The row of a customer that others were merged into says so; only such customers pay for a look at the
// resolution set. Relationships and interactions are tables of package store.
//
// Start with [New].
package customerstore
