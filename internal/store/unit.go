package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// unit is the store's [work.Unit]: a pool, or one level of one transaction.
type unit struct {
	db    *DB
	ex    Execer
	pool  *pool     // whose prepared statements fit; nil on a host's connection
	tx    *sql.Tx   // our own transaction; nil otherwise
	conn  *sql.Conn // the connection of the transaction, when known
	trans *trans    // nil on a pool
	depth int       // savepoints around this level
	child atomic.Bool
}

// trans is one open transaction, shared by the units of all its levels.
type trans struct {
	over   atomic.Bool
	broken atomic.Pointer[error] // why a failed level could not be undone: nothing of the transaction may stay
}

// check returns why the transaction must be rolled back, or nil.
func (t *trans) check() error {
	if f := t.broken.Load(); f != nil {
		return *f
	}
	return nil
}

// inTx is the context key that marks the inside of a transaction of one DB. Its value is the *trans.
type inTx struct{ db *DB }

// Join returns the unit of a host's open transaction. The store never ends it; each write on it takes a savepoint.
// It must not be used after the transaction has ended, nor by several goroutines at once.
// Every use of a nil one is an Invalid fault of field "tx".
func (db *DB) Join(tx *sql.Tx) work.Unit {
	t := &trans{}
	err := db.open()
	if err == nil && tx == nil {
		err = fault.Field("tx", "must be an open transaction")
	}
	if err != nil {
		t.broken.Store(&err)
	}
	return &unit{db: db, ex: tx, trans: t}
}

// JoinConn is [DB.Join] for a connection on which the host has begun a transaction. It also allows the fast bulk load.
// After end the unit is refused, as after the end of its transaction.
func (db *DB) JoinConn(c *sql.Conn) (u work.Unit, end func()) {
	t := &trans{}
	return &unit{db: db, ex: c, conn: c, trans: t}, func() { t.over.Store(true) }
}

// Querier returns the unit's transaction for statements of the host's own, or nil outside of one.
func (db *DB) Querier(u work.Unit) Execer {
	x, err := db.unit(u)
	if err != nil || x == nil || x.trans == nil {
		return nil
	}
	return x.ex
}

// InTx reports whether the unit is inside a transaction.
func (db *DB) InTx(u work.Unit) bool { return db.Querier(u) != nil }

// Ready returns why no work can begin with a context: it is nil, or the DB is closed.
func (db *DB) Ready(ctx context.Context) error {
	if err := hasContext(ctx); err != nil {
		return err
	}
	return db.open()
}

// open refuses work after [DB.Close]; transactions that are open by then go on.
func (db *DB) open() error {
	if !db.closed.Load() {
		return nil
	}
	f := fault.New(fault.Unavailable, "the CRM is closed: open it again")
	f.Reason = ReasonClosed
	return f
}

// unit returns u as ours, or nil for a nil u.
func (db *DB) unit(u work.Unit) (*unit, error) {
	if u == nil {
		return nil, db.open()
	}
	x, ok := u.(*unit)
	switch {
	case !ok:
		return nil, fault.New(fault.Internal, "store: %T is not a unit", u)
	case x.db != db:
		return nil, fault.New(fault.Invalid, "the transaction belongs to another CRM")
	case x.trans != nil && x.trans.over.Load():
		return nil, fault.New(fault.Invalid, "the session's transaction has ended: use the session it came from")
	case x.trans != nil && x.trans.check() != nil:
		return nil, x.trans.check()
	}
	return x, nil
}

// outside refuses work on the pools from inside a transaction: on SQLite's single writer, or a pool of one, it would
// wait for itself. It also refuses a nil context.
func (db *DB) outside(ctx context.Context) error {
	if err := hasContext(ctx); err != nil {
		return err
	}
	t, ok := ctx.Value(inTx{db}).(*trans)
	if ok && !t.over.Load() {
		return fault.New(fault.Invalid, "the outer session was used inside InTx: use the session that InTx passes to the function")
	}
	return nil
}

// Write implements [work.Units]. On a nil or pool unit it begins a transaction, commits it when fn returns nil, and
// runs fn again when the database asks for that. On a transaction it takes a savepoint.
//
// Errors: what fn returns; Invalid for an outer session inside a transaction; Retryable when the tries are used up
// or the host owns the transaction; CommitUnknown when the connection broke during commit.
func (db *DB) Write(ctx context.Context, u work.Unit, fn func(ctx context.Context, u work.Unit) error) error {
	x, err := db.unit(u)
	if err != nil {
		return err
	}
	if x != nil && x.trans != nil {
		return x.savepoint(ctx, fn)
	}
	if err := db.outside(ctx); err != nil {
		return err
	}
	return db.repeat(ctx, fn)
}

// Read implements [work.Units]. On a nil unit fn gets one over the reading pool; each of its statements sees the
// newest commits. On a transaction fn gets that.
func (db *DB) Read(ctx context.Context, u work.Unit, fn func(ctx context.Context, u work.Unit) error) error {
	x, err := db.unit(u)
	if err != nil {
		return err
	}
	if x == nil {
		if err := db.outside(ctx); err != nil {
			return err
		}
		x = &unit{db: db, ex: db.read.db, pool: db.read}
	}
	return fn(ctx, x)
}

// savepoint runs fn on the next level of an open transaction.
func (u *unit) savepoint(ctx context.Context, fn func(ctx context.Context, inner work.Unit) error) (err error) {
	if !u.child.CompareAndSwap(false, true) {
		return fault.New(fault.Invalid, "two writes at once in one transaction: a session inside a transaction is for one goroutine, "+
			"and inside a nested InTx only the inner session may be used")
	}
	defer u.child.Store(false)
	inner := &unit{db: u.db, ex: u.ex, pool: u.pool, tx: u.tx, conn: u.conn, trans: u.trans, depth: u.depth + 1}
	name := "crm_" + strconv.Itoa(inner.depth)
	if err := u.control(ctx, "SAVEPOINT "+name); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			err = u.undo(ctx, name, err)
		}
	}()
	if err := fn(context.WithValue(ctx, inTx{u.db}, u.trans), inner); err != nil {
		return err
	}
	if err := u.control(ctx, "RELEASE SAVEPOINT "+name); err != nil {
		return err
	}
	done = true
	return nil
}

// undo takes a failed level back, also when the caller's context has ended: the host's transaction lives on. Where
// that fails, the transaction is good for nothing any more, and a caller who could live with cause must be told.
func (u *unit) undo(outer context.Context, name string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(outer), patience)
	defer cancel()
	err := u.control(ctx, "ROLLBACK TO SAVEPOINT "+name)
	if err == nil {
		err = u.control(ctx, "RELEASE SAVEPOINT "+name)
	}
	if err == nil {
		return cause
	}
	if outer.Err() != nil && fault.CodeOf(err) == fault.Invalid { // the context has ended the host's transaction with it
		err = outer.Err()
		u.trans.broken.CompareAndSwap(nil, &err)
		return err
	}
	f := fault.Wrap(fault.CodeOf(err), err, "a failed part of the transaction could not be undone: roll all of it back")
	u.trans.broken.CompareAndSwap(nil, &f)
	switch fault.CodeOf(cause) { // after these everybody gives the transaction up
	case fault.Retryable, fault.Unavailable, fault.CommitUnknown:
		return cause
	}
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return f
}

func (u *unit) control(ctx context.Context, statement string) error {
	_, err := u.ex.ExecContext(ctx, statement)
	return u.db.dialect.Fault(err)
}

// patience bounds what must be finished although the caller has gone: commits and undoing.
const patience = 30 * time.Second
