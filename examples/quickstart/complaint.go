package main

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

// showComplaint opens an urgent complaint and shows when an answer and a solution are due.
func showComplaint(ctx context.Context, c *crm.CRM, me ident.Principal, from ident.ID, tell *story) (caseFact, error) {
	tell.step("A complaint comes in")
	s := c.As(me, privacy.Service)
	cs, err := s.Cases.Open(ctx, service.CaseDraft{
		Customer: from, Type: service.Complaint, Priority: service.Urgent,
		Subject: "The stand has no power", Body: "We open tomorrow at nine.",
	})
	if err != nil {
		return caseFact{}, err
	}
	tell.say("   Urgent, opened %s: answer due %s, solution due %s.", cs.CreatedAt.Format(time.DateTime),
		cs.FirstResponseDue.Format(time.DateTime), cs.ResolutionDue.Format(time.DateTime))
	return caseFact{string(cs.Priority), cs.CreatedAt, cs.FirstResponseDue, cs.ResolutionDue}, nil
}
