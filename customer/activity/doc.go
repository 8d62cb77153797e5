// Package activity is what happens with customers: interactions, which are calls, messages and meetings, and the timeline,
// where everything that concerns a customer stands in its order.
//
//	call, err := s.Interactions.Log(ctx, activity.InteractionDraft{
//		Channel: personal.ByPhone, Direction: activity.Inbound, Subject: "Asks for a quote",
//		Participants: []activity.Participant{{Customer: ada.ID, Role: "caller"}},
//	})
//	p, err := s.Interactions.Timeline(ctx, ada.ID, page.Query{Limit: 20})
//
// It knows customers by their ids only. Records of every kind reach the timeline by the write path: a creation stands on
// the timelines of those whom the record belongs to, and so does a verb that says so.
//
// Start with [Interactions] and [InteractionDraft].
package activity
