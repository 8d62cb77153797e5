package postgres

import (
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/store"
)

// readRows reads rows to their end and closes them.
func readRows(rows pgx.Rows, m *pgtype.Map, into *store.Rows) error {
	defer rows.Close()
	if !rows.Next() {
		return rows.Err()
	}
	fields := rows.FieldDescriptions()
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	if err := into.Begin(names); err != nil {
		return err
	}
	last := make([]string, len(fields))
	for more := true; more; more = rows.Next() {
		ptrs, wanted := into.Next()
		if !wanted {
			break
		}
		for i, raw := range rows.RawValues() {
			if p, ok := ptrs[i].(*string); ok && isText(&fields[i]) {
				if last[i] != string(raw) { // the words of many columns repeat from row to row
					last[i] = string(raw)
				}
				*p = last[i]
				continue
			}
			if err := read(m, &fields[i], raw, ptrs[i]); err != nil {
				return err
			}
		}
	}
	rows.Close()
	return rows.Err()
}

func isText(f *pgconn.FieldDescription) bool {
	return f.DataTypeOID == pgtype.TextOID || f.DataTypeOID == pgtype.VarcharOID
}

// read decodes one value; ptr points at a zero value.
func read(m *pgtype.Map, f *pgconn.FieldDescription, raw []byte, ptr any) error {
	if raw == nil {
		return nil
	}
	ptr = present(ptr)
	switch f.DataTypeOID {
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.JSONOID:
		return readDocument(f, raw, ptr)
	case pgtype.JSONBOID:
		if f.Format == pgx.BinaryFormatCode {
			raw = raw[1:] // the version of the format
		}
		return readDocument(f, raw, ptr)
	}
	if f.Format != pgx.BinaryFormatCode {
		return readWords(m, f, raw, ptr)
	}
	switch f.DataTypeOID {
	case pgtype.UUIDOID:
		if id, ok := ptr.(*store.ID); ok && len(raw) == len(id) {
			copy(id[:], raw)
			return nil
		}
	case pgtype.ByteaOID:
		if b, ok := ptr.(*[]byte); ok {
			*b = append(make([]byte, 0, len(raw)), raw...)
			return nil
		}
	case pgtype.BoolOID:
		if b, ok := ptr.(*bool); ok && len(raw) == 1 {
			*b = raw[0] != 0
			return nil
		}
	case pgtype.Int8OID, pgtype.Int4OID, pgtype.Int2OID:
		return readInt(f, raw, ptr)
	}
	return readOther(f, raw, ptr)
}

// present makes the value that an optional variable points at, and returns its address.
func present(ptr any) any {
	switch p := ptr.(type) {
	case **string:
		*p = new(string)
		return *p
	case **int64:
		*p = new(int64)
		return *p
	case **float64:
		*p = new(float64)
		return *p
	case **bool:
		*p = new(bool)
		return *p
	}
	return ptr
}

// readWords decodes a value in its text form, in which poolers' modes of pgx get all of them.
func readWords(m *pgtype.Map, f *pgconn.FieldDescription, raw []byte, ptr any) error {
	if scanner, ok := ptr.(sql.Scanner); ok { // the row types
		t, known := m.TypeForOID(f.DataTypeOID)
		if !known {
			return unreadable(f, ptr)
		}
		v, err := t.Codec.DecodeDatabaseSQLValue(m, f.DataTypeOID, f.Format, raw)
		if err != nil {
			return unreadable(f, ptr)
		}
		return scanner.Scan(v)
	}
	if m.Scan(f.DataTypeOID, f.Format, raw, ptr) != nil {
		return unreadable(f, ptr)
	}
	return nil
}

func readDocument(f *pgconn.FieldDescription, raw []byte, ptr any) error {
	switch p := ptr.(type) {
	case *string:
		*p = string(raw)
	case *store.JSON:
		*p = append(make(store.JSON, 0, len(raw)), raw...)
	case *[]byte:
		*p = append(make([]byte, 0, len(raw)), raw...)
	case *store.Texts:
		return json.Unmarshal(raw, (*[]string)(p))
	default:
		return unreadable(f, ptr)
	}
	return nil
}

func readInt(f *pgconn.FieldDescription, raw []byte, ptr any) error {
	var n int64
	switch len(raw) {
	case 8:
		n = int64(binary.BigEndian.Uint64(raw)) //nolint:gosec // the bits of a signed number
	case 4:
		n = int64(int32(binary.BigEndian.Uint32(raw))) //nolint:gosec // the bits of a signed number
	case 2:
		n = int64(int16(binary.BigEndian.Uint16(raw))) //nolint:gosec // the bits of a signed number
	}
	switch p := ptr.(type) {
	case *int64:
		*p = n
	case *int:
		*p = int(n)
	case *float64:
		*p = float64(n)
	default:
		return unreadable(f, ptr)
	}
	return nil
}

// Times count from the first day of the year 2000.
var (
	epoch     = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	epochDays = int(epoch.Unix() / secondsPerDay)
)

func readOther(f *pgconn.FieldDescription, raw []byte, ptr any) error {
	switch p := ptr.(type) {
	case *store.Time:
		if f.DataTypeOID == pgtype.TimestamptzOID && len(raw) == 8 {
			micros := int64(binary.BigEndian.Uint64(raw)) //nolint:gosec // the bits of a signed number
			*p = store.Time(time.UnixMicro(epoch.UnixMicro() + micros).UTC())
			return nil
		}
	case *store.Date:
		if f.DataTypeOID == pgtype.DateOID && len(raw) == 4 {
			days := int(int32(binary.BigEndian.Uint32(raw))) //nolint:gosec // the bits of a signed number
			*p = store.Date(date.FromDays(epochDays + days))
			return nil
		}
	case *float64:
		if f.DataTypeOID == pgtype.Float8OID && len(raw) == 8 {
			*p = math.Float64frombits(binary.BigEndian.Uint64(raw))
			return nil
		}
	}
	return unreadable(f, ptr)
}

// unreadable names column and type, never the value.
func unreadable(f *pgconn.FieldDescription, ptr any) error {
	return fault.Wrap(fault.Internal, store.Cause("postgres", fmt.Errorf("column %s of type %d does not fit %T", f.Name, f.DataTypeOID, ptr)),
		"the database gave a column of an unknown kind")
}
