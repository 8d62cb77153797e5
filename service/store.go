package service

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Store keeps cases and their history. Implementations must be safe for concurrent use. They must seal subject, body
// and notes under the key of the case's customer, and give them back as sealed Text, which is opened when it is
// revealed.
type Store interface {
	// Case must return one case; with lock it must hold it against concurrent writers until the transaction ends. A
	// missing one must be fault.NotFound.
	Case(ctx context.Context, c *work.Call, id ident.ID, lock bool) (*Case, error)
	// SaveCase must write the case and append the entries; before is nil for a creation. It must write nothing and
	// return fault.Conflict, with the current version, when the stored version is not the one of before, or when the
	// id is taken.
	SaveCase(ctx context.Context, c *work.Call, before, after *Case, log []Entry) error
	// ListCases must return the cases of a listing.
	ListCases(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[Case], error)
	// Entries must return the history of a case, oldest first.
	Entries(ctx context.Context, c *work.Call, cs *Case) ([]Entry, error)
}
