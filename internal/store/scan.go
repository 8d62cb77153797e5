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
		switch v := src.(type) {
		case nil:
		case string:
			*p = v
		case []byte:
			*p = string(v)
		default:
			return scanError(src, "text")
		}
	case *[]byte:
		switch v := src.(type) {
		case nil:
		case []byte:
			*p = append(make([]byte, 0, len(v)), v...)
		case string:
			*p = []byte(v)
		default:
			return scanError(src, "bytes")
		}
	case *int64:
		return number(src, func(n int64) { *p = n })
	case *int:
		return number(src, func(n int64) { *p = int(n) })
	case *bool:
		switch v := src.(type) {
		case nil:
		case bool:
			*p = v
		case int64:
			*p = v != 0
		default:
			return scanError(src, "a truth value")
		}
	case *float64:
		switch v := src.(type) {
		case nil:
		case float64:
			*p = v
		case int64:
			*p = float64(v)
		default:
			return scanError(src, "a number")
		}
	case sql.Scanner: // the row types
		return p.Scan(src)
	case **string:
		return optional(p, src)
	case **int64:
		return optional(p, src)
	case **float64:
		return optional(p, src)
	case **bool:
		return optional(p, src)
	}
	return nil
}

// optional takes a value that may be absent: NULL leaves nil.
func optional[T any](p **T, src any) error {
	if src == nil {
		return nil
	}
	*p = new(T)
	return (&cell{*p}).Scan(src)
}

func number(src any, set func(n int64)) error {
	switch v := src.(type) {
	case nil:
	case int64:
		set(v)
	default:
		return scanError(src, "a whole number")
	}
	return nil
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
