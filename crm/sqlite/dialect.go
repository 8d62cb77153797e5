package sqlite

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/internal/store"
)

// Dialect is SQLite 3.35 or newer. It is for crm.New over a host's own *sql.DB, whose driver must be
// modernc.org/sqlite; Open needs no dialect.
var Dialect = dialect{}

var _ store.Dialect = Dialect

type dialect struct{}

// Name implements [store.Dialect].
func (dialect) Name() string { return store.SQLite }

// Arg implements [store.Dialect]: ids are 16 bytes, times microseconds, dates days, documents text.
func (dialect) Arg(v any) any {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case ident.ID:
		return v[:]
	case time.Time:
		return v.UnixMicro()
	case date.Date:
		return int64(v.Days())
	case store.JSON:
		return string(v)
	}
	return v
}

// Check implements [store.Dialect]. A database in memory has no journal to set up.
func (dialect) Check(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it only goes back to the pool
	var journal, version string
	var timeout, keys int
	for _, p := range []struct {
		query string
		dest  any
	}{
		{"SELECT sqlite_version()", &version},
		{"PRAGMA journal_mode", &journal},
		{"PRAGMA busy_timeout", &timeout},
		{"PRAGMA foreign_keys", &keys},
	} {
		if err := conn.QueryRowContext(ctx, p.query).Scan(p.dest); err != nil {
			return err
		}
	}
	var wrong, add []string
	for _, p := range []struct {
		bad         bool
		what, mends string
	}{
		{journal != "wal" && journal != "memory", "the journal mode is " + journal + ", with which readers and writers block each other", "journal_mode(WAL)"},
		{timeout == 0, "there is no busy timeout, so a second process fails at once", "busy_timeout(5000)"},
		{keys == 0, "foreign keys are not enforced", "foreign_keys(1)"},
	} {
		if p.bad {
			wrong, add = append(wrong, p.what), append(add, "_pragma="+p.mends)
		}
	}
	if wrong == nil {
		return nil
	}
	return fault.Field("db", "%s: open it with sqlite.OpenPools, or add %s to its name", strings.Join(wrong, "; "), strings.Join(add, "&"))
}

// TextTest implements [rule.Columns], comparing bytes: LIKE and GLOB fold case or know wildcards.
func (dialect) TextTest(test, expr, arg string) string {
	switch test {
	case "starts":
		return "substr(" + expr + ", 1, length(" + arg + ")) = " + arg
	case "ends":
		return "(length(" + expr + ") >= length(" + arg + ") AND substr(" + expr + ", length(" + expr + ") - length(" + arg + ") + 1) = " + arg + ")"
	}
	return "instr(" + expr + ", " + arg + ") > 0"
}

// HasElement implements [rule.Columns] over a JSON array.
func (dialect) HasElement(expr, arg string) string {
	return "EXISTS (SELECT 1 FROM json_each(" + expr + ") WHERE json_each.value = " + arg + ")"
}

// Custom implements [store.Dialect].
func (dialect) Custom(column, key string, t rule.Type) rule.Column {
	at := func(more string) string { return "json_extract(" + column + `, '$."` + key + `"` + more + "')" }
	c := rule.Column{Expr: at(""), Type: t, Encode: store.CustomArg, Can: rule.CanEqual | rule.CanRange}
	switch t {
	case rule.TypeTexts:
		c.Can, c.Encode = rule.CanEqual|rule.CanMatch, nil
	case rule.TypeMoney:
		c.Expr, c.Second, c.Encode = at(".m"), at(".c"), nil
	case rule.TypeText:
		c.Can |= rule.CanMatch
	}
	return c
}
