// Package service has the cases of customers: complaints, requests, questions and returns, each with a state, a
// priority and two clocks.
//
//	c, err := s.Cases.Open(ctx, service.CaseDraft{
//		Customer: ada.ID, Type: service.Complaint, Priority: service.Urgent, Subject: "Printer smokes",
//	})
//	fmt.Println(c.FirstResponseDue, c.ResolutionDue) // 4 h and 48 h later
//	c, err = s.Cases.Reply(ctx, c.ID)                // stops the first clock
//	c, err = s.Cases.Pause(ctx, c.ID, "")            // waits for the customer: the second clock stands still
//	c, err = s.Cases.Resolve(ctx, c.ID, "replaced")
//	c, err = s.Cases.Close(ctx, c.ID, "customer is satisfied")
//
// Clocks count elapsed time, so neither zones nor changes of the hour matter to them. At three quarters of the time
// a case is warned of, at the end it is breached: timers in the outbox raise both, each exactly once.
//
// What people write in a case is sealed under the customer's key.
//
// Start with [Cases].
package service
