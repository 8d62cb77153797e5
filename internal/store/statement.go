package store

import (
	"context"
	"database/sql"
	"errors"
)

// Statement is one run of a statement: what is said to the database, and what it answered.
type Statement struct {
	Text string // SQL of the dialect
	Args []any  // as the dialect's Arg made them
	Into *Rows  // where its rows go; nil when nobody reads them

	N   int64 // how many rows it changed
	Err error // why it failed
	Ran bool  // the database has answered it, also by a failure

	kind    kind
	form    *form                 // what a write does; nil for others
	raising string                // see Piped; "" where the count does not decide
	check   func(error) error     // maps the fault of a queued write
	owner   *unit                 // the level it belongs to; nil on a pool
	rows    Rows                  // what Into points at
	scan    func(*sql.Rows) error // reads rows that no plan fits; nil elsewhere
}

// kind is what a statement is for.
type kind int

const (
	ask   kind = iota // its caller waits for it
	write             // queued, see Conn.Queue
	read              // queued, see Conn.GetLater
	begin             // these four are the store's own
	savepoint
	release
	commit
)

// Commits reports whether the statement ends the transaction.
func (s *Statement) Commits() bool { return s.kind == commit }

// Decides reports whether the statement must change a row. Where it changes none, Err must become [ErrNoRow].
func (s *Statement) Decides() bool { return s.raising != "" }

// Piped returns the text for a trip in which others follow, which must not run after a statement that has not found its
// row: it divides by zero then.
func (s *Statement) Piped() string {
	if s.raising != "" {
		return s.raising
	}
	return s.Text
}

// failed reports whether nothing may run after the statement. A read without its row is an answer.
func (s *Statement) failed() bool {
	return !s.Ran || s.Err != nil && !errors.Is(s.Err, ErrNoRow) || s.Decides() && s.N == 0
}

// reset forgets an attempt that had no effect.
func (s *Statement) reset() {
	if s.N, s.Err, s.Ran = 0, nil, false; s.Into != nil {
		s.Into.reset()
	}
}

// Trip is some statements that travel together.
type Trip struct {
	Statements []*Statement // in the order in which they run
	// Open says that a transaction is open on the connection; where it is not, the statements must not run.
	Open bool
	// Heed is nil, or the context of a caller who waits for a commit, which must have a definite end. When it ends, the
	// server must be asked to cancel what runs, and the connection must not be used again.
	Heed context.Context //nolint:containedctx // beside the one that bounds the trip

	// Unknown is set when a commit may have happened although no answer came.
	Unknown bool
}
