package store

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
)

// ID is a record id in a row struct: uuid on PostgreSQL, 16 bytes on SQLite. NULL scans as the zero id. Convert with
// ident.ID(id).
type ID ident.ID

// Time is an instant in a row struct: timestamptz on PostgreSQL, microseconds since 1970 on SQLite. It scans in UTC;
// NULL scans as the zero time. Convert with time.Time(t).
type Time time.Time

// Date is a calendar day in a row struct: date on PostgreSQL, days since 1970-01-01 on SQLite. NULL scans as the zero
// date. Convert with date.Date(d).
type Date date.Date

// JSON is a document in a row struct: jsonb on PostgreSQL, text on SQLite. NULL scans as nil. As an argument it must
// hold valid JSON; nil is NULL.
type JSON []byte

// Texts is a list of text in a row struct, stored as a JSON array. NULL scans as nil. As an argument []string does
// the same; nil is NULL.
type Texts []string

// Scan implements sql.Scanner.
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID{}
		return nil
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
		return id.parse(string(v))
	case string:
		return id.parse(v)
	case [16]byte:
		*id = v
		return nil
	}
	return scanError(src, "an id")
}

func (id *ID) parse(s string) error {
	v, err := ident.Parse(s)
	*id = ID(v)
	return err
}

// Scan implements sql.Scanner.
func (t *Time) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = Time{}
	case int64:
		*t = Time(time.UnixMicro(v).UTC())
	case time.Time:
		*t = Time(v.UTC())
	default:
		return scanError(src, "a time")
	}
	return nil
}

const secondsPerDay = 24 * 60 * 60

// Scan implements sql.Scanner.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = Date{}
	case int64:
		*d = Date(date.FromDays(int(v)))
	case time.Time:
		*d = Date(date.FromDays(int(v.Unix() / secondsPerDay))) // midnight UTC; the first day there is equals the zero time
	default:
		return scanError(src, "a date")
	}
	return nil
}

// Scan implements sql.Scanner.
func (j *JSON) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*j = nil
	case []byte:
		*j = append(JSON(nil), v...)
	case string:
		*j = JSON(v)
	default:
		return scanError(src, "a document")
	}
	return nil
}

// Scan implements sql.Scanner.
func (t *Texts) Scan(src any) error {
	*t = nil
	switch v := src.(type) {
	case nil:
		return nil
	case []byte:
		return json.Unmarshal(v, (*[]string)(t))
	case string:
		return json.Unmarshal([]byte(v), (*[]string)(t))
	}
	return scanError(src, "a list")
}

// scanError names types only: the value may be personal.
func scanError(src any, want string) error {
	return fmt.Errorf("store: cannot read %s from %T", want, src)
}

// OrNull returns nil, which is stored as NULL, for the zero value of its type, and v otherwise. Blank fields are NULL
// in every table, so that rules and lists find them the same way.
func OrNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
