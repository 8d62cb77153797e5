package store

import (
	"context"
	"database/sql"
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

// once runs fn in one transaction. The transaction's context outlives the caller's, because database/sql and pgx
// would otherwise break the connection in the middle of a commit, and nobody could tell whether it happened.
func (db *DB) once(ctx context.Context, fn func(ctx context.Context, u work.Unit) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := db.write.prepareWanted(ctx); err != nil {
		return db.dialect.Fault(err)
	}
	txCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	heed := context.AfterFunc(ctx, cancel)
	conn, tx, err := db.begin(ctx, txCtx)
	heed()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it only goes back to the pool
	u := &unit{db: db, ex: tx, pool: db.write, tx: tx, conn: conn, trans: &trans{}}
	defer func() {
		u.trans.over.Store(true)
		_ = tx.Rollback()
	}()
	if err := fn(context.WithValue(ctx, inTx{db}, u.trans), u); err != nil {
		return err
	}
	if err := first(ctx.Err(), u.trans.check()); err != nil {
		return err
	}
	limit := time.AfterFunc(patience, cancel)
	defer limit.Stop()
	u.trans.over.Store(true)
	if err := tx.Commit(); err != nil {
		return db.commitFault(err)
	}
	db.committed()
	return nil
}

// begin begins a transaction. A pool may hold connections that broke while nobody used them; a BEGIN that was lost has
// no effect, so the next connection is tried.
func (db *DB) begin(ctx, txCtx context.Context) (*sql.Conn, *sql.Tx, error) {
	for try := 1; ; try++ {
		conn, err := db.write.db.Conn(ctx)
		if err != nil {
			return nil, nil, db.dialect.Fault(err)
		}
		tx, err := conn.BeginTx(txCtx, nil)
		if err == nil {
			return conn, tx, nil
		}
		_ = conn.Close() // a broken one leaves the pool by this
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		err = db.dialect.Fault(err)
		if fault.CodeOf(err) != fault.Unavailable || try == maxTries {
			return nil, nil, err
		}
	}
}

// commitFault tells a commit that certainly did not happen from one that may have. A driver's word that nothing was
// sent does not count: pgx says so, too, of a connection that broke while it waited for the answer.
func (db *DB) commitFault(err error) error {
	f := db.dialect.Fault(err)
	lost := fault.CodeOf(f) == fault.Unavailable || errors.Is(f, context.Canceled)
	if !lost || db.dialect.Name() != Postgres {
		return f
	}
	return fault.Wrap(fault.CommitUnknown, Cause("connection lost", err), "nobody can tell whether the commit happened: repeat under the same idempotency key")
}
