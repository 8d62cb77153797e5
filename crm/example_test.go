package crm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

// The README's first lines, on a database in memory. A test of package archtest compares the two.
func Example() {
	ctx := context.Background()
	c, err := sqlite.Open(ctx, sqlite.Memory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	// who acts, in which tenant, and why: there is no operation without the three
	s := c.As(ident.User("acme", "u-17", "sales").InTeams("emea"), privacy.Sales)

	ada, err := s.Customers.Create(ctx, customer.PersonDraft{
		Given: "Ada", Family: "Lovelace",
		Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.com"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ada.Name, ada.Points[0].Value) // personal text never prints itself

	w := new(bytes.Buffer) // in a host it is the http.ResponseWriter
	if err := json.NewEncoder(w).Encode(personal.Revealed(ada)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(w.String(), "ada@example.com"))
	// Output:
	// [name] [contact]
	// true
}

// open gives the other examples a CRM with one customer, and a session of the sales team.
func open(ctx context.Context, cfg *crm.Config) (*crm.CRM, *crm.Session, customer.Customer) {
	c, err := sqlite.Open(ctx, sqlite.Memory, cfg)
	if err != nil {
		log.Fatal(err)
	}
	s := c.As(ident.User("acme", "u-17", "admin").InTeams("emea"), privacy.Sales)
	acme, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: "ACME GmbH"})
	if err != nil {
		log.Fatal(err)
	}
	return c, s, acme
}

// A refused move says which clause refuses, what it saw, and what would pass.
func ExampleSession_gate() {
	ctx := context.Background()
	c, s, acme := open(ctx, nil)
	defer c.Close(ctx)

	_, err := s.Pipelines.Define(ctx, pipeline.Definition{Key: "sales", Stages: []pipeline.Stage{
		{Key: "new"},
		{Key: "proposal", Probability: 5000, Entry: []pipeline.Gate{
			{ID: "worth-it", Expr: `amount >= money("10000 EUR")`, Message: "Too small for a proposal."},
		}},
		{Key: "won", Category: pipeline.Won, Probability: pipeline.Full},
		{Key: "lost", Category: pipeline.Lost},
	}})
	if err != nil {
		log.Fatal(err)
	}
	o, err := s.Opportunities.Create(ctx, pipeline.OpportunityDraft{Customer: acme.ID, Pipeline: "sales", Amount: money.MustParse("7000 EUR")})
	if err != nil {
		log.Fatal(err)
	}

	_, err = s.Opportunities.Move(ctx, o.ID, "proposal")
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.Gate {
		for _, c := range f.Clauses {
			fmt.Printf("%s: have %s, need %s\n", c.Rule, c.Value, c.Need)
		}
	}
	amount := money.MustParse("12000 EUR")
	o, err = s.Opportunities.Move(ctx, o.ID, "proposal", pipeline.OpportunityUpdate{Amount: &amount})
	fmt.Println(o.Stage, err)
	// Output:
	// amount >= money("10000 EUR"): have 7000.00 EUR, need >= 10000.00 EUR
	// proposal <nil>
}

// mail stands for the host's transport.
func mail(_ context.Context, to, _ string) error {
	fmt.Println("to", to)
	return nil
}

// An address exists only inside the gate, and only when the gate agrees.
func ExampleSession_sends() {
	ctx := context.Background()
	c, s, _ := open(ctx, nil)
	defer c.Close(ctx)

	ada, err := s.Customers.Create(ctx, customer.PersonDraft{
		Given: "Ada", Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.com"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	send := func(key string) {
		d, err := s.Sends.Deliver(ctx, privacy.Send{Key: key, Subject: ada.ID, Purpose: privacy.Marketing, Channel: privacy.ByEmail},
			func(ctx context.Context, to personal.Text) error { return mail(ctx, to.Reveal(), "Spring is here.") })
		fmt.Println(d.Allowed, d.Code, errors.Is(err, fault.ErrNoConsent))
	}
	send("spring-1")
	_, err = s.Consents.Give(ctx, privacy.ConsentDraft{
		Subject: ada.ID, Purpose: privacy.Marketing, Channel: privacy.ByEmail,
		Notice: privacy.NoticeOf("newsletter-3", "Yes, send me the newsletter."), Act: privacy.Ticked,
	})
	if err != nil {
		log.Fatal(err)
	}
	send("spring-2")
	// Output:
	// false not_asked true
	// to ada@example.com
	// true allowed false
}

// All that happens in one transaction happens or does not; the host's own statements take part.
func ExampleSession_InTx() {
	ctx := context.Background()
	c, s, acme := open(ctx, nil)
	defer c.Close(ctx)

	err := s.InTx(ctx, func(ctx context.Context, s *crm.Session) error {
		if _, err := s.Cases.Open(ctx, service.CaseDraft{Customer: acme.ID, Type: service.Complaint, Subject: "No power"}); err != nil {
			return err
		}
		_, err := s.SQL().ExecContext(ctx, "CREATE TABLE invoices (id INTEGER)")
		if err != nil {
			return err
		}
		return errors.New("the host changes its mind")
	})
	fmt.Println(err)
	list, err := s.Cases.Page(ctx, service.CaseFilter{})
	fmt.Println(len(list.Items), err)
	// Output:
	// the host changes its mind
	// 0 <nil>
}

// Once makes a repeated request harmless: a second click gets the first one's record.
func ExampleSession_Once() {
	ctx := context.Background()
	c, s, _ := open(ctx, nil)
	defer c.Close(ctx)

	draft := customer.OrganizationDraft{Name: "Umbrella"}
	one, err := s.Once("form-4711").Customers.Create(ctx, draft)
	if err != nil {
		log.Fatal(err)
	}
	two, err := s.Once("form-4711").Customers.Create(ctx, draft)
	fmt.Println(one.ID == two.ID, err)
	_, err = s.Once("form-4711").Customers.Create(ctx, customer.OrganizationDraft{Name: "Other"})
	fmt.Println(errors.Is(err, fault.ErrConflict))
	// Output:
	// true <nil>
	// true
}

// A list is filtered by a CEL expression with bound arguments, and paged by sealed cursors underneath.
func ExampleSession_lists() {
	ctx := context.Background()
	c, s, _ := open(ctx, nil)
	defer c.Close(ctx)

	for _, name := range []string{"Null O'Brien-李", "Zoë", "aardvark"} {
		if _, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: name, Country: "IE"}); err != nil {
			log.Fatal(err)
		}
	}
	filter := customer.Filter{Query: page.Query{
		Sort: "name", Limit: 2, Where: page.Where{Expr: "country == where", Args: map[string]any{"where": "IE"}},
	}}
	for rec, err := range s.Customers.All(ctx, filter) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Name.Reveal())
	}
	// Output:
	// aardvark
	// Null O'Brien-李
	// Zoë
}

