package main

import (
	"context"
	"fmt"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
)

const newsletter = "Send me the newsletter by e-mail. I can stop it at any time."

// session acts as the host's sign-up page.
func session(c *crm.CRM) *crm.Session {
	return c.As(ident.System("shop", "signup"), privacy.Sales).From(personal.Source{System: "signup"})
}

// register writes what the CRM shall know about a new user. s is inside the host's transaction: if that is rolled back,
// all of it is gone.
func register(ctx context.Context, s *crm.Session, f form, user, company int64) error {
	org, err := organization(ctx, s, f, company)
	if err != nil {
		return err
	}
	person, err := s.Customers.Create(ctx, customer.PersonDraft{
		Given: f.given, Family: f.family, Ext: []ident.Ext{{System: "users", ID: fmt.Sprint(user)}},
		Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: f.email}},
	})
	if err != nil {
		return err
	}
	_, err = s.Customers.Relate(ctx, customer.RelationshipDraft{Type: customer.Employment, From: person.ID, To: org.ID})
	if err != nil || !f.newsletter {
		return err
	}
	_, err = s.Consents.Give(ctx, privacy.ConsentDraft{
		Subject: person.ID, Purpose: privacy.Marketing, Channel: privacy.ByEmail,
		Notice: privacy.NoticeOf("newsletter-1", newsletter), Act: privacy.Ticked,
	})
	return err
}

// organization creates the company, and takes the one that is there when another user has brought it in before. The
// refused attempt was a savepoint within the host's transaction, so the transaction is still good. (Upsert does both in
// one call; here we want to see the error.)
func organization(ctx context.Context, s *crm.Session, f form, company int64) (customer.Customer, error) {
	ext := ident.Ext{System: "companies", ID: fmt.Sprint(company)}
	org, err := s.Customers.Create(ctx, customer.OrganizationDraft{Name: f.company, Ext: []ident.Ext{ext}})
	if duplicate(err) {
		return s.Customers.ByExt(ctx, ext)
	}
	return org, err
}

// records counts what the CRM holds.
func records(ctx context.Context, s *crm.Session) (customers, consents int, err error) {
	for c, err := range s.Customers.All(ctx, customer.Filter{}) {
		if err != nil {
			return 0, 0, err
		}
		customers++
		said, err := s.Consents.History(ctx, c.ID, page.Query{})
		if err != nil {
			return 0, 0, err
		}
		consents += len(said.Items)
	}
	return customers, consents, nil
}
