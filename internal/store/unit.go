package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// unit is the store's [work.Unit]: a pool, or one level of one transaction.
type unit struct {
	db    *DB
	link  *link
	depth int // savepoints around this level
	child atomic.Bool

	// These belong to the link's lock.
	saved  bool  // its savepoint is taken
	failed error // a queued write has failed: the level must be undone
	enter  Statement
	leave  Statement
	log    writeLog
}

// inTx is the context key that marks the inside of a transaction of one DB. Its value is the *link.
type inTx struct{ db *DB }

// onPool returns a unit whose statements run on a pool.
func (db *DB) onPool(p *pool) *unit {
	on := &struct {
		unit unit
		link link
	}{}
	on.link.db, on.link.ex, on.link.pool = db, p.db, p
	on.unit.db, on.unit.link = db, &on.link
	return &on.unit
}

// Join returns the unit of a host's open transaction. The store never ends it; each write on it takes a savepoint.
// It must not be used after the transaction has ended, nor by several goroutines at once.
// Every use of a nil one is an Invalid fault of field "tx".
func (db *DB) Join(tx *sql.Tx) work.Unit {
	l := &link{db: db, ex: tx, trans: true, host: true, begun: true, merges: db.dialect.Name() == Postgres}
	err := db.open()
	if err == nil && tx == nil {
		err = fault.Field("tx", "must be an open transaction")
	}
	if err != nil {
		l.broken.Store(&err)
	}
	return &unit{db: db, link: l}
}

// Adapter is a [Dialect] whose driver has transactions of its own.
type Adapter interface {
	// Adapt must return a connection on which every statement runs on the driver's transaction, and what gives it back; or an
	// Invalid fault of field "tx" when that is none.
	Adapt(ctx context.Context, tx any) (c *sql.Conn, release func() error, err error)
}

// JoinTx is [DB.Join] for a transaction of the driver's own, on which the bulk load is fast. The caller must call release
// when it is done with the unit and before the host ends the transaction; neither commits nor rolls back. After it the unit
// is refused, as after the end of its transaction.
//
// Errors: Invalid for field "tx".
func (db *DB) JoinTx(ctx context.Context, tx any) (u work.Unit, release func() error, err error) {
	a, ok := db.dialect.(Adapter)
	if !ok {
		return nil, nil, fault.Field("tx", "%s has no transactions but *sql.Tx: use Join", db.dialect.Name())
	}
	c, back, err := a.Adapt(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	l := &link{db: db, ex: c, conn: c, trans: true, host: true, begun: true}
	l.direct = db.wire != nil && reaches(db.wire, c)
	return &unit{db: db, link: l}, func() error {
		l.over.Store(true)
		return back()
	}, nil
}

// reaches reports whether a wire knows a connection.
func reaches(w Wire, c *sql.Conn) (ok bool) {
	_ = c.Raw(func(dc any) error { ok = w.Reaches(dc); return nil }) // a broken one says so at its first statement
	return ok
}

// Querier returns the unit's transaction for statements of the host's own, or nil outside of one. They see what was
// queued before.
func (db *DB) Querier(u work.Unit) Execer {
	x, err := db.unit(u)
	if err != nil || x == nil || !x.link.trans {
		return nil
	}
	return hostSQL{x}
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
	case x.link.over.Load():
		return nil, fault.New(fault.Invalid, "the session's transaction has ended: use the session it came from")
	}
	if err := x.link.check(); err != nil {
		return nil, err
	}
	return x, nil
}

