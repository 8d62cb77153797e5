package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// open returns the CRM, words for where it is, and what closes it.
func open(ctx context.Context, o options, cfg *crm.Config) (c *crm.CRM, where string, done func(context.Context) error, err error) {
	if o.keys != "" {
		if cfg.KMS, err = keys.OpenFile(o.keys); err != nil {
			return nil, "", nil, err
		}
	}
	switch {
	case strings.HasPrefix(o.db, "postgres://"), strings.HasPrefix(o.db, "postgresql://"), strings.HasPrefix(o.db, "host="), strings.Contains(o.db, "dbname="):
		return openPostgres(ctx, o.db, cfg)
	case o.db != "":
		c, err = sqlite.Open(ctx, o.db, cfg)
		if err != nil {
			return nil, "", nil, err
		}
		return c, "SQLite in " + o.db, c.Close, nil
	}
	folder, err := os.MkdirTemp("", "rapport-quickstart-")
	if err != nil {
		return nil, "", nil, err
	}
	if c, err = sqlite.Open(ctx, filepath.Join(folder, "crm.db"), cfg); err != nil {
		return nil, "", nil, errors.Join(err, os.RemoveAll(folder))
	}
	return c, "SQLite in a temporary folder", func(ctx context.Context) error {
		return errors.Join(c.Close(ctx), os.RemoveAll(folder))
	}, nil
}

func openPostgres(ctx context.Context, dsn string, cfg *crm.Config) (*crm.CRM, string, func(context.Context) error, error) {
	if cfg.KMS == nil {
		return nil, "", nil, errors.New("PostgreSQL needs --keys FILE: there is no place beside it for the key file")
	}
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, "", nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, "", nil, fmt.Errorf("the database does not answer: %w", err)
	}
	if err := postgres.Migrate(ctx, pool); err != nil {
		pool.Close()
		return nil, "", nil, err
	}
	c, err := postgres.FromPool(ctx, pool, cfg)
	if err != nil {
		pool.Close()
		return nil, "", nil, err
	}
	return c, "PostgreSQL", func(ctx context.Context) error {
		err := c.Close(ctx)
		pool.Close()
		return err
	}, nil
}

// organizations returns two customers who want the same booth. Where the data set has none, they are made up.
func organizations(ctx context.Context, c *crm.CRM, me ident.Principal) (buyers [2]customer.Customer, err error) {
	s := c.As(me, privacy.Sales)
	list, err := s.Customers.Page(ctx, customer.Filter{
		Kinds: []customer.Kind{customer.Organization}, Query: page.Query{Limit: len(buyers)},
	})
	if err != nil {
		return buyers, err
	}
	for i := copy(buyers[:], list.Items); i < len(buyers); i++ {
		if buyers[i], err = s.Customers.Create(ctx, customer.OrganizationDraft{Name: fmt.Sprintf("Made-up buyer %d", i+1)}); err != nil {
			return buyers, err
		}
	}
	return buyers, nil
}

// errorLog shows what goes wrong in the background, and nothing else.
func errorLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
}
