package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	_ "modernc.org/sqlite" // the driver
)

// sqlite is one connection with prepared statements.
type sqlite struct {
	db    *sql.DB
	stmts map[string]*prepared
}

// prepared is a statement and where its columns go.
type prepared struct {
	*sql.Stmt
	dests []any
}

func openSQLite(ctx context.Context, dsn string) (*sqlite, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &sqlite{db: db, stmts: map[string]*prepared{}}, nil
}

func (s *sqlite) close() error {
	var errs []error
	for _, st := range s.stmts {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, s.db.Close())...)
}

func (s *sqlite) runner(peer string) (runner, error) {
	if peer != "sql" {
		return nil, fmt.Errorf("sqlite has no peer %q", peer)
	}
	return s, nil
}

func (s *sqlite) run(ctx context.Context, steps []*statement) (err error) {
	var tx *sql.Tx
	defer func() {
		if tx != nil {
			_ = tx.Rollback() // after an error, which counts
		}
	}()
	for _, st := range steps {
		switch st.do {
		case "begin":
			// Statements are prepared before: the transaction holds the only connection.
			for _, st := range steps {
				if _, err := s.prepare(ctx, st); err != nil {
					return err
				}
			}
			if tx, err = s.db.BeginTx(ctx, nil); err != nil {
				return err
			}
		case "commit":
			if err := tx.Commit(); err != nil {
				return err
			}
			tx = nil
		default:
			if err := s.step(ctx, tx, st); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sqlite) prepare(ctx context.Context, st *statement) (*prepared, error) {
	if p := s.stmts[st.text]; p != nil || st.text == "" {
		return p, nil
	}
	stmt, err := s.db.PrepareContext(ctx, st.text)
	if err != nil {
		return nil, err
	}
	p := &prepared{Stmt: stmt}
	s.stmts[st.text] = p
	return p, nil
}

func (s *sqlite) step(ctx context.Context, tx *sql.Tx, st *statement) error {
	p, err := s.prepare(ctx, st)
	if err != nil {
		return err
	}
	stmt := p.Stmt
	if tx != nil {
		stmt = tx.StmtContext(ctx, stmt) //nolint:sqlclosecheck // it ends with the transaction
	}
	if st.do == "query" {
		return p.read(ctx, stmt, st)
	}
	res, err := stmt.ExecContext(ctx, st.args...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n != st.rows {
		err = fmt.Errorf("%d rows changed, want %d: %s", n, st.rows, st.text)
	}
	return err
}

// read scans every column of every row into a value of the type that is stored, which costs least.
func (p *prepared) read(ctx context.Context, stmt *sql.Stmt, st *statement) error {
	rows, err := stmt.QueryContext(ctx, st.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := int64(0)
	for rows.Next() {
		if p.dests == nil {
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			for range columns {
				p.dests = append(p.dests, new(any))
			}
		}
		if err := rows.Scan(p.dests...); err != nil {
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
