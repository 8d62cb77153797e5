package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/rapport-crm/rapport/core/fault"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("join-transaction: ")
	dsn := flag.String("db", os.Getenv("RAPPORT_DSN"), "PostgreSQL `address`; without it the flow runs on SQLite")
	keep := flag.Bool("keep", false, "keep the schema on PostgreSQL")
	flag.Parse()
	ctx := context.Background()
	h, err := open(ctx, *dsn, *keep)
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(tell(ctx, os.Stdout, h), h.close(ctx)); err != nil {
		log.Fatal(err)
	}
}

// host is a program with a database of its own: the same on either kind.
type host interface {
	// name says in words what it runs on.
	name() string
	// signup writes everything about a new user in one transaction. last is the host's last step before the commit.
	signup(ctx context.Context, f form, last func() error) error
	// count says how many rows of the host's and records of the CRM there are.
	count(ctx context.Context) (counts, error)
	close(ctx context.Context) error
}

func open(ctx context.Context, dsn string, keep bool) (host, error) {
	if dsn == "" {
		return openSQLite(ctx)
	}
	return openPostgres(ctx, dsn, keep)
}

// form is what somebody fills in to sign up.
type form struct {
	given, family, email, company string
	newsletter                    bool
}

type counts struct{ users, companies, customers, consents int }

func (c counts) String() string {
	return fmt.Sprintf("host: users %d, companies %d; CRM: customers %d, consents %d", c.users, c.companies, c.customers, c.consents)
}

var (
	ada     = form{"Ada", "Lovelace", "ada@analytical.example", "Analytical Engines Ltd", true}
	charles = form{"Charles", "Babbage", "charles@analytical.example", "Analytical Engines Ltd", false}
)

// tell goes through the story and prints it.
func tell(ctx context.Context, out io.Writer, h host) error {
	fmt.Fprintf(out, "Running on %s.\n", h.name())
	declined := errors.New("the card was declined")
	for _, step := range []struct {
		words string
		do    func() error
	}{
		{"Before anybody signs up:", nothing},
		{"Ada signs up, with her company and a yes to the newsletter, in one transaction:", func() error {
			return h.signup(ctx, ada, nothing)
		}},
		{"Charles signs up, but his card is declined in the last step. The host rolls back, and nothing is left of him:", func() error {
			err := h.signup(ctx, charles, func() error { return declined })
			if errors.Is(err, declined) {
				return nil
			}
			return errors.Join(errors.New("the sign-up should have been rolled back"), err)
		}},
		{"Charles tries another card. His company is a customer already, so creating it is refused as a duplicate, in the\n" +
			"middle of the transaction. It goes on all the same, and his sign-up is saved:", func() error {
			return h.signup(ctx, charles, nothing)
		}},
	} {
		fmt.Fprintf(out, "\n%s\n", step.words)
		if err := step.do(); err != nil {
			return err
		}
		c, err := h.count(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %s\n", c)
	}
	return nil
}

func nothing() error { return nil }

// duplicate reports whether the CRM refused a record because one of its unique values is taken.
func duplicate(err error) bool {
	return errors.Is(err, &fault.Error{Code: fault.Conflict, Reason: "taken"})
}
