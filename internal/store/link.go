package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"sync/atomic"

	"github.com/rapport-crm/rapport/core/fault"
)

// link is where the statements of a unit go, and those that wait to be sent. The levels of a transaction share one.
type link struct {
	db   *DB
	ex   Execer    // what database/sql offers
	pool *pool     // whose prepared statements fit; nil on a host's connection
	tx   *sql.Tx   // our own transaction where it is one of database/sql; nil otherwise
	conn *sql.Conn // the connection of the transaction, when known

	trans  bool // the statements belong to one transaction
	host   bool // which the host has begun, and ends
	direct bool // inside a transaction: the wire reaches conn
	merges bool // a host's *sql.Tx on PostgreSQL: see merge

	over   atomic.Bool
	broken atomic.Pointer[error] // why nothing of the transaction may stay: it has not begun, or a failed level could not be undone

	mu      sync.Mutex
	waiting []*Statement
	used    bool      // something was sent
	begun   bool      // the transaction is open, or was
	lent    *sql.Rows // to the host, last

	committed bool
	cancel    context.CancelFunc // ends the context of tx
	room      [12]*Statement
}

// check returns why nothing of the transaction may stay, or nil.
func (l *link) check() error {
	if f := l.broken.Load(); f != nil {
		return *f
	}
	return nil
}

// add puts a statement at the end of the queue. The caller holds the lock, as for all that follows.
func (l *link) add(s *Statement) {
	if l.waiting == nil {
		l.waiting = l.room[:0]
	}
	l.waiting = append(l.waiting, s)
}

// drop empties the queue from a place on. Whoever waits for what is dropped hears why.
func (l *link) drop(from int, why error) {
	for _, s := range l.waiting[from:] {
		s.Err = why
	}
	clear(l.waiting[from:])
	l.waiting = l.waiting[:from]
}

// dropReads drops the reads that nobody has waited for.
func (l *link) dropReads() {
	kept := l.waiting[:0]
	for _, s := range l.waiting {
		if s.kind == read {
			s.Err = errDropped
			continue
		}
		kept = append(kept, s)
	}
	clear(l.waiting[len(kept):])
	l.waiting = kept
}

// flush sends what waits and returns the first fault of a write.
func (l *link) flush(ctx context.Context) error {
	list := l.waiting
	l.transmit(ctx, list)
	err := l.settle(ctx, list)
	clear(list)
	l.waiting = list[:0]
	return err
}

// alone runs a statement that nobody else waits with.
func (l *link) alone(ctx context.Context, s *Statement) error {
	list := []*Statement{s}
	l.transmit(ctx, list)
	_ = l.settle(ctx, list) // its own is in s
	return s.Err
}

// transmit runs statements in their order, until one fails.
func (l *link) transmit(ctx context.Context, list []*Statement) {
	for len(list) > 0 {
		n := l.together(list)
		switch {
		case n == 0:
			n = 1
			l.plain(ctx, list[0])
		case l.merges:
			l.merged(ctx, list[:n])
		default:
			l.travel(ctx, &Trip{Statements: list[:n]})
		}
		for _, s := range list[:n] {
			l.done(s)
		}
		if list[n-1].failed() {
			return
		}
		list = list[n:]
	}
}

// together returns how many of the first statements can be sent as one: 0 when the first runs through database/sql.
func (l *link) together(list []*Statement) int {
	if l.merges {
		return mergeable(list)
	}
	if !l.direct && (l.trans || !l.db.reaches(l.pool)) {
		return 0
	}
	for i, s := range list {
		if s.scan != nil || !l.trans && s.Into == nil {
			return i
		}
	}
	return len(list)
}

// travel sends a trip by the driver's own means. A BEGIN that was lost has no effect: a pool may hold connections that
// broke while nobody used them, so the trip is made again on another one.
func (l *link) travel(ctx context.Context, t *Trip) {
	for try := 1; ; try++ {
		if t.Open = l.begun; l.trans {
			l.used = true
		}
		sent := l.reach(ctx, func(source any) bool { return l.db.wire.Send(ctx, source, t) })
		switch {
		case sent && !l.stale(ctx, t):
			return
		case !l.trans: // found broken; database/sql takes another
			for _, s := range t.Statements {
				s.reset()
				if l.plain(ctx, s); s.failed() {
					return
				}
			}
			return
		case l.begun || l.host || try == maxTries:
			lost(t)
			return
		}
		for _, s := range t.Statements {
			s.reset()
		}
		if err := l.reconnect(ctx); err != nil {
			t.Statements[0].Err, t.Statements[0].Ran = err, true
			return
		}
	}
}

// stale reports whether a trip came to nothing because the connection had ended before it.
func (l *link) stale(ctx context.Context, t *Trip) bool {
	first := t.Statements[0]
	return first.kind == begin && first.Err != nil && !t.Unknown && ctx.Err() == nil &&
		fault.CodeOf(l.db.dialect.Fault(first.Err)) == fault.Unavailable
}

// lost says of a trip that it found no connection.
func lost(t *Trip) {
	if s := t.Statements[0]; s.Err == nil {
		s.Err, s.Ran = driver.ErrBadConn, true
	}
}

