package dbtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Op is the kind of call a statement arrives by.
type Op int

// The calls that [Chaos] sees. Begin, commit and rollback carry the statement
// texts BEGIN, COMMIT and ROLLBACK.
const (
	OpExec Op = iota + 1
	OpQuery
	OpPrepare
	OpBegin
	OpCommit
	OpRollback
)

// When says on which side of a statement's effect a fault strikes.
type When int

const (
	// Before means that the statement is not executed.
	Before When = iota
	// After means that the statement is executed, then reported as failed. Rows
	// that a query produced are read to the end and thrown away.
	After
	// LostReply is After on a connection that breaks: a commit has happened, and
	// its caller cannot know.
	LostReply
)

// Rule is one fault to inject.
type Rule struct {
	// Match selects statements by their text. Defaults to all.
	Match func(sql string) bool

	// Ops selects calls. Defaults to all but [OpPrepare], so that a prepared
	// statement counts when it runs, not twice.
	Ops []Op

	// Nth picks one among the selected statements, from 1, counted from the
	// moment of [Chaos.Inject] over all connections. Defaults to every one.
	Nth int

	// When defaults to [Before].
	When When

	// Err is what the caller gets. Defaults to [LostConnection]. Beware of
	// [driver.ErrBadConn] outside a transaction: database/sql answers it by
	// running the statement again on another connection.
	Err error

	// KillConn breaks the connection too, as LostReply always does: its
	// transaction is rolled back (unless it was just committed), its statements
	// are closed, and database/sql throws it away.
	KillConn bool
}

// Fault is an injected [Rule].
type Fault struct {
	chaos *Chaos
	rule  Rule
	seen  int
	fired int
}

// Fired returns how often the fault has struck.
func (f *Fault) Fired() int {
	f.chaos.mu.Lock()
	defer f.chaos.mu.Unlock()
	return f.fired
}

// Seen returns how many statements the rule has selected, struck or not. A rule
// whose Nth is out of reach counts the steps of an operation this way.
func (f *Fault) Seen() int {
	f.chaos.mu.Lock()
	defer f.chaos.mu.Unlock()
	return f.seen
}

// Chaos is a [driver.Connector] over another one. It passes every call through,
// counts statements by name, and injects the faults it is told to. Make one with
// [NewChaos]; it is safe for concurrent use.
//
// Connections implement the optional driver interfaces and answer as database/sql
// does where the connection beneath lacks one. Code that reaches for a driver's
// own connection in [sql.Conn.Raw] calls Unwrap() driver.Conn first, and what it
// does there is not seen: [Chaos.Dial] sees that, too.
type Chaos struct {
	base driver.Connector

	mu      sync.Mutex
	faults  []*Fault
	counts  map[string]int
	watcher func(op Op, sql string)
}

// NewChaos wraps a connector, such as those of pgx's stdlib.GetConnector and
// modernc's sqlite.NewConnector. With a nil one only [Chaos.Dial] is of use.
func NewChaos(base driver.Connector) *Chaos {
	return &Chaos{base: base, counts: map[string]int{}}
}

// DB opens a pool over the connector.
func (c *Chaos) DB() *sql.DB { return sql.OpenDB(c) }

// Connect opens a connection. Connecting itself never fails by injection.
func (c *Chaos) Connect(ctx context.Context) (driver.Conn, error) {
	base, err := c.base.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &chaosConn{chaos: c, base: base, stmts: map[*chaosStmt]struct{}{}}, nil
}

// Driver returns the driver beneath.
func (c *Chaos) Driver() driver.Driver { return c.base.Driver() }

// Close closes the connector beneath where it can be closed. A pool calls it.
func (c *Chaos) Close() error {
	if closer, ok := c.base.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// Inject adds a fault. Where several strike the same statement, the one injected
// first wins.
func (c *Chaos) Inject(rule Rule) *Fault {
	if rule.Err == nil {
		rule.Err = LostConnection()
	}
	f := &Fault{chaos: c, rule: rule}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, f)
	return f
}

// Clear removes all faults; counts stay.
func (c *Chaos) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// Watch calls fn with every statement before it runs, nil stops that. fn must
// not use the database and may be called from several goroutines.
func (c *Chaos) Watch(fn func(op Op, sql string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watcher = fn
}

// Coverage returns how often each statement was run, by the name in its leading
// comment: "/*customer.get*/ SELECT …" counts as "customer.get". A statement
// without one counts by its first word in parentheses, such as "(SELECT)". Begin,
// commit and rollback count as "BEGIN", "COMMIT" and "ROLLBACK".
func (c *Chaos) Coverage() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// Report prints the coverage, one name a line, in order.
func (c *Chaos) Report(w io.Writer) {
	counts := c.Coverage()
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "%7d  %s\n", counts[name], name)
	}
}

// see records a statement and returns the rule that strikes it, or nil.
func (c *Chaos) see(op Op, text string) *Rule {
	c.mu.Lock()
	if op != OpPrepare {
		c.counts[StatementName(text)]++
	}
	var struck *Rule
	for _, f := range c.faults {
		if !f.selects(op, text) {
			continue
		}
		f.seen++
		if struck == nil && (f.rule.Nth == 0 || f.rule.Nth == f.seen) {
			f.fired++
			struck = &f.rule
		}
	}
	watcher := c.watcher
	c.mu.Unlock()
	if watcher != nil {
		watcher(op, text)
	}
	return struck
}

func (f *Fault) selects(op Op, text string) bool {
	if len(f.rule.Ops) == 0 {
		if op == OpPrepare {
			return false
		}
	} else if !slices.Contains(f.rule.Ops, op) {
		return false
	}
	return f.rule.Match == nil || f.rule.Match(text)
}

// StatementName returns the name under which [Chaos.Coverage] counts a statement.
func StatementName(text string) string {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "/*"); ok {
		if name, _, ok := strings.Cut(rest, "*/"); ok {
			return strings.TrimSpace(name)
		}
	}
	switch text {
	case textBegin, textCommit, textRollback:
		return text
	}
	word := text
	if end := strings.IndexAny(text, " \t\r\n;("); end >= 0 {
		word = text[:end]
	}
	return "(" + strings.ToUpper(word) + ")"
}
