package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rapport-crm/rapport/core/fault"
)

// Adapt implements [store.Adapter] for a [pgx.Tx].
func (dialect) Adapt(ctx context.Context, tx any) (c *sql.Conn, release func() error, err error) {
	own, ok := tx.(pgx.Tx)
	if !ok {
		return nil, nil, fault.Field("tx", "want a pgx.Tx, and not nil")
	}
	adapter := sql.OpenDB(joinConnector{&joined{tx: own}})
	adapter.SetMaxOpenConns(1)
	if c, err = adapter.Conn(ctx); err != nil {
		return nil, nil, errors.Join(err, adapter.Close())
	}
	return c, func() error { return errors.Join(c.Close(), adapter.Close()) }, nil
}

// joinConnector gives out the one connection there is.
type joinConnector struct{ conn *joined }

func (c joinConnector) Connect(context.Context) (driver.Conn, error) { return c.conn, nil }
func (c joinConnector) Driver() driver.Driver                        { return joinDriver{} }

type joinDriver struct{}

func (joinDriver) Open(string) (driver.Conn, error) { return nil, errors.ErrUnsupported }

// joined is a pgx transaction as a connection of database/sql. Begin is a savepoint; Close leaves all as it is.
type joined struct{ tx pgx.Tx }

func (j *joined) Close() error                             { return nil }
func (j *joined) CheckNamedValue(*driver.NamedValue) error { return nil } // pgx takes every type as it is

func (j *joined) Begin() (driver.Tx, error) {
	return j.BeginTx(context.Background(), driver.TxOptions{})
}

func (j *joined) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	inner, err := j.tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return joinTx{ctx, inner}, nil
}

type joinTx struct {
	ctx context.Context //nolint:containedctx // driver.Tx has no other way to one
	tx  pgx.Tx
}

func (t joinTx) Commit() error   { return t.tx.Commit(t.ctx) }
func (t joinTx) Rollback() error { return t.tx.Rollback(t.ctx) }

func (j *joined) Prepare(query string) (driver.Stmt, error) { return &joinStmt{j, query}, nil }

// joinStmt is a text: pgx prepares it at its first use and keeps it with the connection.
type joinStmt struct {
	j     *joined
	query string
}

func (s *joinStmt) Close() error                               { return nil }
func (s *joinStmt) NumInput() int                              { return -1 }
func (s *joinStmt) Exec([]driver.Value) (driver.Result, error) { return nil, errors.ErrUnsupported }
func (s *joinStmt) Query([]driver.Value) (driver.Rows, error)  { return nil, errors.ErrUnsupported }

func (s *joinStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.j.ExecContext(ctx, s.query, args)
}

func (s *joinStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.j.QueryContext(ctx, s.query, args)
}

func (j *joined) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	tag, err := j.tx.Exec(ctx, query, arguments(nil, args)...)
	return driver.RowsAffected(tag.RowsAffected()), err
}

func (j *joined) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := j.tx.Query(ctx, query, arguments(formats, args)...)
	if err != nil {
		return nil, err
	}
	r := &joinRows{rows: rows, types: j.tx.Conn().TypeMap(), ahead: rows.Next()} // columns are known after the first row
	if err := rows.Err(); err != nil {
		rows.Close()
		return nil, err
	}
	return r, nil
}

func arguments(first any, args []driver.NamedValue) []any {
	out := make([]any, 0, len(args)+1)
	if first != nil {
		out = append(out, first)
	}
	if len(args) == 0 {
		out = append(out, pgx.QueryExecModeSimpleProtocol)
	}
	for _, a := range args {
		out = append(out, a.Value)
	}
	return out
}

// formats asks for the binary form of what has a Go type; the rest comes as text.
var formats = pgx.QueryResultFormatsByOID{
	pgtype.BoolOID: 1, pgtype.ByteaOID: 1, pgtype.Int2OID: 1, pgtype.Int4OID: 1, pgtype.Int8OID: 1,
	pgtype.Float4OID: 1, pgtype.Float8OID: 1, pgtype.DateOID: 1, pgtype.TimestampOID: 1, pgtype.TimestamptzOID: 1,
}

type joinRows struct {
	rows  pgx.Rows
	types *pgtype.Map
	ahead bool // a row is read that nobody has asked for
	begun bool
}

func (r *joinRows) Columns() []string {
	fields := r.rows.FieldDescriptions()
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	return names
}

func (r *joinRows) Close() error {
	r.rows.Close()
	return r.rows.Err()
}

func (r *joinRows) Next(dest []driver.Value) error {
	if r.begun {
		r.ahead = r.rows.Next()
	}
	r.begun = true
	if !r.ahead {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	fields := r.rows.FieldDescriptions()
	for i, raw := range r.rows.RawValues() {
		v, err := r.value(fields[i].DataTypeOID, fields[i].Format, raw)
		if err != nil {
			return err
		}
		dest[i] = v
	}
	return nil
}

func (r *joinRows) value(oid uint32, format int16, raw []byte) (driver.Value, error) {
	if raw == nil {
		return nil, nil
	}
	switch oid {
	case pgtype.BoolOID:
		return scan[bool](r.types, oid, format, raw)
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		return scan[int64](r.types, oid, format, raw)
	case pgtype.Float4OID, pgtype.Float8OID:
		return scan[float64](r.types, oid, format, raw)
	case pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID:
		if t, ok := r.types.TypeForOID(oid); ok {
			return t.Codec.DecodeDatabaseSQLValue(r.types, oid, format, raw)
		}
	case pgtype.ByteaOID:
		return scan[[]byte](r.types, oid, format, raw)
	}
	return string(raw), nil
}

func scan[T any](m *pgtype.Map, oid uint32, format int16, raw []byte) (driver.Value, error) {
	var v T
	err := m.Scan(oid, format, raw, &v)
	return v, err
}
