package crm

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/module"
	"github.com/rapport-crm/rapport/internal/store"
)

// Dialect is one of the databases the CRM runs on: postgres.Dialect or sqlite.Dialect. There is no other.
type Dialect interface {
	// Name must return "postgres" or "sqlite".
	Name() string
}

// speaks returns what the store needs of a dialect.
func speaks(d Dialect) (store.Dialect, error) {
	full, ok := d.(store.Dialect)
	if !ok {
		return nil, fault.Field("dialect", "want postgres.Dialect or sqlite.Dialect")
	}
	return full, nil
}

// CRM is an opened CRM. It is safe for concurrent use by any number of goroutines and tenants. It holds no goroutine
// and no connection of its own unless it was started or opened them itself.
type CRM struct {
	parts
	cfg Config

	mu      sync.Mutex
	running bool
	closed  bool
	close   func() error
}

// New returns a CRM over the host's pool. It neither migrates nor starts anything: see [Migrate] and [CRM.Start].
// A nil cfg is an error here, because the KMS has no default.
//
// Errors: Invalid naming the field of cfg, or the database's setting, that must change; Unavailable when the
// database does not answer.
func New(ctx context.Context, db *sql.DB, d Dialect, cfg *Config) (*CRM, error) {
	return NewPools(ctx, Pools{Write: db, Read: db}, d, cfg)
}

// Pools are the pools a CRM works with. SQLite wants one writer and several readers; elsewhere both are the same.
type Pools struct {
	Write *sql.DB      // runs transactions; required
	Read  *sql.DB      // runs reads outside of transactions. Defaults to Write
	Close func() error // closes what the opener opened; nil leaves the pools to the host
}

// NewPools is [New] for an opener that has a pool for writing and one for reading.
func NewPools(ctx context.Context, p Pools, d Dialect, cfg *Config) (*CRM, error) {
	full, err := cfg.withDefaults(module.From(ctx))
	if err != nil {
		return nil, fault.At("crm: new", err)
	}
	speech, err := speaks(d)
	if err != nil {
		return nil, fault.At("crm: new", err)
	}
	db, err := store.Open(ctx, store.Config{Write: p.Write, Read: p.Read, Dialect: speech, Logger: full.Logger})
	if err != nil {
		return nil, fault.At("crm: new", err)
	}
	c := &CRM{cfg: full, close: p.Close}
	if err := c.build(db); err != nil {
		return nil, fault.At("crm: new", err)
	}
	return c, nil
}

// Close stops the background work and closes what the opener opened; a pool the host gave stays open. Afterwards every
// operation is an Unavailable fault with reason "closed". A second Close does nothing.
func (c *CRM) Close(ctx context.Context) error {
	err := c.Stop(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return err
	}
	c.closed = true
	err = errors.Join(err, c.db.Close())
	if c.close != nil {
		err = errors.Join(err, c.close())
	}
	return err
}

// Check compares the database's schema with the one this version wants of the modules in use. Further modules in the
// database are fine.
//
// Errors: Unavailable with reason "pending" when migrations are missing, naming the first and its module, "newer" when a
// later version of the CRM has migrated the database, or "drift" naming what differs.
func (c *CRM) Check(ctx context.Context) error {
	list, err := selected(c.cfg.further, c.cfg.Modules)
	if err == nil {
		err = c.db.Check(ctx, list)
	}
	return fault.At("crm: check", err)
}
