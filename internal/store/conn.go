package store

import (
	"context"
	"database/sql"
	"errors"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// Conn runs registered statements on one unit. It is a light value, good for as long as its unit.
//
// Arguments may be nil, bools, numbers, text, bytes, ident.ID, time.Time, date.Date, []string, [JSON], the row types,
// rule.Value, named types and pointers of these; zero ids, times and dates are stored as NULL (see [OrNull] for
// blank text). All errors are faults; none shows a value.
type Conn struct {
	db *DB
	u  *unit
	// err is what every method returns when On was given a bad unit.
	err error
}

// On returns the connection of a unit. A nil unit means the pools: Exec runs on the writing one and commits by
// itself, Get and Select run on the reading one.
func (db *DB) On(u work.Unit) Conn {
	x, err := db.unit(u)
	return Conn{db: db, u: x, err: err}
}

// Dialect returns the dialect of the connection's DB.
func (c Conn) Dialect() Dialect { return c.db.dialect }

// Exec runs a statement and returns how many rows it changed.
func (c Conn) Exec(ctx context.Context, q SQL, args ...any) (int64, error) {
	if c.err != nil {
		return 0, c.err
	}
	s, err := c.statement(q, args)
	if err == nil {
		err = c.run(ctx, s, c.db.writeUnit)
	}
	if err != nil {
		return 0, err
	}
	return s.N, nil
}

// Get reads one row into dest, a pointer to a row struct or to a scalar. It returns [ErrNoRow] when there is none; of
// several rows it reads the first.
func (c Conn) Get(ctx context.Context, q SQL, dest any, args ...any) error {
	return c.read(ctx, q, dest, true, args)
}

// Select reads all rows into dest, a pointer to a slice of row structs or scalars, which it overwrites.
func (c Conn) Select(ctx context.Context, q SQL, dest any, args ...any) error {
	return c.read(ctx, q, dest, false, args)
}

func (c Conn) read(ctx context.Context, q SQL, dest any, one bool, args []any) error {
	if c.err != nil {
		return c.err
	}
	s, err := c.reading(q, dest, one, args)
	if err != nil {
		return err
	}
	return c.run(ctx, s, c.db.readUnit)
}

// statement is what a statement says to the database.
func (c Conn) statement(q SQL, args []any) (*Statement, error) {
	args, err := c.db.convert(args)
	s := &Statement{Text: q.Postgres, Args: args, form: q.form}
	if err == nil && c.db.dialect.Name() == SQLite {
		s.Text = q.SQLite
		s.Args, err = arrange(q.order, args)
	}
	return s, c.db.dialect.Fault(err)
}

// reading is a statement whose rows go to dest.
func (c Conn) reading(q SQL, dest any, one bool, args []any) (*Statement, error) {
	s, err := c.statement(q, args)
	switch {
	case err != nil:
		return nil, err
	case c.db.fits(&s.rows, dest, one):
		s.Into = &s.rows
	case one:
		s.scan = func(rows *sql.Rows) error { return c.scanRow(rows, dest) }
	default:
		s.scan = func(rows *sql.Rows) error { return c.db.bun.ScanRows(context.Background(), rows, dest) }
	}
	return s, nil
}

// scanRow closes rows before it returns, since a row that a writing statement returns counts only once it has ended.
func (c Conn) scanRow(rows *sql.Rows, dest any) error {
	if !rows.Next() {
		return first(rows.Err(), ErrNoRow)
	}
	if err := c.db.bun.ScanRow(context.Background(), rows, dest); err != nil {
		return err
	}
	if err := rows.Close(); err != nil {
		return err
	}
	return rows.Err()
}

// run runs a statement together with what waits on the unit; without one on a pool's.
func (c Conn) run(ctx context.Context, s *Statement, pool *unit) error {
	if c.u == nil {
		if err := c.db.outside(ctx); err != nil {
			return err
		}
		return pool.link.alone(ctx, s)
	}
	l := c.u.link
	l.mu.Lock()
	if !l.trans && len(l.waiting) == 0 {
		l.mu.Unlock()
		return l.alone(ctx, s)
	}
	defer l.mu.Unlock()
	if err := c.u.usable(); err != nil {
		return err
	}
	s.owner = c.u
	l.add(s)
	_ = l.flush(ctx) // the statement has the fault of what came before
	return s.Err
}

// BulkLoad inserts rows into a table by the fastest way there is: COPY on PostgreSQL, many rows a statement on SQLite
// and on a host's *sql.Tx. Each row holds one value per column, as for Exec. It returns how many rows it inserted;
// an error of rows stops it and is returned. The unit must be a transaction: nothing stays of a failed load.
func (c Conn) BulkLoad(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	switch {
	case c.err != nil:
		return 0, c.err
	case c.u == nil || !c.u.link.trans:
		return 0, fault.New(fault.Internal, "store: a bulk load needs a transaction")
	}
	if err := c.u.flush(ctx); err != nil {
		return 0, err
	}
	converted := func(yield func([]any, error) bool) {
		for row, err := range rows {
			if err == nil {
				row, err = c.db.convert(row)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
	n, err := c.db.dialect.BulkLoad(ctx, Target{Exec: c.u.link.ex, Conn: c.u.link.conn}, table, columns, converted)
	return n, c.db.fault(ctx, err)
}

// fault maps an error. A broken statement is often only the echo of the caller's own context.
func (db *DB) fault(ctx context.Context, err error) error {
	if err == nil || err == error(ErrNoRow) { //nolint:errorlint // made above, never wrapped
		return err
	}
	if _, ours := errors.AsType[*fault.Error](err); !ours && ctx.Err() != nil {
		return ctx.Err()
	}
	return db.dialect.Fault(err)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
