// Package claim has exclusive resources with a time limit: booths, technician slots, rooms, licence seats.
//
//	hold, err := s.Claims.Acquire(ctx, claim.Request{
//		Keys:   []claim.Key{{Namespace: "hall-3", Key: "B12"}, {Namespace: "hall-3", Key: "B13"}},
//		Holder: ident.Ref{Entity: "opportunity", ID: o.ID},
//		For:    15 * time.Minute,
//	})                                       // both or none; taken ones are a Conflict with reason "taken"
//	hold, err = s.Claims.Commit(ctx, hold.ID) // sold: no time limit any more
//
// A key has at most one live holder at any instant. A hold that has run out is over at once: no job sweeps it, and
// whoever comes next takes the key.
//
// Start with [Claims].
package claim
