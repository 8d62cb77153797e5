package postgres

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/internal/store"
)

// Dialect is PostgreSQL 13 or newer, and what speaks its language. It is for crm.New over a host's own *sql.DB, whose
// driver must be pgx; FromPool needs no dialect.
var Dialect = dialect{}

var (
	_ store.Dialect = Dialect
	_ store.Adapter = Dialect
)

// minVersion is server_version_num of the oldest server that is not refused.
const minVersion = 130000

type dialect struct{}

// Name implements [store.Dialect].
func (dialect) Name() string { return store.Postgres }

// Arg implements [store.Dialect]. Every result has a type that pgx knows without help, since in its modes for poolers the
// server is not asked what an argument should be.
func (dialect) Arg(v any) any {
	switch v := v.(type) {
	case ident.ID:
		return pgtype.UUID{Bytes: v, Valid: true}
	case date.Date:
		return time.Unix(int64(v.Days())*secondsPerDay, 0).UTC()
	case store.JSON:
		return string(v)
	}
	return v
}

const secondsPerDay = 24 * 60 * 60

// Check implements [store.Dialect].
func (dialect) Check(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it only goes back to the pool
	textual := false
	err = conn.Raw(func(dc any) error {
		pg := pgxConn(dc)
		if pg == nil {
			return nil // a driver that hides its connection
		}
		m := pg.Config().DefaultQueryExecMode
		textual = m == pgx.QueryExecModeSimpleProtocol || m == pgx.QueryExecModeExec
		return checkSession(pg.PgConn().ParameterStatus, textual)
	})
	if err != nil {
		return err
	}
	var version int
	var bytes string
	const ask = `SELECT current_setting('server_version_num')::int, current_setting('bytea_output') WHERE $1`
	if err := conn.QueryRowContext(ctx, ask, true).Scan(&version, &bytes); err != nil {
		return err
	}
	switch {
	case version < minVersion:
		return fault.New(fault.Invalid, "the server is version %d.%d: want %d or newer", version/10000, version%10000, minVersion/10000)
	case bytes != "hex" && textual:
		return fault.New(fault.Invalid, "bytea_output is %s: want hex in a mode of pgx in which values come as text", bytes)
	}
	return nil
}

// checkSession looks at what the server has said about itself and the session. pgx refuses some statements, or cannot
// read what comes back, where this differs.
func checkSession(is func(name string) string, textual bool) error {
	switch {
	case is("server_encoding") != "UTF8":
		return fault.New(fault.Invalid, "the database is encoded in %s: want UTF8", is("server_encoding"))
	case is("client_encoding") != "UTF8":
		return fault.New(fault.Invalid, "client_encoding is %s: want UTF8", is("client_encoding"))
	case is("standard_conforming_strings") != "on":
		return fault.New(fault.Invalid, "standard_conforming_strings is off: want it on")
	case !strings.HasPrefix(is("DateStyle"), "ISO") && textual:
		return fault.New(fault.Invalid, "DateStyle is %s: want ISO in a mode of pgx in which values come as text", is("DateStyle"))
	}
	return nil
}

// TextTest implements [rule.Columns], comparing bytes: LIKE knows wildcards.
func (dialect) TextTest(test, expr, arg string) string {
	switch test {
	case "starts":
		return "starts_with(" + expr + ", " + arg + ")"
	case "ends":
		return "right(" + expr + ", length(" + arg + ")) = " + arg
	}
	return "strpos(" + expr + ", " + arg + ") > 0"
}

// HasElement implements [rule.Columns] over a JSON array.
func (dialect) HasElement(expr, arg string) string { return expr + " ? " + arg }

// Custom implements [store.Dialect].
func (dialect) Custom(column, key string, t rule.Type) rule.Column {
	text := column + "->>'" + key + "'"
	c := rule.Column{Type: t, Encode: store.CustomArg, Can: rule.CanEqual | rule.CanRange}
	switch t {
	case rule.TypeTexts:
		return rule.Column{Type: t, Expr: "(" + column + "->'" + key + "')", Can: rule.CanEqual | rule.CanMatch}
	case rule.TypeMoney:
		c.Expr = "(" + column + "->'" + key + "'->>'m')::bigint"
		c.Second = "(" + column + "->'" + key + "'->>'c')"
		c.Encode = nil
	case rule.TypeText:
		c.Expr, c.Encode = "("+text+`) COLLATE "C"`, nil
		c.Can |= rule.CanMatch
	case rule.TypeBool:
		c.Expr = "(" + text + ")::boolean"
	case rule.TypeFloat:
		c.Expr = "(" + text + ")::double precision"
	case rule.TypeInt, rule.TypeTime, rule.TypeDate:
		c.Expr = "(" + text + ")::bigint"
	default:
		c.Expr = "(" + text + ")"
	}
	return c
}
