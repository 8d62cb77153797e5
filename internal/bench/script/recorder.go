package script

import (
	"context"
	"database/sql/driver"
	"strings"
	"sync"
)

// Statement is one statement that a connection ran.
type Statement struct {
	Text string              // as the driver got it
	Args []driver.NamedValue // copies, which the caller keeps
}

// Recorder is a connector over another one that writes down what runs on its connections: for what cannot be read back
// from rows, the words of a search and the contents of SQLite's search index. Make it with [NewRecorder]; it is safe for
// concurrent use.
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

// add notes a statement that has run. The caller may use the bytes of its arguments again.
func (r *Recorder) add(text string, args []driver.NamedValue, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.on || err != nil {
		return
	}
	s := Statement{Text: text, Args: make([]driver.NamedValue, len(args))}
	for i, a := range args {
		if b, ok := a.Value.([]byte); ok && b != nil {
			a.Value = append([]byte{}, b...)
		}
		s.Args[i] = a
	}
	r.log = append(r.log, s)
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
	return b.BeginTx(ctx, opts)
}

func (c *recordedConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	e, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	res, err := e.ExecContext(ctx, text, args)
	c.r.add(text, args, err)
	return res, err
}

func (c *recordedConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	q, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	rows, err := q.QueryContext(ctx, text, args)
	c.r.add(text, args, err)
	return rows, err
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
	s.c.r.add(s.text, args, err)
	return res, err
}

func (s *recordedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	q, ok := s.Stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	rows, err := q.QueryContext(ctx, args)
	s.c.r.add(s.text, args, err)
	return rows, err
}

func (s *recordedStmt) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return s.c.CheckNamedValue(v)
}

// writes reports whether a statement changes rows of one table, by its first word after the comment that names it.
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

// Document returns what was written to SQLite's search index; "" for nothing.
func Document(log []Statement) string {
	for _, st := range log {
		if writes(st.Text) && strings.Contains(st.Text, "_fts ") {
			return firstText(st.Args, "")
		}
	}
	return ""
}

// Words returns what a search index was asked for in the name of a tenant; "" for nothing.
func Words(log []Statement, tenant string) string {
	for _, st := range log {
		if strings.Contains(st.Text, "_fts MATCH ") || strings.Contains(st.Text, " @@ ") {
			return firstText(st.Args, tenant)
		}
	}
	return ""
}

func firstText(args []driver.NamedValue, but string) string {
	for _, a := range args {
		if s, ok := a.Value.(string); ok && s != but {
			return s
		}
	}
	return ""
}
