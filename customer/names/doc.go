// Package names has the forms a name takes besides its own: the normal form that is stored, the display form of a
// person, the folded key lists sort by, and the tokens search compares.
//
//	names.Display("Ada", "Lovelace")   // "Ada Lovelace"
//	names.Display("小龙", "李")          // "李小龙": family first, no space
//	names.SortKey("Émile  Zola")       // "emile zola"
//	names.Tokens("Müller & Söhne")     // ["muller" "sohne"]
//
// Everything is computed here, in Go, and stored; so both databases sort and find alike, whatever collations and
// text parsers they have.
//
// Start with [SortKey] and [Tokens].
package names
