package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/privacy/keys"
)

const postgresTables = `
	CREATE TABLE companies (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
	CREATE TABLE users (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		email text NOT NULL UNIQUE,
		company_id bigint NOT NULL REFERENCES companies
	)`

// pgHost is a host over a pgx pool, its tables beside those of the CRM.
type pgHost struct {
	pool   *pgxpool.Pool
	crm    *crm.CRM
	schema string
	keep   bool
}

// signup is the point of this example: the host's statements run on its own pgx.Tx, and so do the CRM's.
func (h *pgHost) signup(ctx context.Context, f form, last func() error) error {
	return pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		var company, user int64
		err := tx.QueryRow(ctx, `INSERT INTO companies (name) VALUES ($1)
			ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name RETURNING id`, f.company).Scan(&company)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `INSERT INTO users (email, company_id) VALUES ($1, $2) RETURNING id`, f.email, company).Scan(&user)
		if err != nil {
			return err
		}
		err = postgres.Join(ctx, session(h.crm), tx, func(ctx context.Context, s *crm.Session) error {
			return register(ctx, s, f, user, company)
		})
		if err != nil {
			return err
		}
		return last()
	})
}

func (h *pgHost) name() string {
	return "PostgreSQL, joining a pgx.Tx, in the schema " + h.schema
}

func (h *pgHost) count(ctx context.Context) (c counts, err error) {
	err = h.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM companies)`).Scan(&c.users, &c.companies)
	if err != nil {
		return c, err
	}
	c.customers, c.consents, err = records(ctx, session(h.crm))
	return c, err
}

// openPostgres makes a schema of the example's own, so that it disturbs nothing in the database.
func openPostgres(ctx context.Context, dsn string, keep bool) (host, error) {
	h := &pgHost{schema: fmt.Sprintf("rapport_join_%d", os.Getpid()), keep: keep}
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.ConnConfig.RuntimeParams["search_path"] = h.schema
	if h.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, err
	}
	if err := h.setUp(ctx); err != nil {
		return nil, errors.Join(err, h.close(ctx))
	}
	return h, nil
}

func (h *pgHost) setUp(ctx context.Context) (err error) {
	if _, err := h.pool.Exec(ctx, "CREATE SCHEMA "+h.schema); err != nil {
		return err
	}
	if _, err := h.pool.Exec(ctx, postgresTables); err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, h.pool); err != nil {
		return err
	}
	// Keys in memory suit data that is dropped at the end; a real host keeps them in a file or a key service.
	h.crm, err = postgres.FromPool(ctx, h.pool, &crm.Config{KMS: keys.NewMemory()})
	return err
}

func (h *pgHost) close(ctx context.Context) (err error) {
	defer h.pool.Close()
	if h.crm != nil {
		err = h.crm.Close(ctx)
	}
	if h.keep {
		return err
	}
	_, drop := h.pool.Exec(ctx, "DROP SCHEMA IF EXISTS "+h.schema+" CASCADE")
	return errors.Join(err, drop)
}
