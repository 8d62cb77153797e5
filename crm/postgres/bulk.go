package postgres

import (
	"context"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/rapport-crm/rapport/internal/store"
)

// BulkLoad implements [store.Dialect] by COPY where it can reach pgx's connection, on which the transaction is open,
// and by inserts of many rows elsewhere.
func (dialect) BulkLoad(ctx context.Context, to store.Target, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	if to.Conn == nil {
		return store.InsertMany(ctx, to.Exec, store.Postgres, table, columns, rows)
	}
	var n int64
	reached := true
	err := to.Conn.Raw(func(dc any) (err error) {
		pg := pgxConn(dc)
		if reached = pg != nil; reached {
			next, stop := iter.Pull2(rows)
			defer stop()
			n, err = pg.CopyFrom(ctx, pgx.Identifier{table}, columns, &source{next: next})
		}
		return err
	})
	if !reached {
		return store.InsertMany(ctx, to.Exec, store.Postgres, table, columns, rows)
	}
	return n, err
}

// source feeds COPY.
type source struct {
	next func() ([]any, error, bool)
	row  []any
	err  error
}

func (s *source) Next() bool {
	var ok bool
	s.row, s.err, ok = s.next()
	return ok && s.err == nil
}

func (s *source) Values() ([]any, error) { return s.row, nil }
func (s *source) Err() error             { return s.err }