// outside refuses work on the pools from inside a transaction: on SQLite's single writer, or a pool of one, it would
// wait for itself. It also refuses a nil context.
func (db *DB) outside(ctx context.Context) error {
	if err := hasContext(ctx); err != nil {
		return err
	}
	l, ok := ctx.Value(inTx{db}).(*link)
	if ok && !l.over.Load() {
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
	if x != nil && x.link.trans {
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
		x = db.onPool(db.read)
	}
	return fn(ctx, x)
}

// savepoint runs fn on the next level of an open transaction. What fn has queued is sent before it returns, so that
// its errors come from it and the host sees its rows. A level that runs no statement sends nothing.
func (u *unit) savepoint(ctx context.Context, fn func(ctx context.Context, inner work.Unit) error) (err error) {
	if !u.child.CompareAndSwap(false, true) {
		return fault.New(fault.Invalid, "two writes at once in one transaction: a session inside a transaction is for one goroutine, "+
			"and inside a nested InTx only the inner session may be used")
	}
	defer u.child.Store(false)
	inner, err := u.level()
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			err = inner.undo(ctx, err)
		}
	}()
	if err := fn(context.WithValue(ctx, inTx{u.db}, u.link), inner); err != nil {
		return err
	}
	if err := inner.release(ctx); err != nil {
		return err
	}
	u.log.append(&inner.log)
	done = true
	return nil
}

// level queues the savepoint of the next level.
func (u *unit) level() (*unit, error) {
	inner := &unit{db: u.db, link: u.link, depth: u.depth + 1}
	inner.enter = Statement{Text: levelText(savepointText, inner.depth), kind: savepoint, owner: inner}
	inner.leave = Statement{Text: levelText(releaseText, inner.depth), kind: release, owner: inner}
	return inner, u.wait(&inner.enter)
}

// release ends a level that has succeeded.
func (u *unit) release(ctx context.Context) error {
	l := u.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := u.usable(); err != nil {
		return err
	}
	l.dropReads()
	if n := len(l.waiting); n > 0 && l.waiting[n-1] == &u.enter {
		l.drop(n-1, nil)
		return nil
	}
	l.add(&u.leave)
	return l.flush(ctx)
}

// undo takes a failed level back, also when the caller's context has ended: the host's transaction lives on. Where
// that fails, the transaction is good for nothing any more, and a caller who could live with cause must be told.
func (u *unit) undo(outer context.Context, cause error) error {
	l := u.link
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(max(0, slices.Index(l.waiting, &u.enter)), errDropped)
	if !u.saved {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(outer), patience)
	defer cancel()
	err := l.control(ctx, levelText(undoText, u.depth))
	if err == nil {
		err = l.control(ctx, levelText(releaseText, u.depth))
	}
	if err == nil {
		return cause
	}
	return l.breaks(outer, cause, err)
}

// breaks notes that a failed level could not be undone because of err.
func (l *link) breaks(outer context.Context, cause, err error) error {
	if outer.Err() != nil && fault.CodeOf(err) == fault.Invalid { // the context has ended the host's transaction with it
		err = outer.Err()
		l.broken.CompareAndSwap(nil, &err)
		return err
	}
	f := fault.Wrap(fault.CodeOf(err), err, "a failed part of the transaction could not be undone: roll all of it back")
	l.broken.CompareAndSwap(nil, &f)
	switch fault.CodeOf(cause) { // after these everybody gives the transaction up
	case fault.Retryable, fault.Unavailable, fault.CommitUnknown:
		return cause
	}
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return f
}

// errDropped is what a queued read has when its level has ended before anybody waited for it.
var errDropped = fault.New(fault.Invalid, "the level of the transaction has ended before the read was waited for")

// flush sends what waits, so that whoever passes the queue by sees it.
func (u *unit) flush(ctx context.Context) error {
	u.link.mu.Lock()
	defer u.link.mu.Unlock()
	if err := u.usable(); err != nil {
		return err
	}
	u.log.opaque = true
	return u.link.flush(ctx)
}

// levelText names the savepoint of a level.
func levelText(verb, depth int) string {
	if depth < len(levelTexts) {
		return levelTexts[depth][verb]
	}
	return levelVerbs[verb] + strconv.Itoa(depth)
}

const (
	savepointText = iota
	releaseText
	undoText
)

var (
	levelVerbs = [...]string{savepointText: "SAVEPOINT crm_", releaseText: "RELEASE SAVEPOINT crm_", undoText: "ROLLBACK TO SAVEPOINT crm_"}
	levelTexts = func() (out [8][len(levelVerbs)]string) {
		for depth := range out {
			for i, verb := range levelVerbs {
				out[depth][i] = verb + strconv.Itoa(depth)
			}
		}
		return out
	}()
)

// patience bounds what must be finished although the caller has gone: commits and undoing.
const patience = 30 * time.Second
