package main

import (
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
)

const newsletter = "Send me the newsletter by e-mail. I can stop it at any time."

// showConsent sends marketing mail without consent, which is refused, asks for consent, and sends again.
func showConsent(ctx context.Context, c *crm.CRM, me ident.Principal, tell *story) (out consent, err error) {
	tell.step("Marketing mail needs consent")
	s := c.As(me, privacy.Marketing)
	who, err := anyPerson(ctx, s)
	if err != nil {
		return out, err
	}
	if d, err := s.Consents.At(ctx, who.ID, privacy.Marketing, privacy.ByEmail, c.Now()); err != nil {
		return out, err
	} else if d.State == privacy.Given { // an earlier run on this database
		if _, err := s.Consents.Withdraw(ctx, privacy.ChoiceDraft{Subject: who.ID, Channel: privacy.ByEmail}); err != nil {
			return out, err
		}
	}
	if out.Before, err = send(ctx, c, s, who.ID, tell); err != nil {
		return out, err
	}
	_, err = s.Consents.Give(ctx, privacy.ConsentDraft{
		Subject: who.ID, Channel: privacy.ByEmail, Notice: privacy.NoticeOf("newsletter-1", newsletter), Act: privacy.Ticked,
		Evidence: "sign-up form",
	})
	if err != nil {
		return out, err
	}
	tell.say("   The person ticks: %s", newsletter)
	out.After, err = send(ctx, c, s, who.ID, tell)
	return out, err
}

// send asks the gate for the address. The address exists only inside the function.
func send(ctx context.Context, c *crm.CRM, s *crm.Session, to ident.ID, tell *story) (verdict, error) {
	d, err := s.Sends.Deliver(ctx, privacy.Send{
		Key: "newsletter " + ident.New().String(), Subject: to, Purpose: privacy.Marketing, Channel: privacy.ByEmail,
	}, func(_ context.Context, address personal.Text) error {
		tell.say("   → sent to %s (an address prints as its class).", address)
		return nil
	})
	if err != nil && !errors.Is(err, fault.ErrNoConsent) {
		return verdict{}, err
	}
	tell.say("   Sending is %s: %s.", map[bool]string{true: "allowed", false: "refused"}[d.Allowed], d.Code)
	return verdict{d.Allowed, string(d.Code)}, nil
}

// anyPerson returns the first person, with an e-mail address. What the data set does not have is made up.
func anyPerson(ctx context.Context, s *crm.Session) (customer.Customer, error) {
	list, err := s.Customers.Page(ctx, customer.Filter{Kinds: []customer.Kind{customer.Person}, Query: page.Query{Limit: 1}})
	if err != nil {
		return customer.Customer{}, err
	}
	address := customer.PointDraft{Channel: personal.ByEmail, Value: "first.reader@example.com"}
	if len(list.Items) == 0 {
		return s.Customers.Create(ctx, customer.PersonDraft{Name: "Made-up reader", Points: []customer.PointDraft{address}})
	}
	who := list.Items[0]
	if _, ok := who.Point(personal.ByEmail); ok {
		return who, nil
	}
	return s.Customers.AddPoint(ctx, who.ID, who.Version, address)
}
