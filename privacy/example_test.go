package privacy_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
)

// open returns a CRM in memory with one customer in it.
func open(ctx context.Context) (*crm.CRM, customer.Customer) {
	c, err := sqlite.Open(ctx, sqlite.Memory, nil)
	if err != nil {
		log.Fatal(err)
	}
	ada, err := c.As(ident.System("acme", "import"), privacy.Operations).Customers.Create(ctx, customer.PersonDraft{
		Given: "Ada", Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.org"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	return c, ada
}

func ExampleConsents_Give() {
	ctx := context.Background()
	c, ada := open(ctx)
	defer c.Close(ctx)
	s := c.As(ident.User("acme", "u-17", "marketing"), privacy.Marketing)

	ask := privacy.Request{Subject: ada.ID, Channel: privacy.ByEmail}
	before, err := s.Consents.Decide(ctx, ask)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(before.Allowed, before.Code)

	_, err = s.Consents.Give(ctx, privacy.ConsentDraft{
		Subject: ada.ID, Channel: privacy.ByEmail, Act: privacy.Ticked,
		Notice: privacy.NoticeOf("newsletter-1", "We write to you once a month."), Evidence: "form /signup",
	})
	if err != nil {
		log.Fatal(err)
	}
	after, err := s.Consents.Decide(ctx, ask)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(after.Allowed, after.Code, after.Basis, len(after.Evidence))

	if _, err = s.Consents.Withdraw(ctx, privacy.ChoiceDraft{Subject: ada.ID}); err != nil {
		log.Fatal(err)
	}
	last, err := s.Consents.Decide(ctx, ask)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(last.Allowed, last.Code, "-", last.Reason)
	// Output:
	// false not_asked
	// true allowed consent 1
	// false withdrawn - the person withdrew consent
}

func ExampleSends_Deliver() {
	ctx := context.Background()
	c, ada := open(ctx)
	defer c.Close(ctx)
	s := c.As(ident.User("acme", "u-17", "service"), privacy.Service)

	mail := func(_ context.Context, to personal.Text) error {
		fmt.Println("to", to.Reveal())
		return nil
	}
	for _, purpose := range []personal.Purpose{privacy.Marketing, privacy.Service, privacy.Service} {
		send := privacy.Send{Key: "case-1/" + string(purpose), Subject: ada.ID, Purpose: purpose, Channel: privacy.ByEmail}
		d, err := s.Sends.Deliver(ctx, send, mail)
		fmt.Println(purpose, d.Allowed, d.Code, d.Repeated, errors.Is(err, fault.ErrNoConsent))
	}
	// Output:
	// marketing false not_asked false true
	// to ada@example.org
	// service true allowed false false
	// service true allowed true false
}

func ExampleConsents_Suppress() {
	ctx := context.Background()
	c, ada := open(ctx)
	defer c.Close(ctx)
	s := c.As(ident.User("acme", "u-17", "service"), privacy.Service)

	if _, err := s.Consents.Suppress(ctx, privacy.ByEmail, "Ada@Example.org", privacy.Unsubscribed); err != nil {
		log.Fatal(err)
	}
	for _, purpose := range []personal.Purpose{privacy.Service, privacy.SubjectAsk} {
		d, err := s.Consents.Decide(ctx, privacy.Request{Subject: ada.ID, Purpose: purpose, Channel: privacy.ByEmail})
		fmt.Println(purpose, d.Code, err)
	}
	// Output:
	// service suppressed <nil>
	// subject_ask allowed <nil>
}
