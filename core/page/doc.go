// Package page has the words of lists: what to filter and sort by, one page of results, and cursors.
//
//	for o, err := range s.Opportunities.All(ctx, pipeline.OpportunityFilter{Query: page.Query{
//		Sort:  "-amount",
//		Where: page.Where{Expr: "custom.tier == tier", Args: map[string]any{"tier": t}},
//	}}) { ... }
//
// Lists are keyset pages: a cursor holds the place after the last record, never an offset, so a page costs the same
// however deep it lies, and records that come or go do not shift it.
//
// Start with [Query].
package page
