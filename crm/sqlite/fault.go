package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/store"
)

// Fault implements [store.Dialect]. It is the one place that reads SQLite's error codes.
func (dialect) Fault(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case ok:
		return coded(e.Code(), err)
	case errors.Is(err, sql.ErrTxDone):
		return fault.New(fault.Invalid, "the transaction has ended already")
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn):
		return fault.Wrap(fault.Unavailable, err, "the connection is closed")
	case store.PoolClosed(err):
		return store.ClosedFault(err)
	}
	return fault.Wrap(fault.Internal, store.Cause("an error of none of its kinds", err),
		"the driver is not modernc.org/sqlite, or fails: crm/sqlite works with that driver only")
}

func coded(code int, err error) error {
	safe := "sqlite error " + strconv.Itoa(code)
	switch code {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY, codes.SQLITE_CONSTRAINT_ROWID:
		return store.DuplicateFault(constraint(err), err)
	case codes.SQLITE_CONSTRAINT_FOREIGNKEY:
		f := fault.New(fault.Conflict, "a referenced record is missing or still referenced: %w", store.Cause(safe, err))
		f.Reason = store.ReasonReference
		return f
	}
	cause := store.Cause(safe, err)
	switch code & 0xff { // the low byte is the family
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return fault.Wrap(fault.Retryable, cause, "the database is busy")
	case codes.SQLITE_INTERRUPT:
		return fault.Wrap(fault.Unavailable, cause, "the statement was interrupted")
	case codes.SQLITE_CONSTRAINT, codes.SQLITE_MISMATCH, codes.SQLITE_TOOBIG, codes.SQLITE_RANGE:
		return fault.Wrap(fault.Internal, cause, "the database refused a value that validation should have refused")
	case codes.SQLITE_FULL:
		return fault.Wrap(fault.Unavailable, cause, "the disk is full")
	case codes.SQLITE_READONLY:
		return fault.Wrap(fault.Unavailable, cause, "the database cannot be written")
	case codes.SQLITE_IOERR, codes.SQLITE_CANTOPEN, codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB, codes.SQLITE_PROTOCOL:
		return fault.Wrap(fault.Unavailable, cause, "the database file cannot be used")
	}
	if code == codes.SQLITE_ERROR && missing.MatchString(err.Error()) {
		return store.UnmigratedFault(safe, err)
	}
	return fault.Wrap(fault.Internal, cause, "the database refused a statement")
}

// missing finds what SQLite has no code of its own for.
var missing = regexp.MustCompile(`no such table: crm_|no such column: |has no column named `)

// constraint returns the columns that SQLite names in "UNIQUE constraint failed: t.a, t.b (2067)".
func constraint(err error) string {
	_, columns, ok := strings.Cut(err.Error(), "constraint failed: UNIQUE constraint failed: ")
	if !ok {
		return "unique constraint"
	}
	columns, _, _ = strings.Cut(columns, " (")
	return columns
}
