package script

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
)

// postgresWatcher has triggers write down every row that changes, so that it does not matter in which statements,
// or over which connection, they do.
type postgresWatcher struct {
	db     *sql.DB
	tables map[string]*Table
}

// The words of the watcher in the database.
const (
	watchStart = `CREATE UNLOGGED TABLE bench_note (seq bigserial PRIMARY KEY, tab text NOT NULL, was json, became json);
		CREATE FUNCTION bench_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO bench_note (tab, was, became) VALUES (TG_TABLE_NAME, to_json(OLD), to_json(NEW));
			RETURN NULL;
		END $$`
	watchTable = `CREATE TRIGGER bench_note AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION bench_note()`
	watchRead  = `SELECT tab, was, became FROM bench_note ORDER BY seq`
	watchEnd   = `DROP TABLE bench_note; DROP FUNCTION bench_note() CASCADE`
)

// WatchPostgres watches the tables of tenants in a database, until it is closed.
func WatchPostgres(ctx context.Context, db *sql.DB) (Watcher, error) {
	tables, err := Tables(ctx, db, false)
	if err != nil {
		return nil, err
	}
	text := watchStart
	for name := range tables {
		text += ";" + fmt.Sprintf(watchTable, name)
	}
	if _, err := db.ExecContext(ctx, text); err != nil {
		return nil, fmt.Errorf("script: watch the database: %w", err)
	}
	return &postgresWatcher{db: db, tables: tables}, nil
}

func (w *postgresWatcher) Close(ctx context.Context) error {
	_, err := w.db.ExecContext(ctx, watchEnd)
	return err
}

func (w *postgresWatcher) Watch(ctx context.Context, fn func() error) ([]Change, error) {
	if _, err := w.db.ExecContext(ctx, "DELETE FROM bench_note"); err != nil {
		return nil, err
	}
	if err := fn(); err != nil {
		return nil, err
	}
	rows, err := w.db.QueryContext(ctx, watchRead)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Change
	for rows.Next() {
		var name string
		var was, became []byte
		if err := rows.Scan(&name, &was, &became); err != nil {
			return nil, err
		}
		c := Change{Table: w.tables[name]}
		var errs [2]error
		c.Old, errs[0] = c.Table.parse(was)
		c.New, errs[1] = c.Table.parse(became)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("script: %s: %w", name, err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// parse reads a row from JSON; nil from nothing.
func (t *Table) parse(row []byte) ([]Arg, error) {
	if row == nil {
		return nil, nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(row, &values); err != nil {
		return nil, err
	}
	out := make([]Arg, len(t.Columns))
	for i, column := range t.Columns {
		var err error
		if out[i], err = parse(values[column], t.types[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", column, err)
		}
	}
	return out, nil
}

// parse reads a value of a type of PostgreSQL. Types that the driver encodes from text stay text.
func parse(v json.RawMessage, typ string) (Arg, error) {
	switch {
	case bytes.Equal(v, []byte("null")):
		return Arg{Kind: kindNull}, nil
	case typ == "json" || typ == "jsonb":
		return text(string(v)), nil
	case typ == "bool":
		return Argument(string(v) == "true")
	case strings.HasPrefix(typ, "int"):
		var n int64
		err := json.Unmarshal(v, &n)
		return Arg{Kind: kindInt, Int: n}, err
	case strings.HasPrefix(typ, "float"):
		var f float64
		err := json.Unmarshal(v, &f)
		return Arg{Kind: kindFloat, Float: f}, err
	}
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return Arg{}, err
	}
	switch typ {
	case "uuid":
		id, err := ident.Parse(s)
		return Arg{Kind: kindUUID, Bytes: id[:]}, err
	case "bytea":
		b, err := hex.DecodeString(strings.TrimPrefix(s, `\x`))
		return Arg{Kind: kindBytes, Bytes: b}, err
	case "timestamptz":
		at, err := time.Parse(time.RFC3339Nano, s)
		return Arg{Kind: kindTime, Int: at.UnixMicro()}, err
	}
	return text(s), nil
}
