// Package object keeps the records of kinds that tenants define at run time, such as boats or policies, without a table of
// their own.
//
//	_, err := s.Schema.DefineObject(ctx, custom.Object{Key: "boat", Label: "Boat"})
//	...
//	_, err = s.Schema.Define(ctx, schema.Definition{
//		Entity: "object.boat", Key: "length", Type: rule.TypeFloat, Class: personal.None, Sortable: true})
//	...
//	boats := s.Objects("boat")
//	ghost, err := boats.Create(ctx, object.Draft{Name: "Sea Ghost", Customer: ada.ID, Custom: []schema.Set{length.Set(11.5)}})
//	...
//	long, err := boats.Page(ctx, object.Filter{Query: page.Query{Where: page.Where{Expr: "custom.length > 10.0"}}})
//
// An object is a kind like every other: it has rights, versions, history, events ("object.boat.created"), a place on its
// customer's timeline, and files can be imported into it. A right to "object" is one to all of them, a right to
// "object.boat" one to boats.
//
// Start with [Objects].
package object
