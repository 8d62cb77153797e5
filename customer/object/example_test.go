package object_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/privacy"
)

var length = schema.NewKey[float64]("length")

// A tenant defines boats with a length, keeps two, and finds the long one.
func Example() {
	ctx := context.Background()
	c, err := sqlite.Open(ctx, sqlite.Memory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	s := c.As(ident.User("acme", "u-17", "admin"), privacy.Sales)
	if err := launch(ctx, s); err != nil {
		log.Fatal(err)
	}
	long, err := s.Objects("boat").Page(ctx, object.Filter{Query: page.Query{Where: page.Where{Expr: "custom.length > 10.0"}}})
	if err != nil {
		log.Fatal(err)
	}
	for _, b := range long.Items {
		fmt.Println(b.Kind, b.Name.Reveal(), b.Custom.Get("length"))
	}
	// Output: object.boat Sea Ghost 11.5
}

func launch(ctx context.Context, s *crm.Session) error {
	if _, err := s.Schema.DefineObject(ctx, custom.Object{Key: "boat", Label: "Boat"}); err != nil {
		return err
	}
	if _, err := s.Schema.Define(ctx, schema.Definition{
		Entity: "object.boat", Key: length.Name(), Type: rule.TypeFloat, Class: personal.None, Sortable: true,
	}); err != nil {
		return err
	}
	ada, err := s.Customers.Create(ctx, customer.PersonDraft{Given: "Ada"})
	if err != nil {
		return err
	}
	for name, meters := range map[string]float64{"Sea Ghost": 11.5, "Sea Gull": 7} {
		if _, err := s.Objects("boat").Create(ctx, object.Draft{Name: name, Customer: ada.ID, Custom: []schema.Set{length.Set(meters)}}); err != nil {
			return err
		}
	}
	return nil
}
