package customer_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
)

// A caller gives an e-mail address, in any spelling, and two colleagues correct the record that it finds. The second one
// has not seen the first one's change and overwrites nothing.
func ExampleCustomers() {
	ctx := context.Background()
	c, err := sqlite.Open(ctx, sqlite.Memory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	s := c.As(ident.User("acme", "u-17", "sales").InTeams("emea"), privacy.Sales)

	if _, err := s.Customers.Create(ctx, customer.PersonDraft{
		Given: "Grace", Family: "Hopper", Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "grace@example.com"}},
	}); err != nil {
		log.Fatal(err)
	}
	found, err := s.Customers.ByPoint(ctx, privacy.ByEmail, " Grace@Example.COM ")
	if err != nil || len(found) != 1 { // a family may share an address
		log.Fatal(len(found), err)
	}
	grace := found[0]
	updated, err := s.Customers.Update(ctx, grace.ID, grace.Version, customer.Update{Language: new("en"), Country: new("US")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(updated.Name.Reveal(), updated.Language, updated.Country, updated.Version)

	_, err = s.Customers.Update(ctx, grace.ID, grace.Version, customer.Update{Country: new("GB")})
	fmt.Println(errors.Is(err, fault.ErrConflict))
	// Output:
	// Grace Hopper en US 2
	// true
}
