package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A multi-row insert gains nothing beyond this many rows and loses with ten times as many; SQLite takes this many
// arguments.
const (
	insertRows = 50
	insertArgs = 32766
)

// write inserts the rows into their tables in one transaction, many rows a statement.
func (s *sqlite) write(ctx context.Context, tables []*table) (written map[string]int64, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // the first error counts
		}
	}()
	if err := number(ctx, tx, tables); err != nil {
		return nil, err
	}
	written = map[string]int64{}
	for _, t := range tables {
		if err := insert(ctx, tx, t); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		written[t.name] = int64(len(t.rows))
	}
	return written, tx.Commit()
}

// number gives search documents the numbers after the last one. A customer refers to its document by that number.
func number(ctx context.Context, tx *sql.Tx, tables []*table) error {
	shift := int64(0)
	for _, t := range tables {
		at := slices.Index(t.columns, "rowid")
		if at < 0 || len(t.rows) == 0 {
			continue
		}
		var last int64
		err := tx.QueryRowContext(ctx, "SELECT rowid FROM "+t.name+" ORDER BY rowid DESC LIMIT 1").Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		first, ok := t.rows[0][at].(int64)
		if !ok {
			return fmt.Errorf("%s: rowid is a %T", t.name, t.rows[0][at])
		}
		shift = last + 1 - first
		addTo(t, at, shift)
	}
	for _, t := range tables {
		if at := slices.Index(t.columns, "search"); at >= 0 {
			addTo(t, at, shift)
		}
	}
	return nil
}

func addTo(t *table, at int, shift int64) {
	for _, row := range t.rows {
		if n, ok := row[at].(int64); ok {
			row[at] = n + shift
		}
	}
}

func insert(ctx context.Context, tx *sql.Tx, t *table) (err error) {
	size := min(insertRows, insertArgs/len(t.columns))
	full, err := tx.PrepareContext(ctx, insertText(t, size))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, full.Close()) }()
	args := make([]any, 0, size*len(t.columns))
	for chunk := range slices.Chunk(t.rows, size) {
		args = args[:0]
		for _, row := range chunk {
			args = append(args, row...)
		}
		if len(chunk) == size {
			_, err = full.ExecContext(ctx, args...)
		} else {
			_, err = tx.ExecContext(ctx, insertText(t, len(chunk)), args...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func insertText(t *table, rows int) string {
	one := "(" + strings.Repeat("?,", len(t.columns)-1) + "?)"
	return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") VALUES " + strings.Repeat(one+",", rows-1) + one
}
