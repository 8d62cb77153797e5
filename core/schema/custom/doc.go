// Package custom keeps the fields that tenants add to entities, and shows every entity as its tenant sees it.
//
//	_, err := s.Schema.Define(ctx, schema.Definition{
//		Entity: "customer", Key: "tier", Type: rule.TypeText, Class: personal.None, Enum: []string{"gold", "silver"}})
//	...
//	ada, err = s.Customers.Update(ctx, ada.ID, ada.Version, customer.Update{Custom: []schema.Set{Tier.Set("gold")}})
//
// Defining needs the right "configure" on the entity "schema". A definition is seen by the next call in the same
// process, by the rest of its own transaction, and within a second by other processes.
//
// Start with [Fields].
package custom
