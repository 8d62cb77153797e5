package store

import (
	"database/sql"
)

// cell takes one column of a row into the variable ptr points at, which is zero.
type cell struct{ ptr any }

// Scan implements sql.Scanner. NULL leaves the zero value.
func (c *cell) Scan(src any) error {
	switch p := c.ptr.(type) {
	case *string:
		return scanText(p, src)
	case *[]byte:
		return scanBytes(p, src)
	case *int64:
		return scanInt(p, src)
	case *int:
		return scanInt(p, src)
	case *bool:
		return scanBool(p, src)
	case *float64:
		return scanFloat(p, src)
	case sql.Scanner: // the row types
		return p.Scan(src)
	case **string:
		return scanOptional(p, src, scanText)
	case **int64:
		return scanOptional(p, src, scanInt)
	case **float64:
		return scanOptional(p, src, scanFloat)
	case **bool:
		return scanOptional(p, src, scanBool)
	}
	return nil
}

func scanText(p *string, src any) error {
	switch v := src.(type) {
	case nil:
	case string:
		*p = v
	case []byte:
		*p = string(v)
	default:
		return scanError(src, "text")
	}
	return nil
}

// scanBytes copies: the bytes of src are the driver's.
func scanBytes(p *[]byte, src any) error {
	switch v := src.(type) {
	case nil:
	case []byte:
		*p = append(make([]byte, 0, len(v)), v...)
	case string:
		*p = []byte(v)
	default:
		return scanError(src, "bytes")
	}
	return nil
}

func scanInt[N int | int64](p *N, src any) error {
	switch v := src.(type) {
	case nil:
	case int64:
		*p = N(v)
	default:
		return scanError(src, "a whole number")
	}
	return nil
}

// scanBool takes numbers too: SQLite has no truth values.
func scanBool(p *bool, src any) error {
	switch v := src.(type) {
	case nil:
	case bool:
		*p = v
	case int64:
		*p = v != 0
	default:
		return scanError(src, "a truth value")
	}
	return nil
}

// scanFloat takes whole numbers too: in SQLite a value has a type, not its column.
func scanFloat(p *float64, src any) error {
	switch v := src.(type) {
	case nil:
	case float64:
		*p = v
	case int64:
		*p = float64(v)
	default:
		return scanError(src, "a number")
	}
	return nil
}

// scanOptional takes a value that may be absent: NULL leaves nil.
func scanOptional[T any](p **T, src any, scan func(p *T, src any) error) error {
	if src == nil {
		return nil
	}
	*p = new(T)
	return scan(*p, src)
}

// scan reads rows of database/sql into the variables.
func (r *Rows) scan(rows *sql.Rows) error {
	if !rows.Next() {
		return rows.Err()
	}
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	if err := r.Begin(columns); err != nil {
		return err
	}
	cells, dests := make([]cell, len(columns)), make([]any, len(columns))
	for i := range cells {
		dests[i] = &cells[i]
	}
	for more := true; more; more = rows.Next() {
		ptrs, wanted := r.Next()
		if !wanted {
			break
		}
		for i := range cells {
			cells[i].ptr = ptrs[i]
		}
		if err := rows.Scan(dests...); err != nil {
			return err
		}
	}
	if err := rows.Close(); err != nil {
		return err
	}
	return rows.Err()
}
