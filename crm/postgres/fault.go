package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/store"
)

// Fault implements [store.Dialect]. It is the one place that reads PostgreSQL's error codes.
func (dialect) Fault(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	e, answered := errors.AsType[*pgconn.PgError](err)
	if c, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return unreachable(c, e, err)
	}
	if answered {
		return coded(e, err)
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, sql.ErrTxDone), errors.Is(err, pgx.ErrTxClosed):
		return fault.New(fault.Invalid, "the transaction has ended already")
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return fault.New(fault.Invalid, "a statement had failed before, so the database rolled the transaction back instead of committing it")
	case lost(err):
		return fault.Wrap(fault.Unavailable, store.Cause("connection lost", err), "the database does not answer")
	}
	if store.PoolClosed(err) || strings.Contains(err.Error(), "closed pool") { // pgxpool has no value of its own for that
		return store.ClosedFault(err)
	}
	return fault.Wrap(fault.Internal, store.Cause("an error of none of its kinds", err),
		"the driver is not pgx, or fails: crm/postgres works with pgx only")
}

// unreachable says to what no connection could be made. e is the server's answer, or nil.
func unreachable(c *pgconn.ConnectError, e *pgconn.PgError, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	safe := fmt.Sprintf("host %s, port %d, database %s, user %s", c.Config.Host, c.Config.Port, c.Config.Database, c.Config.User)
	if e != nil {
		safe += ": SQLSTATE " + e.Code
	}
	return fault.Wrap(fault.Unavailable, store.Cause(safe, err), "cannot connect to the database")
}

// lost reports a connection that is not there, or broke while somebody waited for an answer.
func lost(err error) bool {
	var op net.Error
	return pgconn.SafeToRetry(err) || errors.As(err, &op) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// coded reads an SQLSTATE. Only the code and names of the schema are shown: message and detail may quote values.
func coded(e *pgconn.PgError, err error) error {
	safe := "SQLSTATE " + e.Code
	if e.ConstraintName != "" {
		safe += " " + e.ConstraintName
	}
	cause := store.Cause(safe, err)
	switch e.Code {
	case "23505":
		return store.DuplicateFault(safe, err)
	case "23503":
		f := fault.New(fault.Conflict, "a referenced record is missing or still referenced: %w", cause)
		f.Reason = store.ReasonReference
		return f
	case "40003", "08007":
		return fault.Wrap(fault.CommitUnknown, cause, "nobody can tell whether the commit happened: repeat under the same idempotency key")
	case "40001", "40P01", "55P03": // serialization, deadlock, lock not available
		return fault.Wrap(fault.Retryable, cause, "the database asks to run the transaction again")
	case "57014":
		return fault.Wrap(fault.Unavailable, cause, "the statement was cancelled")
	case "25P02":
		return fault.Wrap(fault.Invalid, cause, "a statement of the transaction has failed before: roll it back")
	case "42P01", "42703": // no such table, no such column
		if e.Code == "42703" || strings.Contains(e.Message, `"crm_`) {
			return store.UnmigratedFault(safe, err)
		}
	case "25006":
		return fault.Wrap(fault.Invalid, cause, "the transaction is read-only")
	}
	return classed(e.Code, cause)
}

// classed reads the first two characters of an SQLSTATE.
func classed(code string, cause error) error {
	switch {
	case strings.HasPrefix(code, "40"):
		return fault.Wrap(fault.Retryable, cause, "the database asks to run the transaction again")
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57P"), strings.HasPrefix(code, "58"):
		return fault.Wrap(fault.Unavailable, cause, "the database cannot serve now")
	case strings.HasPrefix(code, "22"), strings.HasPrefix(code, "23"):
		return fault.Wrap(fault.Internal, cause, "the database refused a value that validation should have refused")
	}
	return fault.Wrap(fault.Internal, cause, "the database refused a statement")
}
