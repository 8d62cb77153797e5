package activity

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Store keeps interactions, and reads timelines.
type Store interface {
	// Interactions must return the store of interactions.
	Interactions() work.Store[Interaction]
	// TimelineLater must ask for entries of one customer, newest first, after a place, at most limit, and return what waits
	// for them. Fewer than limit means that there are no more. after may be nil.
	TimelineLater(ctx context.Context, c *work.Call, customer ident.ID, after *Place, limit int) (wait func(ctx context.Context) ([]Entry, error))
}

// Place is a position on a timeline.
type Place struct {
	At    time.Time // when the entry happened
	Event ident.ID  // its event, which breaks ties
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
