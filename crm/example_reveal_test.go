package crm_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
)

// Sensitive fields are masked in every read. Reveal shows them to those who may, for a purpose that needs them, and
// keeps record of it.
func ExampleSession_reveal() {
	ctx := context.Background()
	c, err := sqlite.Open(ctx, sqlite.Memory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	s := c.As(ident.User("acme", "u-17", "manager").InTeams("emea"), privacy.Sales)
	acme, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: "ACME GmbH", TaxID: "DE 811 907 980"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(acme.TaxID, acme.Hidden)

	acme, err = s.Customers.Reveal(ctx, acme.ID) // nobody needs it to sell
	fmt.Printf("%q %v\n", acme.TaxID.Reveal(), err)

	acme, err = s.For(privacy.Legal).Customers.Reveal(ctx, acme.ID) // recorded: u-17, legal, this customer, tax_id
	fmt.Printf("%q %v\n", acme.TaxID.Reveal(), err)
	// Output:
	// [government] [tax_id]
	// "" <nil>
	// "DE 811 907 980" <nil>
}
