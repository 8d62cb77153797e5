package customer

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer/names"
)

// Store keeps customers and what belongs to them. Every method works on the call's unit and in its tenant.
//
// Stores know neither rights nor masks, except for the predicates they are given. They seal values of sealed
// classes and give them back as sealed Text, which is opened when it is revealed.
//
// Reads go through the resolution set: a customer that was merged into another stands for that one, and what
// belongs to a merged customer is read with the survivor's.
type Store interface {
	Records
	Lookups
	Histories
	Relations
	Conversations
}

// Records reads and writes customers with their points and external ids.
type Records interface {
	// Customer must return the customer, or the one it was merged into; a missing or deleted one is NotFound.
	Customer(ctx context.Context, c *work.Call, id ident.ID) (*Customer, error)
	// WholeCustomer must do the same and give the sensitive fields too, which Customer and every other read leave out.
	WholeCustomer(ctx context.Context, c *work.Call, id ident.ID) (*Customer, error)
	// LockCustomer must do the same as WholeCustomer and keep others from changing the row until the transaction ends.
	LockCustomer(ctx context.Context, c *work.Call, id ident.ID) (*Customer, error)
	// InsertCustomer must store a new customer with everything that hangs on it. A taken id, external id or
	// verified point is a Conflict with reason "taken" and the field; it leaves nothing behind.
	InsertCustomer(ctx context.Context, c *work.Call, rec *Customer) error
	// CheckCustomers must return, for each of some new customers in order, the Conflict that InsertCustomer would return
	// after those before it, or nil. given tells that some have ids of the host's.
	CheckCustomers(ctx context.Context, c *work.Call, recs []*Customer, given bool) ([]error, error)
	// InsertCustomers must do what InsertCustomer does for many, as fast as the database allows.
	InsertCustomers(ctx context.Context, c *work.Call, recs []*Customer) error
	// UpdateCustomer must store what differs: fields, points, external ids, search terms. A version that moved is a
	// Conflict with the current one; a taken external id or verified point as for InsertCustomer.
	UpdateCustomer(ctx context.Context, c *work.Call, before, after *Customer) error
	// DeleteCustomer must hide the customer from every read, end its points and free its external ids.
	DeleteCustomer(ctx context.Context, c *work.Call, rec *Customer) error
}

// Lookups finds customers.
type Lookups interface {
	// ByExt must return the live customer, after merging, that has the external id; ok is false when none has.
	ByExt(ctx context.Context, c *work.Call, ext ident.Ext) (id ident.ID, ok bool, err error)
	// ByPoint must return the live customers, after merging, that have the normalised value on a live point of one of
	// the channels, which share a blind index; in order of id, at most limit, each once.
	ByPoint(ctx context.Context, c *work.Call, value string, limit int, channels ...personal.Channel) ([]ident.ID, error)
	// Customers must return those of the ids that exist, as Customer does, in no order, each survivor once.
	Customers(ctx context.Context, c *work.Call, ids []ident.ID) ([]Customer, error)
	// ListCustomers must return one page of live, unmerged customers.
	ListCustomers(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[Customer], error)
	// CountCustomers must count live, unmerged customers, and may stop at limit.
	CountCustomers(ctx context.Context, c *work.Call, where rule.Predicate, limit int) (int, error)
	// SearchCustomers must return the live, unmerged customers that the query finds by their own terms or those of
	// customers merged into them, ordered by sort name and id, at most limit.
	SearchCustomers(ctx context.Context, c *work.Call, where rule.Predicate, q names.Query, limit int) ([]Customer, error)
}

// Histories keeps what happened to customers.
type Histories interface {
	// AddStageChange must keep a lifecycle move of the version rec now has.
	AddStageChange(ctx context.Context, c *work.Call, rec *Customer, m StageChange) error
	// StageChanges must return the moves of the resolution set, oldest first, at most 1,000.
	StageChanges(ctx context.Context, c *work.Call, id ident.ID) ([]StageChange, error)
	// TimelineOf must return entries of a survivor and, with merged, of those merged into it, newest first, after a
	// place, at most limit, each event once. Fewer than limit means that there are no more.
	TimelineOf(ctx context.Context, c *work.Call, id ident.ID, merged bool, after *Place, limit int) ([]Entry, error)
	// ResolutionSet must return the survivor's id and those of the customers merged into it.
	ResolutionSet(ctx context.Context, c *work.Call, id ident.ID) ([]ident.ID, error)
}

// Place is a position on a timeline.
type Place struct {
	At    time.Time // when the entry happened
	Event ident.ID  // its event, which breaks ties
}

// Relations keeps relationships.
type Relations interface {
	// Relationship must return one, locked when asked for; a missing one is NotFound.
	Relationship(ctx context.Context, c *work.Call, id ident.ID, lock bool) (*Relationship, error)
	// InsertRelationship must store a new one.
	InsertRelationship(ctx context.Context, c *work.Call, rec *Relationship) error
	// UpdateRelationship must store the fields; a version that moved is a Conflict with the current one.
	UpdateRelationship(ctx context.Context, c *work.Call, before, after *Relationship) error
	// ListRelationships must return one page.
	ListRelationships(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[Relationship], error)
	// Ancestors must return every customer reached from rel.To by relationships of rel's type that share a day with rel,
	// from their From to their To, rel.To included, and lock these and rel.From, so that of two calls whose results
	// would make a circle together the later one sees what the earlier one has stored. A chain longer than depth is
	// LimitExceeded, unless rel.From is on it.
	Ancestors(ctx context.Context, c *work.Call, rel *Relationship, depth int) ([]ident.ID, error)
}

// Conversations keeps interactions.
type Conversations interface {
	// Interaction must return one with its participants; a missing one is NotFound.
	Interaction(ctx context.Context, c *work.Call, id ident.ID) (*Interaction, error)
	// InsertInteraction must store a new one with its participants.
	InsertInteraction(ctx context.Context, c *work.Call, rec *Interaction) error
	// ListInteractions must return one page; with parties only those in which one of them takes part.
	ListInteractions(ctx context.Context, c *work.Call, l work.Listing, parties []ident.ID) ([]work.Row[Interaction], error)
}

// Entry is one thing on a customer's timeline.
type Entry struct {
	At          time.Time    `json:"at"`                    // when it happened
	Event       ident.ID     `json:"event"`                 // the event that put it here
	Kind        event.Kind   `json:"kind"`                  // what happened
	Record      ident.Ref    `json:"record"`                // to which record
	Customer    ident.ID     `json:"customer"`              // whom it concerns: the customer, or one merged into it
	OwnerUser   string       `json:"owner_user,omitempty"`  // owner of the record when it happened
	OwnerTeam   string       `json:"owner_team,omitempty"`  // team of that owner
	Interaction *Interaction `json:"interaction,omitempty"` // the record, when it is an interaction
}
