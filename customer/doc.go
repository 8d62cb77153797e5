// Package customer is the customer master: people, organizations and groups, how to reach them, and how they relate to
// each other. What happens with them is in package activity.
//
//	ada, err := s.Customers.Create(ctx, customer.PersonDraft{
//		Given: "Ada", Family: "Lovelace",
//		Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "ada@example.org"}},
//	})
//	rel, err := s.Customers.Relate(ctx, customer.RelationshipDraft{
//		Type: customer.Employment, From: ada.ID, To: acme.ID, Role: "decision maker",
//	})
//
// A [Customer] is the party root of all three kinds, so relationships, contact points, consents and the timeline
// need one reference. Drafts take plain strings; records hold [personal.Text], which never prints itself.
//
// Sensitive fields, such as the tax id, are masked in every record that comes out; [Customers.Reveal] shows them and keeps
// record of it.
//
// A customer that was merged into another resolves to it for ever: reads by id, external id, contact point and
// search text give the survivor, and lists leave the merged one out.
//
// Start with [Customers] and [PersonDraft].
package customer
