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
	case strings.HasPrefix(o.db, "postgres://"), strings.HasPrefix(o.db, "postgresql://"), strings.Contains(o.db, "dbname="):
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

// organizations returns two customers who want the same booth.
func organizations(ctx context.Context, c *crm.CRM, me ident.Principal) ([]customer.Customer, error) {
	list, err := c.As(me, privacy.Sales).Customers.Page(ctx, customer.Filter{
		Kinds: []customer.Kind{customer.Organization}, Query: page.Query{Limit: 2},
	})
	if err == nil && len(list.Items) < 2 {
		err = fmt.Errorf("the steps need two organizations, the data set has %d", len(list.Items))
	}
	return list.Items, err
}

// errorLog shows what goes wrong in the background, and nothing else.
func errorLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
}
