package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
)

// showGate moves an opportunity that is not ready, shows why that is refused, mends it and moves it again.
func showGate(ctx context.Context, c *crm.CRM, me ident.Principal, set dataset, customer ident.ID, tell *story) (out gate, err error) {
	tell.step("An opportunity that is not ready for a proposal")
	s := c.As(me, privacy.Sales)
	o, err := unready(ctx, s, customer)
	if err != nil {
		return out, err
	}
	_, err = s.Opportunities.Move(ctx, o.ID, "proposal")
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Code != fault.Gate || len(f.Clauses) == 0 {
		return out, errors.Join(errors.New("the gate did not refuse"), err)
	}
	out.Refused, out.Clause, out.Field = true, f.Clauses[0].Rule, f.Clauses[0].Field
	tell.say("   Moving %s to Proposal is refused:", o.ID)
	for _, cl := range f.Clauses {
		tell.say("   × %s: have %s, need %s. %s", cl.Rule, cmp.Or(cl.Value, "nothing"), cl.Need, cl.Message)
	}
	amount, err := money.New(750000, set.currency)
	if err != nil {
		return out, err
	}
	due := date.FromTime(c.Now(), nil).AddDays(30)
	o, err = s.Opportunities.Move(ctx, o.ID, "proposal", pipeline.OpportunityUpdate{Amount: &amount, CloseDate: &due})
	if err != nil {
		return out, err
	}
	out.PassedAfter = o.Stage == "proposal"
	tell.say("   With an amount of %s and a closing date of %s it moves to %s.", amount, due, o.Stage)
	return out, nil
}

// unready finds an open opportunity without an amount, or makes one where the data has none.
func unready(ctx context.Context, s *crm.Session, customer ident.ID) (pipeline.Opportunity, error) {
	list, err := s.Opportunities.Page(ctx, pipeline.OpportunityFilter{
		Pipeline: "sales", Stage: "engaging",
		Query: page.Query{Limit: 1, Where: page.Where{Expr: "amount == null && close_date == null"}},
	})
	if err != nil || len(list.Items) > 0 {
		return first(list.Items), err
	}
	return s.Opportunities.Create(ctx, pipeline.OpportunityDraft{Customer: customer, Name: "Quickstart", Pipeline: "sales", Stage: "engaging"})
}

func first[T any](list []T) (x T) {
	if len(list) > 0 {
		x = list[0]
	}
	return x
}
