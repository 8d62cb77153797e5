// Package crmtest helps a host to test what it builds on the CRM: an opened CRM in memory, a clock that only moves
// when told, events to wait for, and short ways to make records.
//
//	c := crmtest.Open(t, nil)
//	s := c.As(ident.User("acme", "u-1", "admin"), privacy.Sales)
//	ada := c.Person(s, "Ada", "Lovelace")
//	c.Clock.Advance(48 * time.Hour)
//	c.Drain()
//	c.RequireEvent(customer.Created, ada.ID)
//
// Start with [Open].
package crmtest
