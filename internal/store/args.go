package store

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
)

// plain reduces an argument to one of the types a dialect knows: nil, bool, int64, float64, string, []byte,
// time.Time, date.Date, ident.ID and JSON. Zero ids, times and dates, and nil lists and documents are nil.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64, string:
		return v, nil
	case int:
		return int64(v), nil
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case ident.ID:
		return OrNull(v), nil
	case ID:
		return OrNull(ident.ID(v)), nil
	case time.Time:
		return plainTime(v), nil
	case Time:
		return plainTime(time.Time(v)), nil
	case date.Date:
		return OrNull(v), nil
	case Date:
		return OrNull(date.Date(v)), nil
	case JSON:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case []string:
		return texts(v)
	case Texts:
		return texts(v)
	case rule.Value:
		return ofValue(v)
	}
	return plainKind(reflect.ValueOf(v))
}

func plainTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Microsecond)
}

func texts(s []string) (any, error) {
	if s == nil {
		return nil, nil
	}
	b, err := json.Marshal(s)
	return JSON(b), err
}

// ofValue is how a rule's value is bound when its column has no encoder of its own. Money binds its minor units.
func ofValue(v rule.Value) (any, error) {
	switch v.Type() {
	case rule.TypeNone:
		return nil, nil
	case rule.TypeBool:
		return v.Bool(), nil
	case rule.TypeInt:
		return v.Int(), nil
	case rule.TypeFloat:
		return v.Float(), nil
	case rule.TypeText:
		return v.Text(), nil
	case rule.TypeTime:
		return v.Time(), nil
	case rule.TypeDate:
		return v.Date(), nil
	case rule.TypeMoney:
		return v.Money().Minor, nil
	case rule.TypeID:
		return v.ID(), nil
	case rule.TypeTexts:
		return texts(v.Texts())
	}
	return nil, scanError(v, "an argument")
}

// plainKind takes named types of text, numbers and bytes, and pointers to anything plain.
func plainKind(v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return plain(v.Elem().Interface())
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int64(v.Uint()), nil //nolint:gosec // at most 32 bits
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.String:
		return v.String(), nil
	case reflect.Array, reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return append([]byte{}, bytesOf(v)...), nil
		}
	}
	return nil, scanError(v.Interface(), "an argument")
}

func bytesOf(v reflect.Value) []byte {
	if v.Kind() == reflect.Slice {
		return v.Bytes()
	}
	b := make([]byte, v.Len())
	reflect.Copy(reflect.ValueOf(b), v)
	return b
}

// CustomArg binds a value for a column inside the JSON of custom fields, as schema.Values.Encode writes it there:
// times as microseconds, dates as days, ids as text.
func CustomArg(v rule.Value) any {
	switch v.Type() {
	case rule.TypeTime:
		return v.Time().UnixMicro()
	case rule.TypeDate:
		return int64(v.Date().Days())
	case rule.TypeID:
		return v.ID().String()
	}
	return v.Native()
}