// reach calls fn with what the wire knows of the link. It returns false when there is no such thing, or when that was
// found broken.
func (l *link) reach(ctx context.Context, fn func(source any) (sent bool)) (sent bool) {
	if !l.trans && l.db.wire.Reaches(l.pool.driver) {
		return fn(l.pool.driver)
	}
	conn := l.conn
	switch {
	case conn == nil && l.trans:
		return false
	case conn == nil:
		var err error
		if conn, err = l.pool.db.Conn(ctx); err != nil {
			return false // database/sql says it again
		}
		defer conn.Close() //nolint:errcheck // gives it back to the pool
	}
	known := false
	_ = conn.Raw(func(dc any) error {
		if known = l.db.wire.Reaches(dc); !known {
			return nil
		}
		if sent = fn(dc); !sent && !l.trans {
			return driver.ErrBadConn // the pool must not give it out again
		}
		return nil
	})
	if !known && !l.trans {
		l.pool.foreign.Store(true)
	}
	return sent
}

// reaches reports whether the wire may reach the connections of a pool.
func (db *DB) reaches(p *pool) bool { return db.wire != nil && p != nil && !p.foreign.Load() }

// settle gives each statement its fault, and returns the first one of a write. A statement that has not run has the
// fault of the one that stopped it, and its level fails like that one's: whoever passes a fault over must not commit what
// is left.
func (l *link) settle(ctx context.Context, list []*Statement) (failed error) {
	var stopped error
	for _, s := range list {
		if l.answer(ctx, s); s.Err != nil && s.failed() && stopped == nil {
			stopped = s.Err
		}
	}
	for _, s := range list {
		if s.Err == nil && !s.Ran {
			s.Err = stopped
		}
		if s.Err == nil || s.kind == ask || s.kind == read {
			continue
		}
		failed = first(failed, s.Err)
		s.owner.failed = first(s.owner.failed, s.Err)
		if s.kind == begin {
			l.broken.CompareAndSwap(nil, &s.Err)
		}
	}
	return failed
}

// answer makes a fault of what the driver has said of a statement.
func (l *link) answer(ctx context.Context, s *Statement) {
	if s.Err == nil && s.Ran && (s.Decides() && s.N == 0 || s.Into != nil && s.Into.one && s.Into.n == 0) {
		s.Err = ErrNoRow
	}
	if s.Err == nil {
		return
	}
	s.Err = l.db.fault(ctx, s.Err)
	if s.check != nil {
		s.Err = first(s.check(s.Err), s.Err)
	}
}

// done notes what a statement has brought about.
func (l *link) done(s *Statement) {
	switch {
	case s.failed():
	case s.kind == begin:
		l.begun = true
	case s.kind == savepoint:
		s.owner.saved = true
	case l.merges && (s.kind == write || s.kind == ask) && (s.form != nil || s.Into == nil && s.scan == nil):
		s.owner.log.list = append(s.owner.log.list, s)
	}
}

// plain runs a statement through database/sql.
func (l *link) plain(ctx context.Context, s *Statement) {
	s.Ran = true
	if l.trans {
		l.used = true
	}
	switch {
	case s.scan != nil:
		s.Err = l.query(ctx, s.Text, s.Args, s.scan)
	case s.Into != nil:
		s.Err = l.query(ctx, s.Text, s.Args, s.Into.scan)
	case s.kind >= begin:
		_, s.Err = l.ex.ExecContext(ctx, s.Text)
	default:
		s.N, s.Err = l.exec(ctx, s.Text, s.Args)
	}
}

func (l *link) exec(ctx context.Context, text string, args []any) (int64, error) {
	res, err := sql.Result(nil), error(nil)
	if s := l.stmt(text); s != nil {
		res, err = l.bound(ctx, s).ExecContext(ctx, args...) //nolint:sqlclosecheck // the pool keeps the statement
		err = first(err, l.pool.release(s))
	} else {
		res, err = l.ex.ExecContext(ctx, text, args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (l *link) query(ctx context.Context, text string, args []any, scan func(*sql.Rows) error) (err error) {
	var rows *sql.Rows
	s := l.stmt(text)
	if s == nil && !l.trans && l.pool != nil && l.pool.prepares {
		if s, err = l.pool.prepare(ctx, text); err != nil {
			return err
		}
	}
	if s != nil {
		defer func() { err = first(err, l.pool.release(s)) }()
		rows, err = l.bound(ctx, s).QueryContext(ctx, args...) //nolint:sqlclosecheck // the pool keeps the statement
	} else {
		rows, err = l.ex.QueryContext(ctx, text, args...)
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	if err := scan(rows); err != nil {
		return err
	}
	return rows.Err()
}

// stmt returns the prepared statement of a text, or nil when it runs as text: on a host's connection, on PostgreSQL,
// and the first time inside a transaction.
func (l *link) stmt(text string) *prepared {
	if l.pool == nil || !l.pool.prepares {
		return nil
	}
	s := l.pool.take(text)
	if s == nil && l.tx != nil {
		l.pool.want(text)
	}
	return s
}

// bound returns the statement for the link's transaction.
func (l *link) bound(ctx context.Context, s *prepared) *sql.Stmt {
	if l.tx == nil {
		return s.stmt
	}
	return l.tx.StmtContext(ctx, s.stmt)
}

// control runs one statement of the store's own at once.
func (l *link) control(ctx context.Context, text string) error {
	s := &Statement{Text: text, kind: savepoint}
	if l.direct {
		l.travel(ctx, &Trip{Statements: []*Statement{s}})
	} else {
		l.plain(ctx, s)
	}
	return l.db.dialect.Fault(s.Err)
}

// lend keeps the rows that a host reads last: it may leave them open, and nothing can be said while they are.
func (l *link) lend(rows *sql.Rows) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.host {
		l.lent = rows
	}
}

// refused returns why a trip failed.
func refused(list []*Statement) error {
	for _, s := range list {
		if s.Err != nil {
			return s.Err
		}
	}
	return nil
}
