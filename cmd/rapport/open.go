package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// dialect is a crm.Dialect that also looks after the database's settings.
type dialect interface {
	crm.Dialect
	Check(ctx context.Context, db *sql.DB) error
}

// database is an opened database, with or without a CRM in it.
type database struct {
	pools   crm.Pools
	dialect dialect
	made    bool // the file was not there before
}

func (d *database) close() error { return d.pools.Close() }

// openDatabase opens what --db names. Unless create is set, a file must be there.
func (o *options) openDatabase(ctx context.Context, create bool) (*database, error) {
	if o.postgres() {
		return openPostgres(ctx, o.db)
	}
	_, err := os.Stat(o.db)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case o.db == "" || o.db == sqlite.Memory:
		return nil, usage("--db must name a file or a postgres:// address")
	case missing && !create:
		return nil, fault.New(fault.Unavailable, `there is no database %s: "rapport migrate" makes it, --db names another`, o.db)
	case err != nil && !missing:
		return nil, fault.Wrap(fault.Unavailable, err, "cannot open the database")
	}
	write, read, err := sqlite.OpenPools(ctx, o.db)
	if err != nil {
		return nil, err
	}
	closeBoth := func() error { return errors.Join(read.Close(), write.Close()) }
	return &database{pools: crm.Pools{Write: write, Read: read, Close: closeBoth}, dialect: sqlite.Dialect, made: missing}, nil
}

func openPostgres(ctx context.Context, dsn string) (*database, error) {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "--db is no address of a PostgreSQL database")
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fault.Wrap(fault.Unavailable, err, "the database does not answer")
	}
	db := postgres.OpenDB(pool)
	closeBoth := func() error {
		err := db.Close()
		pool.Close()
		return err
	}
	return &database{pools: crm.Pools{Write: db, Read: db, Close: closeBoth}, dialect: postgres.Dialect}, nil
}

// keyFile returns the path of the key file.
func (c *call) keyFile() (string, error) {
	switch env := c.getenv(keysVariable); {
	case c.keys != "":
		return c.keys, nil
	case c.postgres() && env != "":
		return env, nil
	case c.postgres():
		return "", usage("--keys must name the key file: beside PostgreSQL there is no place for a default (or set %s)", keysVariable)
	}
	return c.db + sqlite.KeysSuffix, nil
}

// opened is a CRM with a session.
type opened struct {
	*crm.CRM
	s    *crm.Session
	made bool // the database was not there before
}

// access says what a command is about to do.
type access uint8

const (
	look     access = iota // read: database and keys must be there
	rehearse               // write and take it back: keys that are not there are made for the occasion
	write                  // a SQLite file and keys that are not there are made
)

// open opens the CRM that --db names. It never makes keys for a database that has records, as these would not open
// what is sealed.
func (c *call) open(ctx context.Context, to access) (*opened, error) {
	who, err := c.principal()
	if err != nil {
		return nil, err
	}
	why, err := c.why()
	if err != nil {
		return nil, err
	}
	path, err := c.keyFile()
	if err != nil {
		return nil, err
	}
	db, err := c.openDatabase(ctx, to == write)
	if err != nil {
		return nil, err
	}
	full, err := c.openCRM(ctx, db, path, to)
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	return &opened{CRM: full, s: full.As(who, why), made: db.made}, nil
}

func (c *call) openCRM(ctx context.Context, db *database, path string, to access) (*crm.CRM, error) {
	if db.made {
		if err := crm.Migrate(ctx, db.pools.Write, db.dialect); err != nil {
			return nil, err
		}
		fmt.Fprintf(c.stderr, "made %s; its keys are in %s: back both up, apart from each other\n", c.db, path)
	}
	modules, err := db.modules(ctx)
	if err != nil {
		return nil, err
	}
	pending, err := crm.Pending(ctx, db.pools.Write, db.dialect, modules...)
	if err != nil {
		return nil, err
	}
	if len(pending) > 0 {
		return nil, fault.New(fault.Unavailable, `%d migrations are missing: run "rapport migrate"`, len(pending))
	}
	kms, err := keys.OpenFile(path)
	if err != nil {
		return nil, err
	}
	cfg := &crm.Config{KMS: presentKMS{kms}, Modules: modules}
	if to != look {
		begin, err := c.mayMakeKeys(ctx, db, path)
		switch {
		case err != nil:
			return nil, err
		case begin && to == rehearse:
			cfg.KMS = keys.NewMemory()
		default:
			cfg.KMS = kms
		}
	}
	return crm.NewPools(ctx, db.pools, db.dialect, cfg)
}

// modules returns the installed modules that this version knows, which are what a command works with; none means that
// nothing is installed.
func (d *database) modules(ctx context.Context) ([]crm.Module, error) {
	installed, err := crm.Installed(ctx, d.pools.Write, d.dialect)
	var out []crm.Module
	for _, m := range installed {
		if slices.Contains(crm.Modules(), m.Module) {
			out = append(out, m.Module)
		}
	}
	return out, err
}

// mayMakeKeys reports whether the key file has to be begun. It refuses that for a tenant that has customers already.
func (c *call) mayMakeKeys(ctx context.Context, db *database, path string) (begin bool, err error) {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	modules, err := db.modules(ctx)
	if err != nil {
		return false, err
	}
	probe, err := crm.New(ctx, db.pools.Write, db.dialect, &crm.Config{KMS: keys.NewMemory(), Modules: modules})
	if err != nil {
		return false, err
	}
	n, err := probe.As(ident.System(c.tenant, "rapport-cli"), privacy.Operations).Customers.Count(ctx, customer.Filter{})
	switch {
	case leftOut(err):
		return true, nil
	case err == nil && n > 0:
		err = fault.New(fault.Unavailable, "the key file %s is not there, but the database has customers sealed with it: restore it, or name it with --keys", path)
	}
	return true, err
}

// leftOut reports whether an operation failed because the database lacks its module.
func leftOut(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Reason == crm.ReasonModule
}

// presentKMS is a key file that is never added to.
type presentKMS struct{ file *keys.File }

// Secret implements [keys.KMS].
func (k presentKMS) Secret(ctx context.Context, tenant string, use keys.Use, epoch uint32) (keys.Secret, error) {
	if _, err := os.Stat(k.file.Path()); errors.Is(err, fs.ErrNotExist) {
		return keys.Secret{}, noKeys("the key file %s is not there: restore it, or name another with --keys", k.file.Path())
	}
	if _, err := k.file.Secret(ctx, tenant, use, 1); err != nil {
		return keys.Secret{}, noKeys("the key file %s has no keys of tenant %q: is this the tenant's id, and the file that belongs to the database?", k.file.Path(), tenant)
	}
	return k.file.Secret(ctx, tenant, use, epoch)
}

func noKeys(format string, args ...any) error {
	f := fault.New(fault.Unavailable, format, args...)
	f.Reason = "key_missing"
	return f
}
