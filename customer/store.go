package customer

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
)

// Store keeps customers and what belongs to them. Every method works on the call's unit and in its tenant.
//
// Reads go through the resolution set: a customer that was merged into another stands for that one, and what
// belongs to a merged customer is read with the survivor's.
type Store interface {
	CustomerStore
	RelationshipStore
}

// CustomerStore keeps customers with their points, external ids and stages.
type CustomerStore interface {
	// Customers must return the store of customers with their points and external ids. It must follow ids that were merged,
	// and read sensitive fields only with a lock or when the call reveals. A key that is taken must be a Conflict with
	// reason "taken" and the field: "id", "ext[1]", "points[0].value". Listings are of live, unmerged customers; a search
	// finds customers by their own names or those of customers merged into them.
	Customers() work.Store[Customer]
	// Rows must return the same store for reading customers without points and external ids, as cheaply as possible.
	Rows() work.Store[Customer]
	// StageChanges must return the moves through the lifecycle, by version.
	StageChanges() work.Lines[StageChange]
	// CheckCustomers must return, for each of some new customers in order, the Conflict that saving it would return after
	// those before it, or nil. given reports whether some have ids of the host's.
	CheckCustomers(ctx context.Context, c *work.Call, recs []*Customer, given bool) ([]error, error)
	// ByExt must return the live customer, after merging, that has the external id; ok is false when none has.
	ByExt(ctx context.Context, c *work.Call, ext ident.Ext) (id ident.ID, ok bool, err error)
	// ByExts must do what ByExt does for many external ids; those that nobody has are left out.
	ByExts(ctx context.Context, c *work.Call, exts []ident.Ext) (map[ident.Ext]ident.ID, error)
	// ByPoint must return the live customers, after merging, that have the normalized value on a live point of one of
	// two channels, which share a blind index or are the same; in order of id, at most limit, each once.
	ByPoint(ctx context.Context, c *work.Call, value string, limit int, channels [2]personal.Channel) ([]ident.ID, error)
	// ResolutionSet must return the survivor's id and those of the customers merged into it.
	ResolutionSet(ctx context.Context, c *work.Call, id ident.ID) ([]ident.ID, error)
}

// RelationshipStore keeps relationships.
type RelationshipStore interface {
	// Relationships must return the store of relationships.
	Relationships() work.Store[Relationship]
	// Ancestors must return every customer reached from rel.To by relationships of rel's type that share a day with rel,
	// from their From to their To, rel.To included, and lock these and rel.From, so that of two calls whose results
	// would make a circle together the later one sees what the earlier one has stored. A chain longer than depth is
	// LimitExceeded, unless rel.From is on it.
	Ancestors(ctx context.Context, c *work.Call, rel *Relationship, depth int) ([]ident.ID, error)
}