// Subscribers get every event, in order per record; what they do commits with the end of the delivery.
func ExampleSubscriber() {
	ctx := context.Background()
	c, s, acme := open(ctx, &crm.Config{Subscribers: []crm.Subscriber{{
		Name: "billing", Purpose: privacy.Billing, Kinds: []event.Kind{customer.Created, customer.Updated},
		Handle: func(_ context.Context, s *crm.Session, e event.Event) error {
			fmt.Println(e.Kind, e.Version, e.Changed, "seen by", s.Principal().ID)
			return nil
		},
	}}})
	defer c.Close(ctx)

	if _, err := s.Customers.Update(ctx, acme.ID, acme.Version, customer.Update{Country: new("DE")}); err != nil {
		log.Fatal(err)
	}
	if err := c.Drain(ctx); err != nil { // a server calls c.Start instead
		log.Fatal(err)
	}
	// Output:
	// customer.created 1 [kind lifecycle lifecycle_since name owner_team owner_user] seen by subscriber:billing
	// customer.updated 2 [country] seen by subscriber:billing
}

// A host's transaction joins the CRM: the host commits, or rolls back and nothing is left.
func ExampleSession_Join() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "rapport")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	db, read, err := sqlite.OpenPools(ctx, folder+"/host.db")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	defer read.Close()
	if err := crm.Migrate(ctx, db, sqlite.Dialect); err != nil {
		log.Fatal(err)
	}
	c, err := crm.New(ctx, db, sqlite.Dialect, &crm.Config{KMS: keys.NewMemory()})
	if err != nil {
		log.Fatal(err)
	}
	s := c.As(ident.System("acme", "signup"), privacy.Sales)

	tx, err := db.BeginTx(ctx, nil) // the host's own
	if err != nil {
		log.Fatal(err)
	}
	ada, err := s.Join(tx).Customers.Create(ctx, customer.PersonDraft{Given: "Ada"})
	if err != nil {
		log.Fatal(err)
	}
	if err := tx.Rollback(); err != nil { // the host decides
		log.Fatal(err)
	}
	_, err = s.Customers.Get(ctx, ada.ID)
	fmt.Println(errors.Is(err, fault.ErrNotFound))
	// Output: true
}
