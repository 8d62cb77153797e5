// Package customerstore keeps customers, their points, relationships and interactions in the CRM's database: rows,
// statements, sealing; no rights and no rules. It implements customer.Store over package store.
//
// A customer is read by two statements: its row, then its points with the wrapped key and its external ids. Nothing
// is decrypted before it is revealed. A page of a list is read by two statements as well. Customers that others were
// merged into tell so in their row; only they pay for a look at the resolution set.
//
// Start with [New].
package customerstore
