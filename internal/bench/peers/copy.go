package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// write copies the rows into their tables in one transaction.
func (p *postgres) write(ctx context.Context, tables []*table) (written map[string]int64, err error) {
	tx, err := p.conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback(ctx))
		}
	}()
	written = map[string]int64{}
	for _, t := range tables {
		n, err := tx.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(t.rows))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		written[t.name] = n
	}
	return written, tx.Commit(ctx)
}

// The tables that have tenants, and which of them refer to which.
const (
	tenantTables = `SELECT table_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name LIKE 'crm\_%' AND column_name = 'tenant_id' ORDER BY 1`
	references = `SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
		WHERE contype = 'f' AND conparentid = 0 AND connamespace = current_schema()::regnamespace`
)

func (p *postgres) read(ctx context.Context, tenant string, keep []string) ([]*table, error) {
	rows, err := p.conn.Query(ctx, tenantTables)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	if rows, err = p.conn.Query(ctx, references); err != nil {
		return nil, err
	}
	refs := map[string][]string{}
	var from, to string
	if _, err := pgx.ForEachRow(rows, []any{&from, &to}, func() error {
		refs[from] = append(refs[from], to)
		return nil
	}); err != nil {
		return nil, err
	}
	var tables []*table
	for _, name := range ordered(names, refs) {
		if slices.Contains(keep, name) {
			continue
		}
		t, err := p.readTable(ctx, name, tenant)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(t.rows) > 0 {
			tables = append(tables, t)
		}
	}
	return tables, nil
}

// ordered puts tables after those they refer to.
func ordered(names []string, refs map[string][]string) []string {
	var out []string
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, ref := range refs[name] {
			visit(ref)
		}
		if slices.Contains(names, name) {
			out = append(out, name)
		}
	}
	for _, name := range names {
		visit(name)
	}
	return out
}

func (p *postgres) readTable(ctx context.Context, name, tenant string) (*table, error) {
	rows, err := p.conn.Query(ctx, "SELECT * FROM "+pgx.Identifier{name}.Sanitize()+" WHERE tenant_id = $1", tenant)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	t := &table{name: name}
	for _, f := range rows.FieldDescriptions() {
		t.columns = append(t.columns, f.Name)
	}
	dests := destinations(rows.FieldDescriptions())
	for rows.Next() {
		if err := rows.Scan(dests...); err != nil {
			return nil, err
		}
		row := make([]any, len(dests))
		for i, d := range dests {
			row[i] = plain(d, rows.FieldDescriptions()[i].DataTypeOID)
		}
		t.rows = append(t.rows, row)
	}
	return t, rows.Err()
}

// plain returns a scanned value as a program would hold it before it writes: nil, or the Go type that encodes fastest.
func plain(dest any, oid uint32) any {
	switch d := dest.(type) {
	case *pgtype.UUID:
		return or(d.Valid, d.Bytes)
	case *pgtype.Text:
		return or(d.Valid, d.String)
	case *pgtype.Int8:
		return or(d.Valid, d.Int64)
	case *pgtype.Int4:
		return or(d.Valid, d.Int32)
	case *pgtype.Int2:
		return or(d.Valid, d.Int16)
	case *pgtype.Bool:
		return or(d.Valid, d.Bool)
	case *pgtype.Float8:
		return or(d.Valid, d.Float64)
	case *pgtype.Timestamptz:
		return or[time.Time](d.Valid, d.Time)
	case *pgtype.Date:
		return or[time.Time](d.Valid, d.Time)
	case *pgtype.TSVector:
		return or(d.Valid, *d)
	case *[]byte:
		if *d == nil {
			return nil
		}
		if oid == pgtype.ByteaOID {
			return append([]byte(nil), *d...)
		}
		return string(*d)
	case *any:
		return *d
	}
	return nil
}

func or[T any](valid bool, v T) any {
	if !valid {
		return nil
	}
	return v
}
