package bench

import (
	"context"
	"database/sql/driver"
	"strings"
	"sync"
)

// Statement is one call a connection got.
type Statement struct {
	Do   string // begin, commit, rollback, exec, query
	Text string
	Args []driver.NamedValue
	Rows int64 // read, or changed; -1 where the driver's count means nothing
}

// Recorder is a connector over another one that writes down what runs on its connections. Make it with [NewRecorder];
// it is safe for concurrent use, and orders what runs at once by its end.
type Recorder struct {
	driver.Connector

	mu  sync.Mutex
	on  bool
	log []Statement
}

// NewRecorder wraps a connector.
func NewRecorder(base driver.Connector) *Recorder { return &Recorder{Connector: base} }

// Record calls fn and returns what ran meanwhile.
func (r *Recorder) Record(fn func() error) ([]Statement, error) {
	r.mu.Lock()
	r.on, r.log = true, nil
	r.mu.Unlock()
	err := fn()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = false
	return r.log, err
}

func (r *Recorder) add(s Statement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on {
		r.log = append(r.log, s)
	}
}

// Connect implements [driver.Connector].
func (r *Recorder) Connect(ctx context.Context) (driver.Conn, error) {
	base, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &recordedConn{Conn: base, r: r}, nil
}

// recordedConn is one connection. Drivers without the optional interfaces are not for the bench.
type recordedConn struct {
	driver.Conn

	r *Recorder
}

// Unwrap returns the connection beneath, for bulk loads.
func (c *recordedConn) Unwrap() driver.Conn { return c.Conn }

func (c *recordedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	b, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, driver.ErrSkip
	}
	tx, err := b.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.r.add(Statement{Do: "begin"})
	return recordedTx{tx, c.r}, nil
}

func (c *recordedConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	e, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	res, err := e.ExecContext(ctx, text, args)
	return c.r.changed(text, args, res, err)
}

func (c *recordedConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	q, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	rows, err := q.QueryContext(ctx, text, args)
	return c.r.reading(text, args, rows, err)
}

func (c *recordedConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	p, ok := c.Conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	stmt, err := p.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return &recordedStmt{Stmt: stmt, c: c, text: text}, nil
}

func (c *recordedConn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.Conn.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *recordedConn) ResetSession(ctx context.Context) error {
	if s, ok := c.Conn.(driver.SessionResetter); ok {
		return s.ResetSession(ctx)
	}
	return nil
}

// changed notes a statement that returns no rows.
func (r *Recorder) changed(text string, args []driver.NamedValue, res driver.Result, err error) (driver.Result, error) {
	if err != nil {
		return nil, err
	}
	s := Statement{Do: "exec", Text: text, Args: copied(args), Rows: -1}
	if writes(text) {
		if s.Rows, err = res.RowsAffected(); err != nil {
			return nil, err
		}
	}
	r.add(s)
	return res, nil
}

func (r *Recorder) reading(text string, args []driver.NamedValue, rows driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		return nil, err
	}
	return &recordedRows{Rows: rows, r: r, s: Statement{Do: "query", Text: text, Args: copied(args)}}, nil
}

// copied keeps arguments whose bytes the caller may use again.
func copied(args []driver.NamedValue) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		if b, ok := a.Value.([]byte); ok && b != nil {
			a.Value = append([]byte{}, b...)
		}
		out[i] = a
	}
	return out
}

// writes reports whether the number of rows a driver reports for a statement is its own: SQLite repeats the number of
// the statement before for those that change nothing.
func writes(text string) bool {
	if rest, ok := strings.CutPrefix(text, "/*"); ok {
		_, text, _ = strings.Cut(rest, "*/")
	}
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	switch strings.ToUpper(word) {
	case "INSERT", "UPDATE", "DELETE":
		return true
	}
	return false
}

type recordedTx struct {
	driver.Tx

	r *Recorder
}

func (t recordedTx) Commit() error {
	err := t.Tx.Commit()
	if err == nil {
		t.r.add(Statement{Do: "commit"})
	}
	return err
}

func (t recordedTx) Rollback() error {
	t.r.add(Statement{Do: "rollback"})
	return t.Tx.Rollback()
}

type recordedStmt struct {
	driver.Stmt

	c    *recordedConn
	text string
}

func (s *recordedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	e, ok := s.Stmt.(driver.StmtExecContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	res, err := e.ExecContext(ctx, args)
	return s.c.r.changed(s.text, args, res, err)
}

func (s *recordedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	q, ok := s.Stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	rows, err := q.QueryContext(ctx, args)
	return s.c.r.reading(s.text, args, rows, err)
}

func (s *recordedStmt) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return s.c.CheckNamedValue(v)
}

// recordedRows counts rows, those too that its reader leaves.
type recordedRows struct {
	driver.Rows

	r    *Recorder
	s    Statement
	done bool
}

func (r *recordedRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if err == nil {
		r.s.Rows++
	} else {
		r.done = true
	}
	return err
}

func (r *recordedRows) Close() error {
	dest := make([]driver.Value, len(r.Columns()))
	for !r.done {
		_ = r.Next(dest) // an error ends it, as the end does
	}
	r.r.add(r.s)
	return r.Rows.Close()
}
