package pipeline_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
)

// An interest from a trade fair is qualified and becomes an opportunity. It refers to the customer and holds no copy.
func ExampleLeads() {
	ctx := context.Background()
	c, err := sqlite.Open(ctx, sqlite.Memory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	s := c.As(ident.User("acme", "u-17", "sales").InTeams("emea"), privacy.Sales)
	ada, err := s.Customers.Create(ctx, customer.PersonDraft{Given: "Ada", Family: "Lovelace"})
	if err != nil {
		log.Fatal(err)
	}

	lead, err := s.Leads.Create(ctx, pipeline.LeadDraft{Customer: ada.ID, Origin: "fair", Campaign: "spring"})
	if err != nil {
		log.Fatal(err)
	}
	if lead, err = s.Leads.Qualify(ctx, lead.ID); err != nil {
		log.Fatal(err)
	}
	fmt.Println(lead.State)
	got, err := s.Leads.Convert(ctx, lead.ID, pipeline.ConvertOptions{Draft: &pipeline.OpportunityDraft{Name: "50 seats"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got.Lead.State, got.Lead.Opportunity == got.Opportunity.ID)
	fmt.Println(got.Opportunity.Stage, got.Opportunity.Customer == ada.ID)

	again, err := s.Leads.Convert(ctx, lead.ID, pipeline.ConvertOptions{}) // a second click
	fmt.Println(again.Opportunity.ID == got.Opportunity.ID, err)
	// Output:
	// qualified
	// converted true
	// prospecting true
	// true <nil>
}
