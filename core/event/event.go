package event

import (
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
)

// Kind names what happened, as entity.verb in the past: "customer.created", "opportunity.moved".
type Kind string

// Event is one fact about one record. It is immutable once stored and delivered at least once to each consumer,
// under the same ID each time.
type Event struct {
	ID      ident.ID          // stable across retries and replays; consumers drop what they have seen
	Tenant  string            // tenant of the record
	Kind    Kind              // what happened
	Record  ident.Ref         // the record it happened to
	Version int64             // the record's version after the change
	Ordinal int               // place among the events of the same change, from 0
	Actor   ident.Principal   // who did it; roles and teams are not kept
	Purpose personal.Purpose  // why
	At      time.Time         // when, UTC, to the microsecond
	Changed []string          // names of the fields that changed, sorted; never their values
	Refs    []ident.Ref       // other records affected
	Facts   map[string]string // small non-personal facts of the kind, such as the stage's key; nil when none
}
