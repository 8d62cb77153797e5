package activity_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/privacy"
)

// A call is logged after it ended, and stands on the customer's timeline where it belongs, beside what else happened.
func ExampleInteractions() {
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
	if _, err := s.Customers.MoveLifecycle(ctx, ada.ID, customer.StageNew, ""); err != nil {
		log.Fatal(err)
	}
	call, err := s.Interactions.Log(ctx, activity.InteractionDraft{
		Channel: privacy.ByPhone, Direction: activity.Inbound, At: time.Now().Add(-time.Hour), Duration: 4 * time.Minute,
		Subject: "Asks for a quote", Outcome: "quote promised", Participants: []activity.Participant{{Customer: ada.ID, Role: "caller"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(call.Duration, call.Subject) // what was said prints its class only

	timeline, err := s.Interactions.Timeline(ctx, ada.ID, page.Query{Limit: 20})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range timeline.Items { // newest first
		fmt.Println(e.Kind)
		if e.Interaction != nil {
			fmt.Println(" ", e.Interaction.Subject.Reveal(), "->", e.Interaction.Outcome)
		}
	}
	// Output:
	// 4m0s [content]
	// customer.lifecycle_moved
	// interaction.logged
	//   Asks for a quote -> quote promised
}
