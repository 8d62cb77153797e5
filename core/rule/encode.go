package rule

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"

	"github.com/rapport-crm/rapport/core/ident"
)

// Native returns the value as the Go value that databases and encoders take: bool, int64, float64, string, time.Time,
// date.Date, money.Amount, ident.ID or []string; nil when blank.
func (v Value) Native() any {
	switch v.typ {
	case TypeBool:
		return v.num == 1
	case TypeInt:
		return v.num
	case TypeFloat:
		return v.flt
	case TypeText:
		return v.text
	case TypeTime:
		return v.Time()
	case TypeDate:
		return v.Date()
	case TypeMoney:
		return v.Money()
	case TypeID:
		return v.id
	case TypeTexts:
		return slices.Clone(v.list)
	case TypeNone:
	}
	return nil
}

// MarshalJSON writes the value in clear: bool, number, text, RFC 3339 time, calendar day, {"minor":…,"currency":…},
// id, list of text, or null when blank. It returns an error for NaN and infinities.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.Native()) }

// MarshalBinary encodes the value with its type, for sort keys of cursors. It never fails.
func (v Value) MarshalBinary() ([]byte, error) {
	b := []byte{byte(v.typ)}
	switch v.typ {
	case TypeBool, TypeInt, TypeTime, TypeDate:
		return binary.AppendVarint(b, v.num), nil
	case TypeFloat:
		return binary.BigEndian.AppendUint64(b, math.Float64bits(v.flt)), nil
	case TypeText:
		return append(b, v.text...), nil
	case TypeMoney:
		return append(binary.AppendVarint(b, v.num), v.text...), nil
	case TypeID:
		return append(b, v.id[:]...), nil
	case TypeTexts:
		for _, s := range v.list {
			b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
		}
	case TypeNone:
	}
	return b, nil
}

var errBinary = errors.New("rule: not an encoded value")

// UnmarshalBinary reads what [Value.MarshalBinary] writes and nothing else; it returns an error for anything
// malformed, and then leaves the value alone.
func (v *Value) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || Type(b[0]) > TypeTexts {
		return errBinary
	}
	out, ok := Value{typ: Type(b[0])}, true
	switch b = b[1:]; out.typ {
	case TypeNone:
		ok = len(b) == 0
	case TypeBool, TypeInt, TypeTime, TypeDate:
		out.num, b, ok = varint(b)
		ok = ok && len(b) == 0 && (out.typ != TypeBool || out.num>>1 == 0)
	case TypeFloat:
		if ok = len(b) == 8; ok {
			out.flt = math.Float64frombits(binary.BigEndian.Uint64(b))
		}
	case TypeText:
		out.text = string(b)
	case TypeMoney:
		out.num, b, ok = varint(b)
		out.text, ok = string(b), ok && len(b) == 3
	case TypeID:
		if ok = len(b) == len(ident.ID{}); ok {
			out.id = ident.ID(b)
		}
	case TypeTexts:
		out.list, ok = texts(b)
	}
	if !ok {
		return errBinary
	}
	*v = out
	return nil
}

func varint(b []byte) (n int64, rest []byte, ok bool) {
	n, size := binary.Varint(b)
	if size <= 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}

func texts(b []byte) (list []string, ok bool) {
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return nil, false
		}
		list, b = append(list, string(b[size:size+int(n)])), b[size+int(n):] //nolint:gosec // bounded by len(b)
	}
	return list, true
}

// ofReflect reads the types that [Of] has no case for: other integers and floats, named basic types, pointers.
func ofReflect(x any) (Value, bool) {
	r := reflect.ValueOf(x)
	switch r.Kind() {
	case reflect.Bool:
		return Bool(r.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return Int(r.Int()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if r.Uint() > math.MaxInt64 {
			return Blank, false
		}
		return Int(int64(r.Uint())), true //nolint:gosec // checked
	case reflect.Float32, reflect.Float64:
		return Float(r.Float()), true
	case reflect.String:
		return Text(r.String()), true
	case reflect.Pointer:
		if r.IsNil() {
			return Blank, known(r.Type().Elem())
		}
		return Of(r.Elem().Interface())
	}
	return Blank, false
}

// known reports whether a value of the type could be read, so that a nil pointer to something else is refused.
func known(t reflect.Type) bool {
	_, ok := Of(reflect.Zero(t).Interface())
	return ok && t.Kind() != reflect.Interface
}
