package dbtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
)

const (
	textBegin    = "BEGIN"
	textCommit   = "COMMIT"
	textRollback = "ROLLBACK"
)

// chaosConn is one connection. database/sql uses it from one goroutine at a
// time; the lock is for a transaction's rollback on a cancelled context.
type chaosConn struct {
	chaos *Chaos
	base  driver.Conn

	mu     sync.Mutex
	stmts  map[*chaosStmt]struct{}
	tx     driver.Tx // open, or nil
	closed bool
}

var (
	_ driver.ConnBeginTx        = (*chaosConn)(nil)
	_ driver.ConnPrepareContext = (*chaosConn)(nil)
	_ driver.ExecerContext      = (*chaosConn)(nil)
	_ driver.NamedValueChecker  = (*chaosConn)(nil)
	_ driver.Pinger             = (*chaosConn)(nil)
	_ driver.QueryerContext     = (*chaosConn)(nil)
	_ driver.SessionResetter    = (*chaosConn)(nil)
	_ driver.Validator          = (*chaosConn)(nil)
)

// Unwrap returns the driver's own connection.
func (c *chaosConn) Unwrap() driver.Conn { return c.base }

func (c *chaosConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	base, ok := c.base.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip // database/sql prepares instead
	}
	return execute(c, OpExec, query, func() (driver.Result, error) { return base.ExecContext(ctx, query, args) })
}

func (c *chaosConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	base, ok := c.base.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip // database/sql prepares instead
	}
	return execute(c, OpQuery, query, func() (driver.Rows, error) { return base.QueryContext(ctx, query, args) })
}

func (c *chaosConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *chaosConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	base, err := execute(c, OpPrepare, query, func() (driver.Stmt, error) {
		if p, ok := c.base.(driver.ConnPrepareContext); ok {
			return p.PrepareContext(ctx, query)
		}
		return c.base.Prepare(query)
	})
	if err != nil {
		return nil, err
	}
	return newChaosStmt(c, base, query), nil
}

func (c *chaosConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *chaosConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := execute(c, OpBegin, textBegin, func() (driver.Tx, error) {
		tx, err := begin(ctx, c.base, opts)
		if err == nil {
			c.setTx(tx) // now, so that a connection killed here rolls back
		}
		return tx, err
	})
	if err != nil {
		return nil, errors.Join(err, c.undoBegin())
	}
	return &chaosTx{conn: c, base: tx}, nil
}

// undoBegin ends the transaction of a BEGIN that was executed and reported as failed: the caller lets go of the
// connection, and must not get it back inside a transaction.
func (c *chaosConn) undoBegin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tx == nil || c.closed {
		return nil
	}
	tx := c.tx
	c.tx = nil
	return tx.Rollback()
}

// begin starts a transaction as database/sql would.
func begin(ctx context.Context, conn driver.Conn, opts driver.TxOptions) (driver.Tx, error) {
	if b, ok := conn.(driver.ConnBeginTx); ok {
		return b.BeginTx(ctx, opts)
	}
	if opts.Isolation != driver.IsolationLevel(sql.LevelDefault) {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if opts.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	return conn.Begin() //nolint:staticcheck // the fallback that database/sql has, too
}

func (c *chaosConn) Ping(ctx context.Context) error {
	if c.dead() {
		return driver.ErrBadConn
	}
	if p, ok := c.base.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *chaosConn) ResetSession(ctx context.Context) error {
	if c.dead() {
		return driver.ErrBadConn
	}
	if r, ok := c.base.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *chaosConn) IsValid() bool {
	if c.dead() {
		return false
	}
	if v, ok := c.base.(driver.Validator); ok {
		return v.IsValid()
	}
	return true
}

func (c *chaosConn) CheckNamedValue(value *driver.NamedValue) error {
	if n, ok := c.base.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(value)
	}
	return driver.ErrSkip // database/sql falls back to its default
}

// Close closes the connection beneath once; a killed one is closed already.
func (c *chaosConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.base.Close()
}

func (c *chaosConn) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *chaosConn) setTx(tx driver.Tx) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tx = tx
}

// kill breaks the connection the way a vanished server does. An embedded
// database keeps its locks until statements are closed and the transaction is
// rolled back, so both come first. Their errors do not matter any more.
func (c *chaosConn) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	for s := range c.stmts {
		_ = s.base.Close()
	}
	if c.tx != nil {
		_ = c.tx.Rollback()
	}
	_ = c.base.Close()
}

// execute runs one call under the faults.
func execute[T any](c *chaosConn, op Op, text string, run func() (T, error)) (T, error) {
	var none T
	if c.dead() {
		return none, driver.ErrBadConn
	}
	rule := c.chaos.see(op, text)
	if rule == nil {
		return run()
	}
	if rule.When != Before {
		result, err := run()
		if err != nil {
			return none, err // a real error came first
		}
		discard(result)
	}
	if rule.KillConn || rule.When == LostReply {
		c.kill()
	}
	return none, rule.Err
}

// discard finishes a result that its caller will never see.
func discard(result any) {
	switch r := result.(type) {
	case driver.Rows:
		dest := make([]driver.Value, len(r.Columns()))
		for r.Next(dest) == nil {
			continue // a statement that writes and returns rows ends with its last row
		}
		_ = r.Close()
	case driver.Stmt:
		_ = r.Close()
	}
}
