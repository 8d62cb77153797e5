package crmtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
)

// Start is the instant at which every test's clock stands when it opens a CRM.
var Start = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// CRM is an opened CRM for one test. Its helpers end the test when something fails.
type CRM struct {
	*crm.CRM
	Clock *Clock // the CRM's clock, unless the Config had one of its own

	t      testing.TB
	mu     sync.Mutex
	events []event.Event
}

// Open returns a CRM in memory that is closed with the test. Its clock is [CRM.Clock], unless cfg has one of its own.
// A nil cfg means all defaults.
func Open(t testing.TB, cfg *crm.Config) *CRM {
	t.Helper()
	c := &CRM{t: t, Clock: &Clock{now: Start}}
	var full crm.Config
	if cfg != nil {
		full = *cfg
	}
	if full.Clock == nil {
		full.Clock = c.Clock.Now
	}
	full.Subscribers = append(full.Subscribers[:len(full.Subscribers):len(full.Subscribers)], crm.Subscriber{
		Name: "crmtest", Purpose: personal.Operations, Handle: c.note,
	})
	opened, err := sqlite.Open(t.Context(), sqlite.Memory, &full)
	if err != nil {
		t.Fatalf("crmtest: %v", err)
	}
	c.CRM = opened
	t.Cleanup(func() {
		if err := opened.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("crmtest: %v", err)
		}
	})
	return c
}

func (c *CRM) note(_ context.Context, _ *crm.Session, e event.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	return nil
}

// Drain handles everything that is due at the clock's instant: subscribers, timers, and plugins when the CRM runs.
func (c *CRM) Drain() {
	c.t.Helper()
	if err := c.CRM.Drain(c.t.Context()); err != nil {
		c.t.Fatalf("crmtest: %v", err)
	}
}

// Events drains and returns every event since Open, those of one record in order.
func (c *CRM) Events() []event.Event {
	c.t.Helper()
	c.Drain()
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]event.Event(nil), c.events...)
}

// RequireEvent drains and returns the newest event of a kind about a record; the test ends when there is none.
func (c *CRM) RequireEvent(k event.Kind, record ident.ID) event.Event {
	c.t.Helper()
	var seen []event.Kind
	var found *event.Event
	for _, e := range c.Events() {
		if e.Record.ID == record {
			seen = append(seen, e.Kind)
		}
		if e.Record.ID == record && e.Kind == k {
			found = &e
		}
	}
	if found == nil {
		c.t.Fatalf("crmtest: no event %s of record %s, only %v", k, record, seen)
	}
	return *found
}

// Person creates a person with a name and returns it.
func (c *CRM) Person(s *crm.Session, given, family string) customer.Customer {
	return c.Customer(s, customer.PersonDraft{Given: given, Family: family})
}

// Organization creates an organization with a name and returns it.
func (c *CRM) Organization(s *crm.Session, name string) customer.Customer {
	return c.Customer(s, customer.OrganizationDraft{Name: name})
}

// Customer creates a customer from a draft and returns it.
func (c *CRM) Customer(s *crm.Session, d customer.Draft) customer.Customer {
	c.t.Helper()
	rec, err := s.Customers.Create(c.t.Context(), d)
	if err != nil {
		c.t.Fatalf("crmtest: %v", err)
	}
	return rec
}
