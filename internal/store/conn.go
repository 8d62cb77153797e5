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
	u, text, args, err := c.ready(ctx, q, args, c.db.write)
	if err != nil {
		return 0, err
	}
	n, err := u.exec(ctx, text, args)
	return n, c.fault(ctx, err)
}

// Get reads one row into dest, a pointer to a row struct or to a scalar. It returns [ErrNoRow] when there is none; of
// several rows it reads the first.
func (c Conn) Get(ctx context.Context, q SQL, dest any, args ...any) error {
	u, text, args, err := c.ready(ctx, q, args, c.db.read)
	if err != nil {
		return err
	}
	rows := c.db.rows(dest, true)
	ran, err := u.native(ctx, text, args, rows)
	switch {
	case ran:
	case rows != nil:
		err = u.query(ctx, text, args, rows.scan)
	default:
		return c.fault(ctx, u.query(ctx, text, args, func(rows *sql.Rows) error { return c.scanRow(ctx, rows, dest) }))
	}
	if err == nil && rows.n == 0 {
		err = ErrNoRow
	}
	return c.fault(ctx, err)
}

// scanRow closes rows before it returns, since a row that a writing statement returns counts only once it has ended.
func (c Conn) scanRow(ctx context.Context, rows *sql.Rows, dest any) error {
	if !rows.Next() {
		return first(rows.Err(), ErrNoRow)
	}
	if err := c.db.bun.ScanRow(ctx, rows, dest); err != nil {
		return err
	}
	if err := rows.Close(); err != nil {
		return err
	}
	return rows.Err()
}

// Select reads all rows into dest, a pointer to a slice of row structs or scalars, which it overwrites.
func (c Conn) Select(ctx context.Context, q SQL, dest any, args ...any) error {
	u, text, args, err := c.ready(ctx, q, args, c.db.read)
	if err != nil {
		return err
	}
	rows := c.db.rows(dest, false)
	ran, err := u.native(ctx, text, args, rows)
	switch {
	case ran:
	case rows != nil:
		err = u.query(ctx, text, args, rows.scan)
	default:
		err = u.query(ctx, text, args, func(rows *sql.Rows) error { return c.db.bun.ScanRows(ctx, rows, dest) })
	}
	return c.fault(ctx, err)
}

// BulkLoad inserts rows into a table by the fastest way there is: COPY on PostgreSQL, many rows a statement on SQLite
// and on a host's *sql.Tx. Each row holds one value per column, as for Exec. It returns how many rows it inserted;
// an error of rows stops it and is returned. The unit must be a transaction: nothing stays of a failed load.
func (c Conn) BulkLoad(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	switch {
	case c.err != nil:
		return 0, c.err
	case c.u == nil || c.u.trans == nil:
		return 0, fault.New(fault.Internal, "store: a bulk load needs a transaction")
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
	n, err := c.db.dialect.BulkLoad(ctx, Target{Exec: c.u.ex, Conn: c.u.conn}, table, columns, converted)
	return n, c.fault(ctx, err)
}

// ready finds where a statement runs and what it says there.
func (c Conn) ready(ctx context.Context, q SQL, args []any, p *pool) (*unit, string, []any, error) {
	if c.err != nil {
		return nil, "", nil, c.err
	}
	u := c.u
	if u == nil {
		if err := c.db.outside(ctx); err != nil {
			return nil, "", nil, err
		}
		u = &unit{db: c.db, ex: p.db, pool: p}
	}
	args, err := c.db.convert(args)
	if err == nil && c.db.dialect.Name() == SQLite {
		args, err = arrange(q.order, args)
		return u, q.SQLite, args, c.fault(ctx, err)
	}
	return u, q.Postgres, args, c.fault(ctx, err)
}

// fault maps an error. A broken statement is often only the echo of the caller's own context.
func (c Conn) fault(ctx context.Context, err error) error {
	if err == nil || err == error(ErrNoRow) { //nolint:errorlint // made above, never wrapped
		return err
	}
	if _, ours := errors.AsType[*fault.Error](err); !ours && ctx.Err() != nil {
		return ctx.Err()
	}
	return c.db.dialect.Fault(err)
}

func (u *unit) exec(ctx context.Context, text string, args []any) (int64, error) {
	res, err := sql.Result(nil), error(nil)
	if s := u.stmt(text); s != nil {
		res, err = u.bound(ctx, s).ExecContext(ctx, args...) //nolint:sqlclosecheck // the pool keeps the statement
		err = first(err, u.pool.release(s))
	} else {
		res, err = u.ex.ExecContext(ctx, text, args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (u *unit) query(ctx context.Context, text string, args []any, scan func(*sql.Rows) error) (err error) {
	var rows *sql.Rows
	s := u.stmt(text)
	if s == nil && u.trans == nil && u.pool != nil && u.pool.prepares {
		if s, err = u.pool.prepare(ctx, text); err != nil {
			return err
		}
	}
	if s != nil {
		defer func() { err = first(err, u.pool.release(s)) }()
		rows, err = u.bound(ctx, s).QueryContext(ctx, args...) //nolint:sqlclosecheck // the pool keeps the statement
	} else {
		rows, err = u.ex.QueryContext(ctx, text, args...)
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
func (u *unit) stmt(text string) *prepared {
	if u.pool == nil || !u.pool.prepares {
		return nil
	}
	s := u.pool.take(text)
	if s == nil && u.tx != nil {
		u.pool.want(text)
	}
	return s
}

// bound returns the statement for the unit's transaction.
func (u *unit) bound(ctx context.Context, s *prepared) *sql.Stmt {
	if u.tx == nil {
		return s.stmt
	}
	return u.tx.StmtContext(ctx, s.stmt)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
