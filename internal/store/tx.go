package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// maxTries bounds how often a transaction of our own runs.
const maxTries = 10

// repeat runs fn in a transaction of our own until the database takes it.
func (db *DB) repeat(ctx context.Context, fn func(ctx context.Context, u work.Unit) error) error {
	for try := 1; ; try++ {
		err := db.once(ctx, fn)
		if err == nil || fault.CodeOf(err) != fault.Retryable || try == maxTries {
			return err
		}
		db.log.DebugContext(ctx, "store: the transaction runs again", slog.Int("try", try), slog.Any("error", err))
		if pauseErr := pause(ctx, try); pauseErr != nil {
			return pauseErr
		}
	}
}

// pause waits for a random part of a growing time: 2, 4, 8 … 256 milliseconds.
func pause(ctx context.Context, try int) error {
	limit := time.Millisecond << min(try, 8)
	t := time.NewTimer(rand.N(limit)) //nolint:gosec // spreading retries needs no secrecy
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// once runs fn in one transaction.
func (db *DB) once(ctx context.Context, fn func(ctx context.Context, u work.Unit) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := db.write.prepareWanted(ctx); err != nil {
		return db.dialect.Fault(err)
	}
	u, err := db.top(ctx)
	if err != nil {
		return err
	}
	l := u.link
	defer func() {
		l.over.Store(true)
		l.end(ctx)
	}()
	if err := fn(context.WithValue(ctx, inTx{db}, l), u); err != nil {
		return err
	}
	l.over.Store(true)
	sent, err := l.commit(ctx, u)
	if err == nil && sent {
		db.committed()
	}
	return err
}

// top returns the outermost level of a new transaction. Where the wire reaches the connection, BEGIN waits for the first
// statement; elsewhere it is database/sql's transaction.
func (db *DB) top(ctx context.Context) (*unit, error) {
	l := &link{db: db, pool: db.write, trans: true}
	u := &unit{db: db, link: l}
	if !db.reaches(db.write) {
		return u, l.begin(ctx)
	}
	if err := l.connect(ctx); err != nil {
		return nil, err
	}
	if !l.direct {
		db.write.foreign.Store(true)
		_ = l.conn.Close() // it only goes back to the pool
		return u, l.begin(ctx)
	}
	u.enter = Statement{Text: "begin", kind: begin, owner: u}
	u.leave = Statement{Text: "commit", kind: commit, owner: u}
	l.add(&u.enter)
	return u, nil
}

// connect takes a connection of the pool.
func (l *link) connect(ctx context.Context) (err error) {
	if l.conn, err = l.pool.db.Conn(ctx); err != nil {
		return l.db.dialect.Fault(err)
	}
	l.ex, l.direct = l.conn, reaches(l.db.wire, l.conn)
	return nil
}

// reconnect takes another connection for one that has ended before the transaction has begun.
func (l *link) reconnect(ctx context.Context) error {
	l.discard()
	return l.connect(ctx)
}

// discard closes the connection instead of giving it back to the pool.
func (l *link) discard() {
	_ = l.conn.Raw(func(any) error { return driver.ErrBadConn }) // what it returns
	_ = l.conn.Close()                                           // closed already
}

// begin begins a transaction of database/sql. Its context outlives the caller's, because database/sql and pgx would
// otherwise break the connection in the middle of a commit, and nobody could tell whether it happened.
//
// A pool may hold connections that broke while nobody used them; a BEGIN that was lost has no effect, so the next
// connection is tried.
func (l *link) begin(ctx context.Context) error {
	for try := 1; ; try++ {
		conn, err := l.pool.db.Conn(ctx)
		if err != nil {
			return l.db.dialect.Fault(err)
		}
		txCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		heed := context.AfterFunc(ctx, cancel)
		tx, err := conn.BeginTx(txCtx, nil)
		heed()
		if err == nil {
			l.conn, l.ex, l.tx, l.cancel, l.begun = conn, tx, tx, cancel, true
			return nil
		}
		cancel()
		_ = conn.Close() // a broken one leaves the pool by this
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = l.db.dialect.Fault(err)
		if fault.CodeOf(err) != fault.Unavailable || try == maxTries {
			return err
		}
	}
}

// commit sends what waits and commits. sent is false when the transaction had nothing to do.
func (l *link) commit(ctx context.Context, u *unit) (sent bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropReads()
	if err := first(ctx.Err(), u.usable()); err != nil {
		return false, err
	}
	if l.lent != nil {
		_ = l.lent.Close() // its reader has gone
	}
	if l.tx != nil {
		return true, l.commitTx(ctx)
	}
	if len(l.waiting) == 1 && l.waiting[0] == &u.enter {
		return false, nil
	}
	return true, l.commitTrip(ctx, u)
}

// commitTx commits a transaction of database/sql.
func (l *link) commitTx(ctx context.Context) error {
	if err := l.flush(ctx); err != nil {
		return err
	}
	limit := time.AfterFunc(patience, l.cancel)
	defer limit.Stop()
	if err := l.tx.Commit(); err != nil {
		return l.db.commitFault(err)
	}
	l.committed = true
	return nil
}

// commitTrip sends the commit together with what waits. The trip outlives its caller, who must hear whether the commit
// happened; a statement that waits for a lock meanwhile is cancelled.
func (l *link) commitTrip(ctx context.Context, u *unit) error {
	long, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	l.add(&u.leave)
	list := l.waiting
	t := &Trip{Statements: list, Heed: ctx}
	l.travel(long, t)
	if t.Unknown {
		return unknownCommit(refused(list))
	}
	for _, s := range list {
		l.done(s)
	}
	err := l.settle(ctx, list)
	l.committed = err == nil
	return err
}

// end gives the connection back, and takes back what was not committed.
func (l *link) end(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return
	}
	switch {
	case l.tx != nil:
		_ = l.tx.Rollback() // committed, or broken
		l.cancel()
	case l.used && !l.committed && !l.rollback(ctx):
		l.discard()
		return
	}
	_ = l.conn.Close() // it only goes back to the pool
}

// rollback reports whether the connection is good for others afterwards.
func (l *link) rollback(ctx context.Context) bool {
	if l.lent != nil {
		_ = l.lent.Close() // its reader has gone
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return l.control(ctx, "rollback") == nil
}

// commitFault distinguishes a commit that certainly did not happen from one that may have. A driver's word that nothing was
// sent does not count: pgx says so, too, of a connection that broke while it waited for the answer.
func (db *DB) commitFault(err error) error {
	f := db.dialect.Fault(err)
	lost := fault.CodeOf(f) == fault.Unavailable || errors.Is(f, context.Canceled)
	if !lost || db.dialect.Name() != Postgres {
		return f
	}
	return unknownCommit(err)
}

func unknownCommit(err error) error {
	return fault.Wrap(fault.CommitUnknown, Cause("connection lost", err), "nobody can tell whether the commit happened: repeat under the same idempotency key")
}
