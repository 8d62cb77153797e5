package dbtest

import (
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// PgError returns the error that PostgreSQL's driver gives for an SQLSTATE, such
// as 40001 (serialization failure), 40P01 (deadlock), 40003 (completion
// unknown), 23505 (unique violation) or 57P01 (server shutting down).
func PgError(code string) error {
	severity := "ERROR"
	if strings.HasPrefix(code, "57P") {
		severity = "FATAL"
	}
	return &pgconn.PgError{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: "injected fault"}
}

// LostConnection returns the error of a connection that broke while its caller
// waited for an answer: nobody knows whether the statement took effect.
func LostConnection() error {
	return &net.OpError{Op: "read", Net: "unix", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// ByName returns a [Rule.Match] that selects statements by the names that
// [StatementName] gives.
func ByName(names ...string) func(sql string) bool {
	return func(sql string) bool {
		got := StatementName(sql)
		for _, name := range names {
			if got == name {
				return true
			}
		}
		return false
	}
}
