package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/store"
)

var _ store.Wire = dialect{}

// session runs statements: pgx's connection, or a host's transaction on it.
type session interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// reach returns pgx's connection when nothing but this package stands before it, and what statements go through.
func reach(source any) (session, *pgx.Conn) {
	switch c := source.(type) {
	case conn:
		return c.Conn.Conn(), c.Conn.Conn()
	case *stdlib.Conn:
		return c.Conn(), c.Conn()
	case *joined:
		return c.tx, c.tx.Conn() // a host may have wrapped its transaction
	}
	return nil, nil
}

// Reaches implements [store.Wire].
func (dialect) Reaches(source any) bool {
	if _, pooled := source.(poolDriver); pooled {
		return true
	}
	_, pg := reach(source)
	return pg != nil
}

// Send implements [store.Wire]: a trip of several statements is one batch.
func (dialect) Send(ctx context.Context, source any, t *store.Trip) (sent bool) {
	d, pooled := source.(poolDriver)
	if !pooled {
		s, pg := reach(source)
		return send(ctx, s, pg, t)
	}
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		t.Statements[0].Err, t.Statements[0].Ran = err, true
		return true
	}
	defer c.Release()
	return send(ctx, c.Conn(), c.Conn(), t)
}

func send(ctx context.Context, on session, pg *pgx.Conn, t *store.Trip) (sent bool) {
	first := t.Statements[0]
	switch {
	case pg.IsClosed():
		return false
	case t.Open && pg.PgConn().TxStatus() == 'I':
		first.Err, first.Ran = pgx.ErrTxClosed, true
		return true
	case pg.PgConn().IsBusy():
		first.Err, first.Ran = errOpenRows, true
		return true
	}
	defer heed(t.Heed, pg)()
	var unsent bool // as far as can be seen
	if len(t.Statements) == 1 {
		first.Err, first.Ran = run(ctx, on, pg, first), true
		unsent = !first.Commits()
	} else {
		results := on.SendBatch(ctx, batch(t))
		unsent = pg.IsClosed() // nothing was awaited yet
		runAll(results, pg, t)
	}
	if unsent && first.Err != nil && pgconn.SafeToRetry(first.Err) && ctx.Err() == nil {
		return false
	}
	t.Unknown = inDoubt(t.Statements)
	return true
}

var errOpenRows = fault.New(fault.Invalid, "rows of the transaction are still open: close them before the next statement")

func run(ctx context.Context, on session, pg *pgx.Conn, s *store.Statement) error {
	if s.Into == nil {
		tag, err := on.Exec(ctx, s.Text, s.Args...)
		return changed(s, tag, err)
	}
	rows, err := on.Query(ctx, s.Text, s.Args...)
	if err != nil {
		return err
	}
	return readRows(rows, pg.TypeMap(), s.Into)
}

func batch(t *store.Trip) *pgx.Batch {
	queries := make([]pgx.QueuedQuery, len(t.Statements))
	b := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, len(queries))}
	for i, s := range t.Statements {
		queries[i].SQL, queries[i].Arguments = s.Piped(), s.Args
		b.QueuedQueries[i] = &queries[i]
	}
	return b
}

// runAll takes the answers in. What the driver could not even send has the name of its statement in the error.
func runAll(results pgx.BatchResults, pg *pgx.Conn, t *store.Trip) {
	for _, s := range t.Statements {
		var err error
		if s.Into == nil {
			var tag pgconn.CommandTag
			tag, err = results.Exec()
			err = changed(s, tag, err)
		} else {
			var rows pgx.Rows
			if rows, err = results.Query(); err == nil {
				err = readRows(rows, pg.TypeMap(), s.Into)
			}
		}
		if err != nil {
			s = unsent(t, err, s)
		}
		if s.Err, s.Ran = err, true; err != nil && !misread(s) {
			break
		}
	}
	last := t.Statements[len(t.Statements)-1]
	if err := results.Close(); err != nil && last.Ran && last.Err == nil {
		last.Err = err
	}
}

// misread reports whether it was this package that refused a row: the server has gone on.
func misread(s *store.Statement) bool {
	_, ok := errors.AsType[*fault.Error](s.Err)
	return ok && s.Into != nil
}

// unsent returns the statement that the driver could not prepare; at is where the error came up.
func unsent(t *store.Trip, err error, at *store.Statement) *store.Statement {
	e, ok := errors.AsType[pgx.ErrPreprocessingBatch](err)
	if !ok {
		return at
	}
	if i := slices.IndexFunc(t.Statements, func(s *store.Statement) bool { return s.Piped() == e.SQL() }); i >= 0 {
		return t.Statements[i]
	}
	return at
}

// changed notes what a statement has changed.
func changed(s *store.Statement, tag pgconn.CommandTag, err error) error {
	e, answered := errors.AsType[*pgconn.PgError](err)
	switch {
	case answered && s.Decides() && e.Code == "22012": // see Piped
		return store.ErrNoRow
	case err == nil && s.Commits() && tag.String() == "ROLLBACK":
		return pgx.ErrTxCommitRollback
	}
	s.N = tag.RowsAffected()
	return err
}

// inDoubt reports whether a trip was to commit and ended without a word on that. Where the server has refused what came
// before, the commit has not happened. A driver's word that nothing was sent does not count: pgx says so, too, of a
// connection that broke while it waited for the answer.
func inDoubt(list []*store.Statement) bool {
	last := list[len(list)-1]
	if !last.Commits() {
		return false
	}
	i := slices.IndexFunc(list, func(s *store.Statement) bool { return s.Err != nil })
	if i < 0 {
		return false
	}
	err := list[i].Err
	_, answered := errors.AsType[*pgconn.PgError](err)
	_, unsent := errors.AsType[pgx.ErrPreprocessingBatch](err)
	switch {
	case errors.Is(err, store.ErrNoRow), errors.Is(err, pgx.ErrTxCommitRollback):
		return false
	case answered && list[i] != last:
		return false
	case answered || unsent:
		return fault.CodeOf(dialect{}.Fault(err)) == fault.Unavailable
	}
	return true
}

// heed has the server cancel what runs on a connection when ctx ends. The function it returns must be called when the
// trip has ended; it closes a connection for which a cancellation may still be under way.
func heed(ctx context.Context, pg *pgx.Conn) (done func()) {
	if ctx == nil || ctx.Done() == nil {
		return func() {}
	}
	over, asked := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(asked)
		cancelUntil(over, pg)
	})
	return func() {
		close(over)
		if stop() {
			return
		}
		<-asked
		ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
		defer cancel()
		_ = pg.Close(ctx) // whatever it says, the connection is of no use
	}
}

const (
	cancelTimeout = 5 * time.Second
	cancelAgain   = 50 * time.Millisecond
)

// cancelUntil asks again, because the server forgets a request that comes before the statement.
func cancelUntil(over <-chan struct{}, pg *pgx.Conn) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
		_ = pg.PgConn().CancelRequest(ctx) // there is no other way to ask
		cancel()
		select {
		case <-over:
			return
		case <-time.After(cancelAgain):
		}
	}
}
