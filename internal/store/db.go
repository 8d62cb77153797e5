package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// Config is what a DB needs.
type Config struct {
	Write   *sql.DB      // runs transactions; for SQLite a pool of one connection
	Read    *sql.DB      // runs reads outside of transactions. Defaults to Write
	Dialect Dialect      // must be set
	Logger  *slog.Logger // gets repeated transactions at debug level. Defaults to slog.Default
}

// DB is the CRM's database. It implements [work.Units] and is safe for concurrent use. It does not own the pools:
// [DB.Close] gives back the prepared statements, and the pools stay open.
type DB struct {
	dialect Dialect
	write   *pool
	read    *pool
	bun     *bun.DB // scans rows of types without a plan; runs nothing
	wire    Wire
	plans   plans
	log     *slog.Logger

	writeUnit, readUnit *unit // for statements that run alone

	mu       sync.Mutex
	onCommit []func()
	closed   atomic.Bool
}

var _ work.Units = (*DB)(nil)

// Open returns a DB over pools that the caller keeps open. It checks the database with [Dialect.Check] and nothing
// else: it neither migrates nor starts anything.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if err := given(ctx, cfg.Write, cfg.Dialect); err != nil {
		return nil, err
	}
	if cfg.Read == nil {
		cfg.Read = cfg.Write
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	b, err := bunDialect(cfg.Dialect.Name())
	if err != nil {
		return nil, err
	}
	if err := cfg.Dialect.Check(ctx, cfg.Write); err != nil {
		return nil, cfg.Dialect.Fault(err)
	}
	db := &DB{dialect: cfg.Dialect, log: cfg.Logger, bun: bun.NewDB(cfg.Write, b)}
	db.wire, _ = cfg.Dialect.(Wire)
	db.write = newPool(cfg.Write, cfg.Dialect)
	db.read = db.write
	if cfg.Read != cfg.Write {
		db.read = newPool(cfg.Read, cfg.Dialect)
	}
	db.writeUnit, db.readUnit = db.onPool(db.write), db.onPool(db.read)
	return db, nil
}

func bunDialect(name string) (schema.Dialect, error) {
	switch name {
	case Postgres:
		return pgdialect.New(), nil
	case SQLite:
		return sqlitedialect.New(), nil
	}
	return nil, fault.New(fault.Invalid, "store: unknown dialect %q", name)
}

// given checks what a caller from outside may have left out.
func given(ctx context.Context, db *sql.DB, d Dialect) error {
	if db == nil || d == nil {
		return fault.Field("db", "a database and its dialect must be given")
	}
	return hasContext(ctx)
}

// hasContext refuses a nil context, which would panic inside database/sql while that holds the pool's lock.
func hasContext(ctx context.Context) error {
	if ctx == nil {
		return fault.Field("ctx", "must not be nil: without anything better pass context.Background()")
	}
	return nil
}

// Close gives back the statements the DB prepared. Work that begins afterwards is refused as Unavailable with reason
// [ReasonClosed]; a second Close does nothing.
func (db *DB) Close() error {
	if db.closed.Swap(true) {
		return nil
	}
	err := db.write.close()
	if db.read != db.write {
		err = errors.Join(err, db.read.close())
	}
	return err
}

// Dialect returns the dialect the DB was opened with.
func (db *DB) Dialect() Dialect { return db.dialect }

// OnCommit has fn called after each commit of a transaction of the DB's own, in the goroutine that committed. fn must
// not block. A host's transaction tells nobody when it commits; whoever waits for that must look again in time.
func (db *DB) OnCommit(fn func()) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.onCommit = append(db.onCommit[:len(db.onCommit):len(db.onCommit)], fn)
}

func (db *DB) committed() {
	db.mu.Lock()
	fns := db.onCommit
	db.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}

// convert makes driver arguments of a statement's arguments.
func (db *DB) convert(args []any) ([]any, error) {
	out := make([]any, len(args))
	for i, a := range args {
		p, err := plain(a)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		out[i] = db.dialect.Arg(p)
	}
	return out, nil
}
