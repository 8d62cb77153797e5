package store

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/rapport-crm/rapport/core/fault"
)

// Queue adds a write to those of its level that leave together: with the level's next statement that somebody waits for,
// or when the level ends. They run in the order in which they were queued.
//
// How many rows it changes must not matter, since the commit may travel with it; where that matters, use
// [Conn.QueueOne], or [Conn.Exec] and wait. check maps the fault of the write, such as a [Duplicate] to a Conflict of a
// field; nil leaves it as it is. It must not use the database. The level fails with what it returns, whoever hears
// of it first.
//
// Errors: an argument of an unknown type; a unit that is no level of a transaction; the fault of a level that has failed.
func (c Conn) Queue(q SQL, check func(error) error, args ...any) error {
	s, err := c.queued(q, args)
	if err != nil {
		return err
	}
	s.check = check
	return s.owner.wait(s)
}

// QueueOne is [Conn.Queue] for a write that must change a row, such as an UPDATE of one version of a record. When it
// changes none, the level fails with what check makes of [ErrNoRow], and nothing that was queued after it happens, a
// commit in the same trip included. It takes an INSERT, UPDATE or DELETE without RETURNING.
func (c Conn) QueueOne(q SQL, check func(error) error, args ...any) error {
	s, err := c.queued(q, args)
	if err != nil {
		return err
	}
	if q.form == nil || q.form.raising == "" {
		return fault.New(fault.Internal, "store: %s cannot be queued: its count decides, and it is no plain write", q.Name)
	}
	s.check, s.raising = check, q.form.raising
	return s.owner.wait(s)
}

func (c Conn) queued(q SQL, args []any) (*Statement, error) {
	switch {
	case c.err != nil:
		return nil, c.err
	case c.u == nil || !c.u.link.trans || c.u.link.host && c.u.depth == 0:
		return nil, fault.New(fault.Internal, "store: %s was queued outside of a write", q.Name)
	}
	s, err := c.statement(q, args)
	if err != nil {
		return nil, err
	}
	s.kind, s.owner = write, c.u
	return s, nil
}

// Later is a read that was queued. Its variable is filled when [Later.Wait] returns nil.
type Later struct {
	c   Conn
	s   *Statement
	err error
}

// GetLater queues what [Conn.Get] does at once. Reads that do not depend on each other travel together.
func (c Conn) GetLater(q SQL, dest any, args ...any) *Later { return c.later(q, dest, true, args) }

// SelectLater queues what [Conn.Select] does at once.
func (c Conn) SelectLater(q SQL, dest any, args ...any) *Later { return c.later(q, dest, false, args) }

func (c Conn) later(q SQL, dest any, one bool, args []any) *Later {
	if c.err != nil {
		return &Later{err: c.err}
	}
	s, err := c.reading(q, dest, one, args)
	if err != nil {
		return &Later{err: err}
	}
	s.kind = read
	if c.u != nil {
		s.owner = c.u
		err = c.u.wait(s)
	}
	return &Later{c: c, s: s, err: err}
}

// Wait sends what is queued, unless that has happened, and returns the read's own error, or that of a write that was
// queued before it. Like [Conn.Get] it returns [ErrNoRow] when there is no row.
func (p *Later) Wait(ctx context.Context) error {
	switch {
	case p.err != nil:
		return p.err
	case p.c.u == nil:
		return p.c.run(ctx, p.s, p.c.db.readUnit)
	}
	if _, err := p.c.db.unit(p.c.u); err != nil {
		return err
	}
	l := p.c.u.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if !p.s.Ran && p.s.Err == nil {
		_ = l.flush(ctx) // the read has its own fault
	}
	return p.s.Err
}

// wait puts a statement into the queue.
func (u *unit) wait(s *Statement) error {
	u.link.mu.Lock()
	defer u.link.mu.Unlock()
	if err := u.usable(); err != nil {
		return err
	}
	u.link.add(s)
	return nil
}

// usable returns why nothing more may be written in a level, or nil.
func (u *unit) usable() error { return first(u.failed, u.link.check()) }

// hostSQL runs the host's own statements on the transaction, after what was queued before them.
type hostSQL struct{ u *unit }

var _ Execer = hostSQL{}

func (h hostSQL) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := h.u.flush(ctx); err != nil {
		return nil, err
	}
	return h.u.link.ex.ExecContext(ctx, query, args...)
}

func (h hostSQL) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := h.u.flush(ctx); err != nil {
		return nil, err
	}
	rows, err := h.u.link.ex.QueryContext(ctx, query, args...)
	h.u.link.lend(rows)
	return rows, err
}

func (h hostSQL) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := h.u.flush(ctx); err != nil {
		return failedRow(ctx, err)
	}
	return h.u.link.ex.QueryRowContext(ctx, query, args...)
}

func (h hostSQL) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := h.u.flush(ctx); err != nil {
		return nil, err
	}
	return h.u.link.ex.PrepareContext(ctx, query)
}

// failedRow returns a row whose Scan returns err; a *sql.Row cannot be made by hand.
func failedRow(ctx context.Context, err error) *sql.Row {
	db := sql.OpenDB(failing{err})
	defer db.Close() //nolint:errcheck // it has no connection
	return db.QueryRowContext(ctx, "")
}

// failing is a connector that connects to nothing.
type failing struct{ err error }

func (f failing) Connect(context.Context) (driver.Conn, error) { return nil, f.err }
func (f failing) Driver() driver.Driver                        { return nil }
