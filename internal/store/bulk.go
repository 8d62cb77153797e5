package store

import (
	"context"
	"iter"
	"strconv"
	"strings"
)

// How many arguments a statement of many rows takes. The driver of SQLite looks each argument up among all of them, so
// that its best size is small: measured at thirteen columns, 200 arguments load 90,000 rows a second and 1,300 load
// 60,000.
const (
	argsSQLite   = 200
	argsPostgres = 2000
)

// InsertMany inserts rows by statements of many rows each. It is what dialects fall back on for a bulk load, on any
// open transaction.
func InsertMany(ctx context.Context, ex Execer, dialect, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	limit := argsPostgres
	if dialect == SQLite {
		limit = argsSQLite
	}
	size := max(1, limit/len(columns))
	full, err := ex.PrepareContext(ctx, insertRowsText(dialect, table, columns, size))
	if err != nil {
		return 0, err
	}
	defer func() { _ = full.Close() }() // the transaction closes it otherwise
	var total int64
	args := make([]any, 0, size*len(columns))
	for row, err := range rows {
		if err != nil {
			return total, err
		}
		if args = append(args, row...); len(args) < cap(args) {
			continue
		}
		if _, err := full.ExecContext(ctx, args...); err != nil {
			return total, err
		}
		total += int64(size)
		args = args[:0]
	}
	if len(args) == 0 {
		return total, nil
	}
	rest := len(args) / len(columns)
	if _, err := ex.ExecContext(ctx, insertRowsText(dialect, table, columns, rest), args...); err != nil {
		return total, err
	}
	return total + int64(rest), nil
}

func insertRowsText(dialect, table string, columns []string, rows int) string {
	var b strings.Builder
	b.WriteString("/*store.bulk*/ INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ")
	n := 0
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for c := range columns {
			if c > 0 {
				b.WriteByte(',')
			}
			if n++; dialect == SQLite {
				b.WriteByte('?')
			} else {
				b.WriteString("$" + strconv.Itoa(n))
			}
		}
		b.WriteByte(')')
	}
	return b.String()
}
