package plugin

import (
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
)

// Event is one fact about one record, cut down to what the manifest grants: ids of records whose entity the plugin
// does not read are zero, and so is a reference to them; Changed names declared fields only. It carries no actor and
// no tenant.
type Event struct {
	ID      ident.ID          // stable across retries and replays
	Kind    event.Kind        // what happened
	Record  ident.Ref         // the record it happened to; for a plugin's own events see [Emit]
	Version int64             // its version after the change
	Ordinal int               // place among the events of the same change, from 0
	At      time.Time         // when, UTC
	Changed []string          // declared fields that changed, sorted
	Refs    []ident.Ref       // other records affected
	Facts   map[string]string // small non-personal facts
	// Data is the record as it is at delivery, cut down to the subscription's projection. It has no fields when
	// nothing is declared, or when the record is gone or may not be seen any more.
	Data Record
}
