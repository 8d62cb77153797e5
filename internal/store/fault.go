package store

import (
	"errors"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
)

// ErrNoRow is what [Conn.Get] returns when there is no row: a NotFound fault. A statement without its row is often
// an answer, not a failure; test for it with errors.Is before other NotFound faults can mix in.
var ErrNoRow = &fault.Error{Code: fault.NotFound, Message: "no such record", Reason: "no_row"}

// Reasons of faults that the dialects make.
const (
	ReasonDuplicate = "duplicate" // Conflict: a primary key or unique index holds the key already
	ReasonReference = "reference" // Conflict: a foreign key points at nothing, or is pointed at
	ReasonClosed    = "closed"    // Unavailable: the DB, or the pool beneath it, was closed
)

// Duplicate reports whether err is a repeated key of a unique index. The transaction is usable after it, because
// every write inside one has its savepoint.
func Duplicate(err error) bool { return reason(err) == ReasonDuplicate }

func reason(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Reason
	}
	return ""
}

// UnmigratedFault is what a dialect returns for a table or column that is not there.
func UnmigratedFault(safe string, cause error) error {
	f := fault.New(fault.Unavailable, "the database lacks a table or column of the CRM: call crm.Migrate, see CRM.Check: %w", Cause(safe, cause))
	f.Reason = ReasonPending
	return f
}

// ClosedFault is what a dialect returns for a pool that its owner has closed.
func ClosedFault(cause error) error {
	f := fault.New(fault.Unavailable, "the pool of connections is closed: %w", cause)
	f.Reason = ReasonClosed
	return f
}

// PoolClosed reports whether database/sql refuses work because the pool was closed; it has no value to compare with.
func PoolClosed(err error) bool { return strings.Contains(err.Error(), "sql: database is closed") }

// DuplicateFault is what a dialect returns for a repeated key. safe names the constraint.
func DuplicateFault(safe string, cause error) error {
	f := fault.New(fault.Conflict, "the key is taken: %w", Cause(safe, cause))
	f.Reason = ReasonDuplicate
	return f
}

// Cause keeps a driver's error for errors.As and shows only safe, since the driver's own words may quote values.
func Cause(safe string, err error) error { return &cause{safe: safe, err: err} }

type cause struct {
	safe string
	err  error
}

func (c *cause) Error() string { return c.safe }
func (c *cause) Unwrap() error { return c.err }
