package store

import (
	"context"
	"database/sql"
	"iter"

	"github.com/rapport-crm/rapport/core/rule"
)

// The names of the dialects.
const (
	Postgres = "postgres"
	SQLite   = "sqlite"
)

// Dialect is what differs between the databases. crm/postgres and crm/sqlite implement it, and are the only ones who
// know a driver. Implementations must be stateless values, safe for concurrent use.
type Dialect interface {
	// Name must return [Postgres] or [SQLite]; it picks the texts of statements and the folder of migrations.
	Name() string

	// Fault must turn every error of the driver into an [*fault.Error] that says nothing personal, or return it as it
	// is when it holds one already or is the context's own. It must tell a repeated key ([Duplicate]), a conflict the
	// database asks to repeat (Retryable), an unknown commit (CommitUnknown) and a lost connection (Unavailable).
	Fault(err error) error

	// Arg must turn an argument into what the driver stores: v is nil, bool, int64, float64, string, []byte,
	// time.Time, date.Date, ident.ID or [JSON].
	Arg(v any) any

	// Check must refuse a database that is too old or set up in a way that loses data, naming the setting to change.
	Check(ctx context.Context, db *sql.DB) error

	// BulkLoad must insert rows whose values went through Arg, by the fastest way the connection offers, and return
	// how many it inserted. It must stop at the first error of rows and return it. to.Conn may be nil.
	BulkLoad(ctx context.Context, to Target, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error)

	// Catalog must return the schema's CRM tables as sorted lines that are the same however the schema was reached.
	Catalog(ctx context.Context, q Execer) ([]string, error)

	// TextTest must do what [rule.Columns.TextTest] must.
	TextTest(test, expr, arg string) string
	// HasElement must do what [rule.Columns.HasElement] must.
	HasElement(expr, arg string) string

	// Custom must return how to reach a custom field's value inside a JSON column, given the column's expression.
	Custom(column, key string, t rule.Type) rule.Column
}

// Execer runs SQL. *sql.DB, *sql.Tx and *sql.Conn are Execers.
type Execer interface {
	// ExecContext must run a statement without rows, as [sql.DB.ExecContext] does.
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	// QueryContext must run a statement with rows, which the caller closes.
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	// QueryRowContext must run a statement whose first row alone counts.
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	// PrepareContext must prepare a statement, which the caller closes.
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// Target is where a bulk load goes: an open transaction, and the connection it is on when that is known.
type Target struct {
	Exec Execer    // the open transaction
	Conn *sql.Conn // nil on a host's *sql.Tx, which does not give its connection away
}
