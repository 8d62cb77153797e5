package page

import (
	"iter"
	"regexp"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
)

// Limits of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 1000
	MaxExpr      = 4096 // greatest length in bytes of a Where expression
	MaxArgs      = 100  // arguments of a Where
	MaxArg       = 4000 // greatest length in characters of a text argument
	MaxList      = 1000 // elements of a list argument, and values of one filter
	MaxSearch    = 200  // greatest length in characters of a search text
)

// Query is how a list is filtered, sorted and paged. Its zero value is the first 50 records by id.
type Query struct {
	Sort   string // a field's name, "-" in front for descending; "" sorts by id. Blank values come last either way
	Limit  int    // records on a page, 1 to 1000; 0 means 50
	Cursor string // Next of an earlier page of the same query; "" for the first page
	Search string // words that the record's searchable text must have, the last one as a beginning; blank for any, signs only for none
	Where  Where  // further condition
}

// Where is a condition in CEL over the entity's fields, with bound arguments. Arguments are values, never text
// inside the expression, so nothing a user types can change the condition.
type Where struct {
	Expr string         // "custom.tier == tier && created_at > since"; "" for none
	Args map[string]any // "tier": "gold"; see rule.Of for the types
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items"`          // the records in the order of the query; may be fewer than its limit
	Next  string `json:"next,omitempty"` // cursor of the next page, "" on the last
}

// Sort is a parsed Query.Sort.
type Sort struct {
	Field string // "id" by default
	Desc  bool   // greatest first; blank values come last either way
}

var sortField = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,99}$`)

// ParseSort reads a Query.Sort.
func ParseSort(s string) (Sort, error) {
	name, desc := strings.CutPrefix(s, "-")
	if s == "" {
		name = "id"
	}
	if !sortField.MatchString(name) {
		return Sort{}, fault.Field("sort", `want a field name, with "-" in front for descending order, such as "-created_at"`)
	}
	return Sort{Field: name, Desc: desc}, nil
}

// Size returns the page size of the query: its Limit, or the default for 0.
func (q Query) Size() (int, error) {
	switch {
	case q.Limit == 0:
		return DefaultLimit, nil
	case q.Limit < 0 || q.Limit > MaxLimit:
		return 0, fault.Field("limit", "want 1 to %d, have %d", MaxLimit, q.Limit)
	}
	return q.Limit, nil
}

// Position is the place after one record of a list.
type Position struct {
	Query [16]byte // digest of entity, sort and filter: a cursor is good for the query that made it
	Blank bool     // the sort key of the last record was blank
	Key   []byte   // encoded sort key of the last record
	ID    ident.ID // its id, which breaks ties
}

// All turns a function that loads the page at a cursor into a sequence over all records. It stops at the first error.
func All[T any](load func(cursor string) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		cursor := ""
		for {
			p, err := load(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, x := range p.Items {
				if !yield(x, nil) {
					return
				}
			}
			if cursor = p.Next; cursor == "" {
				return
			}
		}
	}
}
