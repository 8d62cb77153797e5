package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
)

// In the default pipeline a proposal needs an amount. The refusal says so; the next move brings the amount along, and the
// history of the won opportunity keeps what the gate saw.
func ExampleOpportunities() {
	ctx := context.Background()
	c, err := sqlite.Open(ctx, sqlite.Memory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	s := c.As(ident.User("acme", "u-17", "sales").InTeams("emea"), privacy.Sales)
	buyer, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: "Initech"})
	if err != nil {
		log.Fatal(err)
	}
	o, err := s.Opportunities.Create(ctx, pipeline.OpportunityDraft{Customer: buyer.ID, Name: "50 seats"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = s.Opportunities.Move(ctx, o.ID, "proposal")
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.Gate {
		fmt.Println(f.Clauses[0].Rule, "|", f.Clauses[0].Need, "|", f.Clauses[0].Message)
	}
	amount := money.MustParse("9500 EUR")
	if _, err := s.Opportunities.Move(ctx, o.ID, "proposal", pipeline.OpportunityUpdate{Amount: &amount}); err != nil {
		log.Fatal(err)
	}
	won, err := s.Opportunities.Win(ctx, o.ID)
	fmt.Println(won.Stage, won.Booked, err)
	history, err := s.Opportunities.History(ctx, o.ID)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range history {
		fmt.Println(t.To, t.Evidence)
	}
	// Output:
	// amount != null | a value | A proposal needs an amount.
	// won 9500.00 EUR <nil>
	// prospecting []
	// proposal [{proposal-needs-amount amount != null amount 9500.00 EUR true}]
	// won []
}
