package main

import (
	"context"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// postgres is one native connection.
type postgres struct {
	conn  *pgx.Conn
	dests map[string][]any // where the columns of a statement go
}

// openPostgres connects to a database, or to a proxy that stands before it.
func openPostgres(ctx context.Context, dsn, proxy string) (*postgres, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	if proxy != "" {
		cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", proxy)
		}
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &postgres{conn: conn, dests: map[string][]any{}}, nil
}

func (p *postgres) close() error { return p.conn.Close(context.Background()) }

func (p *postgres) runner(peer string) (runner, error) {
	switch peer {
	case "pgx":
		return (*oneByOne)(p), nil
	case "pgx-pipeline":
		return (*pipeline)(p), nil
	}
	return nil, fmt.Errorf("postgres has no peer %q", peer)
}

// oneByOne waits for each statement before it sends the next.
type oneByOne postgres

func (p *oneByOne) run(ctx context.Context, steps []*statement) error {
	open := false
	for _, st := range steps {
		if err := p.step(ctx, st, &open); err != nil {
			if open {
				_, _ = p.conn.Exec(ctx, "rollback") // the first error counts
			}
			return err
		}
	}
	return nil
}

func (p *oneByOne) step(ctx context.Context, st *statement, open *bool) error {
	switch st.do {
	case "begin", "commit":
		// Without arguments and in the simple protocol, as pgx's own Begin and Commit send them.
		_, err := p.conn.Exec(ctx, st.do, pgx.QueryExecModeSimpleProtocol)
		*open = st.do == "begin"
		return err
	case "query":
		rows, err := p.conn.Query(ctx, st.text, st.args...)
		if err != nil {
			return err
		}
		return (*postgres)(p).scan(rows, st)
	}
	tag, err := p.conn.Exec(ctx, st.text, st.args...)
	return counted(st, tag, err)
}

// pipeline sends all statements at once.
type pipeline postgres

func (p *pipeline) run(ctx context.Context, steps []*statement) error {
	batch := &pgx.Batch{}
	for _, st := range steps {
		if st.text == "" {
			batch.Queue(st.do)
		} else {
			batch.Queue(st.text, st.args...)
		}
	}
	results := p.conn.SendBatch(ctx, batch)
	for _, st := range steps {
		if err := p.result(results, st); err != nil {
			_ = results.Close() // its error is the one we have
			if p.conn.PgConn().TxStatus() != 'I' {
				_, _ = p.conn.Exec(ctx, "rollback") // the first error counts
			}
			return err
		}
	}
	return results.Close()
}

func (p *pipeline) result(results pgx.BatchResults, st *statement) error {
	if st.do == "query" {
		rows, err := results.Query()
		if err != nil {
			return err
		}
		return (*postgres)(p).scan(rows, st)
	}
	tag, err := results.Exec()
	if st.text == "" {
		return err
	}
	return counted(st, tag, err)
}

func counted(st *statement, tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() != st.rows {
		return fmt.Errorf("%d rows changed, want %d: %s", tag.RowsAffected(), st.rows, st.text)
	}
	return err
}

// scan reads every column of every row into a variable of its type.
func (p *postgres) scan(rows pgx.Rows, st *statement) error {
	defer rows.Close()
	dests := p.dests[st.text]
	n := int64(0)
	for rows.Next() {
		if dests == nil {
			dests = destinations(rows.FieldDescriptions())
			p.dests[st.text] = dests
		}
		if err := rows.Scan(dests...); err != nil {
			return err
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if n != st.rows {
		return fmt.Errorf("%d rows read, want %d: %s", n, st.rows, st.text)
	}
	return nil
}

func destinations(fields []pgconn.FieldDescription) []any {
	dests := make([]any, len(fields))
	for i, f := range fields {
		dests[i] = destination(f.DataTypeOID)
	}
	return dests
}

// destination is what a struct made by hand would have for a column that may be NULL.
func destination(oid uint32) any {
	switch oid {
	case pgtype.UUIDOID:
		return new(pgtype.UUID)
	case pgtype.TextOID, pgtype.VarcharOID:
		return new(pgtype.Text)
	case pgtype.Int8OID:
		return new(pgtype.Int8)
	case pgtype.Int4OID:
		return new(pgtype.Int4)
	case pgtype.Int2OID:
		return new(pgtype.Int2)
	case pgtype.BoolOID:
		return new(pgtype.Bool)
	case pgtype.Float8OID:
		return new(pgtype.Float8)
	case pgtype.TimestamptzOID:
		return new(pgtype.Timestamptz)
	case pgtype.DateOID:
		return new(pgtype.Date)
	case pgtype.ByteaOID, pgtype.JSONOID, pgtype.JSONBOID:
		return new([]byte)
	case pgtype.TSVectorOID:
		return new(pgtype.TSVector)
	}
	return new(any)
}
