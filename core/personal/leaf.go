package personal

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// raw writes finished JSON.
func (e *encoder) raw(s string) error {
	e.buf.WriteString(s)
	return nil
}

// leaf writes a value of a type without methods of its own, which cannot hold a Text.
func (e *encoder) leaf(v reflect.Value) error {
	switch {
	case v.Type() == numberType:
	case v.Kind() == reflect.String:
		return e.quoted(v.String())
	case v.Kind() == reflect.Bool:
		return e.raw(strconv.FormatBool(v.Bool()))
	case v.CanInt():
		return e.raw(strconv.FormatInt(v.Int(), 10))
	}
	return e.encode(v.Interface())
}

// marshaled writes what a type's own MarshalJSON or MarshalText gives.
func (e *encoder) marshaled(v reflect.Value) error {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return e.raw("null")
	}
	switch x := v.Interface().(type) {
	case time.Time: // by far the most frequent, and known to write well-formed JSON
		b, err := x.MarshalJSON()
		e.buf.Write(b)
		return err
	case json.Marshaler:
		return e.encode(x)
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err != nil {
			return err
		}
		return e.quoted(string(b))
	}
	return e.raw("null") // a nil interface
}

// encode runs the standard encoder without escaping <, > and &: whoever encodes the Revealed value decides on that.
func (e *encoder) encode(x any) error {
	enc := json.NewEncoder(&e.buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil {
		return err
	}
	e.buf.Truncate(e.buf.Len() - 1) // the line feed
	return nil
}

// quoted writes a JSON string.
func (e *encoder) quoted(s string) error {
	for i := range len(s) {
		if b := s[i]; b < ' ' || b >= utf8.RuneSelf || b == '"' || b == '\\' {
			return e.encode(s)
		}
	}
	e.buf.WriteByte('"')
	e.buf.WriteString(s)
	e.buf.WriteByte('"')
	return nil
}

func (e *encoder) mapping(v reflect.Value, depth int) error {
	if v.IsNil() && !e.alike {
		return e.raw("null")
	}
	type entry struct {
		key   string
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		k, err := mapKey(it.Key())
		if err != nil {
			return err
		}
		entries = append(entries, entry{k, it.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	e.buf.WriteByte('{')
	for i, x := range entries {
		if i > 0 {
			e.buf.WriteByte(',')
		}
		if err := e.quoted(x.key); err != nil {
			return err
		}
		e.buf.WriteByte(':')
		if err := e.value(x.value, depth+1); err != nil {
			return fmt.Errorf("a value of a map: %w", err) // keys may be personal themselves
		}
	}
	e.buf.WriteByte('}')
	return nil
}

func mapKey(k reflect.Value) (string, error) {
	if k.Kind() == reflect.String {
		return k.String(), nil
	}
	if m, ok := k.Interface().(encoding.TextMarshaler); ok {
		if k.Kind() == reflect.Pointer && k.IsNil() {
			return "", nil
		}
		b, err := m.MarshalText()
		return string(bytes.ToValidUTF8(b, []byte("\ufffd"))), err
	}
	switch {
	case k.CanInt():
		return strconv.FormatInt(k.Int(), 10), nil
	case k.CanUint():
		return strconv.FormatUint(k.Uint(), 10), nil
	}
	return "", fmt.Errorf("personal: a map with keys of type %s is not JSON", k.Type())
}
