// Package crm is the front door of Rapport: a CRM that lives inside a Go program and its own database.
//
//	c, err := sqlite.Open(ctx, "crm.db", nil) // or postgres.FromPool, or crm.New over any *sql.DB
//	s := c.As(ident.User("acme", "u-17", "sales").InTeams("emea"), privacy.Sales)
//	ada, err := s.Customers.Create(ctx, customer.PersonDraft{Given: "Ada", Family: "Lovelace"})
//
// A [Session] says who acts, in which tenant and why; no operation exists without one. Its fields are the
// aggregates: Customers, Interactions, Leads, Opportunities, Pipelines, Cases, Consents, Sends, Schema, Settings,
// Claims; and Plugins and Outbox, for those who run the CRM.
//
// The host owns its database and its transactions: [Session.InTx] begins one, [Session.Join] works inside one the
// host has begun, and whoever began it ends it. Nothing runs in the background before [CRM.Start].
//
// Start with [CRM] and [Session].
package crm
