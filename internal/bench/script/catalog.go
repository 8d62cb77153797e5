package script

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Table is a table that belongs to tenants.
type Table struct {
	Name    string   // without a schema
	Columns []string // names, in the order of the table

	types []string // by column, as the database names them
	key   []int    // places of the columns of the primary key
	after []string // tables that it refers to
	depth int      // of those, and what they refer to
}

// What the databases know of tables: each column with its table, type and place in the primary key, and which tables
// refer to which.
const (
	postgresColumns = `SELECT c.table_name, c.column_name, c.udt_name, coalesce(k.ordinal_position, 0)
		FROM information_schema.columns c
		LEFT JOIN information_schema.table_constraints p ON p.table_schema = c.table_schema AND p.table_name = c.table_name
			AND p.constraint_type = 'PRIMARY KEY'
		LEFT JOIN information_schema.key_column_usage k ON k.constraint_schema = p.constraint_schema
			AND k.constraint_name = p.constraint_name AND k.table_name = c.table_name AND k.column_name = c.column_name
		WHERE c.table_schema = current_schema() AND c.table_name IN (SELECT table_name FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name LIKE 'crm\_%' AND column_name = 'tenant_id')
		ORDER BY c.table_name, c.ordinal_position`
	postgresReferences = `SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
		WHERE contype = 'f' AND conparentid = 0 AND connamespace = current_schema()::regnamespace`
	sqliteColumns = `SELECT m.name, c.name, c.type, c.pk FROM sqlite_master m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name IN (
			SELECT t.name FROM sqlite_master t JOIN pragma_table_info(t.name) i WHERE i.name = 'tenant_id')
		ORDER BY m.name, c.cid`
	sqliteReferences = `SELECT m.name, f."table" FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`
)

// Tables returns the tables of tenants in a database, by name.
//
// Errors: those of the database.
func Tables(ctx context.Context, db *sql.DB, sqlite bool) (map[string]*Table, error) {
	columns, references := postgresColumns, postgresReferences
	if sqlite {
		columns, references = sqliteColumns, sqliteReferences
	}
	tables := map[string]*Table{}
	var name, column, typ, to string
	var key int
	err := each(ctx, db, columns, []any{&name, &column, &typ, &key}, func() {
		if tables[name] == nil {
			tables[name] = &Table{Name: name}
		}
		tables[name].add(column, typ, key > 0)
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, db, references, []any{&name, &to}, func() {
		if t := tables[name]; t != nil {
			t.after = append(t.after, to)
		}
	})
	sink(tables)
	return tables, err
}

func (t *Table) add(column, typ string, key bool) {
	if key {
		t.key = append(t.key, len(t.Columns))
	}
	t.Columns, t.types = append(t.Columns, column), append(t.types, typ)
}

// Select returns the columns for a query, with an alias before each, but those that are left out.
func (t *Table) Select(alias string, but ...string) string {
	var out []string
	for _, c := range t.Columns {
		if !slices.Contains(but, c) {
			out = append(out, alias+"."+c)
		}
	}
	return strings.Join(out, ", ")
}

// sink gives each table its depth.
func sink(tables map[string]*Table) {
	for range tables {
		for _, t := range tables {
			for _, ref := range t.after {
				if to := tables[ref]; to != nil && to != t {
					t.depth = max(t.depth, to.depth+1)
				}
			}
		}
	}
}

// each scans the rows of a query, one after the other, and calls fn after each.
func each(ctx context.Context, db *sql.DB, query string, into []any, fn func()) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("script: read the catalog: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		fn()
	}
	return rows.Err()
}
