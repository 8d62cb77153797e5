package crmtest_test

import (
	"context"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm/crmtest"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
)

// example stands in for the *testing.T that an example does not have.
type example struct {
	testing.TB
	cleanup []func()
}

func (*example) Helper() {}

func (*example) Context() context.Context { return context.Background() }

func (*example) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }

func (e *example) Cleanup(fn func()) { e.cleanup = append(e.cleanup, fn) }

func (e *example) end() {
	for _, fn := range e.cleanup {
		fn()
	}
}

// What a host's test looks like, with its own t.
func ExampleOpen() {
	t := &example{}
	defer t.end()

	c := crmtest.Open(t, nil)
	s := c.As(ident.User("acme", "u-1", "admin"), privacy.Sales)
	ada := c.Person(s, "Ada", "Lovelace")
	e := c.RequireEvent(customer.Created, ada.ID)
	fmt.Println(e.Kind, "at", e.At.Format(time.DateTime))
	fmt.Println("then", c.Clock.Advance(48*time.Hour).Format(time.DateTime))
	// Output:
	// customer.created at 2026-03-02 09:00:00
	// then 2026-03-04 09:00:00
}
