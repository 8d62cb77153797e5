package faults_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// What a child does until it is killed.
const (
	jobWrite   = "write"
	jobRelay   = "relay"
	jobDeliver = "deliver"

	victims = "victims" // the tenant of all of it
	writers = 3
)

// runChild works until the process is killed. What is certain it says on standard output, one line a thing.
func runChild(job string) error {
	ctx := context.Background()
	write, read, d, err := pools(ctx, os.Getenv("FAULTS_DIALECT"), os.Getenv("FAULTS_DSN"))
	if err != nil {
		return err
	}
	ahead, err := time.ParseDuration(os.Getenv("FAULTS_AHEAD"))
	if err != nil {
		return err
	}
	h, err := realHouse(ctx, write, read, d, os.Getenv("FAULTS_KEYS"), ahead)
	if err != nil {
		return err
	}
	from, err := strconv.Atoi(os.Getenv("FAULTS_FROM"))
	if err != nil {
		return err
	}
	switch job {
	case jobWrite:
		return writeForEver(ctx, h, from)
	case jobRelay:
		h.stop = sync.OnceFunc(func() { fmt.Println("ready") })
		if err := h.Start(ctx); err != nil {
			return err
		}
		select {}
	case jobDeliver:
		return deliverForEver(ctx, h, from)
	}
	return errors.New("no such job: " + job)
}

func pools(ctx context.Context, dialect, dsn string) (write, read *sql.DB, d store.Dialect, err error) {
	if dialect == "sqlite" {
		write, read, err = sqlite.OpenPools(ctx, dsn)
		return write, read, sqlite.Dialect, err
	}
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, nil, nil, err
	}
	db := postgres.OpenDB(pool)
	return db, db, postgres.Dialect, nil
}

// realHouse is a house whose clock runs, some time ahead of the machine's, and whose keys are in a file.
func realHouse(ctx context.Context, write, read *sql.DB, d store.Dialect, path string, ahead time.Duration) (*house, error) {
	kms, err := keys.OpenFile(path)
	if err != nil {
		return nil, err
	}
	return openHouse(ctx, write, read, d, crm.Config{
		KMS: kms, Clock: func() time.Time { return time.Now().Add(ahead) }, Poll: 20 * time.Millisecond,
		Subscribers: []crm.Subscriber{greeter()},
	})
}

// writeOne writes a customer and its lead under keys of their own, in one transaction.
func writeOne(ctx context.Context, s *crm.Session, name string) error {
	return s.InTx(ctx, func(ctx context.Context, s *crm.Session) error {
		rec, err := s.Once(name).Customers.Create(ctx, organization(ident.ID{}, name))
		if err != nil {
			return err
		}
		return second(s.Once(name+"/lead").Leads.Create(ctx, pipeline.LeadDraft{Customer: rec.ID, Origin: "fair"}))
	})
}

// writeForEver has several writers; each repeats a write until it succeeds, and then says so.
func writeForEver(ctx context.Context, h *house, from int) error {
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := from; ; i++ {
				name := fmt.Sprintf("w%d-%d", w, i)
				for err := writeOne(ctx, h.admin(victims), name); err != nil; err = writeOne(ctx, h.admin(victims), name) {
					fmt.Println("error", fault.CodeOf(err))
				}
				fmt.Println("done", name)
			}
		})
	}
	all.Wait()
	return nil
}

// deliverForEver sends one message after another. Its transport is a file that it appends to.
func deliverForEver(ctx context.Context, h *house, from int) error {
	post, err := os.OpenFile(os.Getenv("FAULTS_POST"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	to, err := ident.Parse(os.Getenv("FAULTS_TO"))
	if err != nil {
		return err
	}
	for i := from; ; i++ {
		key := fmt.Sprintf("m-%d", i)
		_, err := h.admin(victims).Sends.Deliver(ctx, message(key, to), func(context.Context, personal.Text) error {
			_, err := post.WriteString(key + "\n")
			return err
		})
		switch f := (*fault.Error)(nil); {
		case err == nil:
			fmt.Println("done", key)
		case errors.As(err, &f) && f.Reason == "unknown":
			fmt.Println("unknown", key)
		default:
			return err
		}
	}
}

func message(key string, to ident.ID) privacy.Send {
	return privacy.Send{Key: key, Subject: to, Purpose: privacy.Marketing, Channel: privacy.ByEmail}
}
