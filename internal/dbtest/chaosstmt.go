package dbtest

import (
	"context"
	"database/sql/driver"
	"errors"
)

// chaosTx is a transaction. Whatever a commit or rollback returns, database/sql
// considers it over.
type chaosTx struct {
	conn *chaosConn
	base driver.Tx
}

func (t *chaosTx) Commit() error { return t.end(OpCommit, textCommit, t.base.Commit) }

func (t *chaosTx) Rollback() error { return t.end(OpRollback, textRollback, t.base.Rollback) }

func (t *chaosTx) end(op Op, text string, run func() error) error {
	ran := false
	_, err := execute(t.conn, op, text, func() (struct{}, error) {
		ran = true
		t.conn.setTx(nil)
		return struct{}{}, run()
	})
	if ran || t.conn.dead() {
		return err
	}
	// The fault struck before: the caller lets go of a connection whose
	// transaction is still open, and must not get it back that way.
	t.conn.setTx(nil)
	if undo := t.base.Rollback(); undo != nil {
		return errors.Join(err, undo)
	}
	return err
}

// chaosStmt is a prepared statement.
type chaosStmt struct {
	conn *chaosConn
	base driver.Stmt
	text string
}

var (
	_ driver.NamedValueChecker = (*chaosStmt)(nil)
	_ driver.StmtExecContext   = (*chaosStmt)(nil)
	_ driver.StmtQueryContext  = (*chaosStmt)(nil)
)

// convertingStmt is a statement whose driver converts arguments by column.
type convertingStmt struct {
	*chaosStmt
	columnConverter
}

// columnConverter is the optional interface that database/sql still honors.
type columnConverter interface {
	ColumnConverter(idx int) driver.ValueConverter
}

func newChaosStmt(c *chaosConn, base driver.Stmt, text string) driver.Stmt {
	s := &chaosStmt{conn: c, base: base, text: text}
	c.mu.Lock()
	c.stmts[s] = struct{}{}
	c.mu.Unlock()
	if cc, ok := base.(columnConverter); ok {
		return convertingStmt{s, cc}
	}
	return s
}

func (s *chaosStmt) NumInput() int {
	if s.conn.dead() {
		return -1
	}
	return s.base.NumInput()
}

// Close closes the statement beneath, unless it went with its connection.
func (s *chaosStmt) Close() error {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	delete(s.conn.stmts, s)
	if s.conn.closed {
		return nil
	}
	return s.base.Close()
}

func (s *chaosStmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

func (s *chaosStmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

func (s *chaosStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return execute(s.conn, OpExec, s.text, func() (driver.Result, error) {
		if e, ok := s.base.(driver.StmtExecContext); ok {
			return e.ExecContext(ctx, args)
		}
		values, err := positional(args)
		if err != nil {
			return nil, err
		}
		return s.base.Exec(values) //nolint:staticcheck // the fallback that database/sql has, too
	})
}

func (s *chaosStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return execute(s.conn, OpQuery, s.text, func() (driver.Rows, error) {
		if q, ok := s.base.(driver.StmtQueryContext); ok {
			return q.QueryContext(ctx, args)
		}
		values, err := positional(args)
		if err != nil {
			return nil, err
		}
		return s.base.Query(values) //nolint:staticcheck // the fallback that database/sql has, too
	})
}

// CheckNamedValue asks the statement, else its connection, as database/sql does.
func (s *chaosStmt) CheckNamedValue(value *driver.NamedValue) error {
	if n, ok := s.base.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(value)
	}
	return s.conn.CheckNamedValue(value)
}

func named(args []driver.Value) []driver.NamedValue {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return values
}

func positional(args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = arg.Value
	}
	return values, nil
}
