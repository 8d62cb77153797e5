package main

import (
	"context"
	"database/sql"
	"errors"

	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/privacy/keys"
)

const sqliteTables = `
	CREATE TABLE companies (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
	CREATE TABLE users (
		id INTEGER PRIMARY KEY,
		email TEXT NOT NULL UNIQUE,
		company_id INTEGER NOT NULL REFERENCES companies
	)`

// sqliteHost is a host over database/sql. With any other driver of database/sql it would look the same.
type sqliteHost struct {
	db  *sql.DB
	crm *crm.CRM
}

// signup is the point of this example: the host's statements run on its own *sql.Tx, and so do the CRM's.
func (h *sqliteHost) signup(ctx context.Context, f form, last func() error) error {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after the commit
	var company, user int64
	err = tx.QueryRowContext(ctx, `INSERT INTO companies (name) VALUES ($1)
		ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id`, f.company).Scan(&company)
	if err != nil {
		return err
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO users (email, company_id) VALUES ($1, $2) RETURNING id`, f.email, company).Scan(&user)
	if err != nil {
		return err
	}
	if err := register(ctx, session(h.crm).Join(tx), f, user, company); err != nil {
		return err
	}
	if err := last(); err != nil {
		return err
	}
	return tx.Commit()
}

func (h *sqliteHost) name() string {
	return "SQLite in memory, joining a *sql.Tx, because no PostgreSQL was named: --db or RAPPORT_DSN does"
}

func (h *sqliteHost) count(ctx context.Context) (c counts, err error) {
	err = h.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM companies)`).Scan(&c.users, &c.companies)
	if err != nil {
		return c, err
	}
	c.customers, c.consents, err = records(ctx, session(h.crm))
	return c, err
}

func openSQLite(ctx context.Context) (host, error) {
	db, _, err := sqlite.OpenPools(ctx, sqlite.Memory) // in memory both pools are one
	if err != nil {
		return nil, err
	}
	h := &sqliteHost{db: db}
	if err := h.setUp(ctx); err != nil {
		return nil, errors.Join(err, h.close(ctx))
	}
	return h, nil
}

func (h *sqliteHost) setUp(ctx context.Context) (err error) {
	if _, err := h.db.ExecContext(ctx, sqliteTables); err != nil {
		return err
	}
	if err := crm.Migrate(ctx, h.db, sqlite.Dialect); err != nil {
		return err
	}
	// Keys in memory suit data in memory; a real host keeps them in a file or a key service.
	h.crm, err = crm.New(ctx, h.db, sqlite.Dialect, &crm.Config{KMS: keys.NewMemory()})
	return err
}

func (h *sqliteHost) close(ctx context.Context) (err error) {
	if h.crm != nil {
		err = h.crm.Close(ctx)
	}
	return errors.Join(err, h.db.Close())
}
