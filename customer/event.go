package customer

import "github.com/rapport-crm/rapport/core/event"

// The kinds of event of this package.
const (
	Created        event.Kind = "customer.created"         // by Create, Upsert or Load
	Updated        event.Kind = "customer.updated"         // fields or external ids changed
	Deleted        event.Kind = "customer.deleted"         // soft; external ids are free again
	Restored       event.Kind = "customer.restored"        // a deleted one is back
	PointAdded     event.Kind = "customer.point_added"     // fact point: its id; channel
	PointUpdated   event.Kind = "customer.point_updated"   // fact point
	PointRemoved   event.Kind = "customer.point_removed"   // fact point
	LifecycleMoved event.Kind = "customer.lifecycle_moved" // facts from, to

	Related       event.Kind = "relationship.created" // refs both customers; fact type
	RelationEnded event.Kind = "relationship.ended"   // refs both customers; fact type
)
