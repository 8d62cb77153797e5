package schema

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/rule"
)

// Encode writes the values as the one JSON object stores keep. Text, id and bool are written as themselves, int and
// float as numbers, time as microseconds and date as days since 1970-01-01, money as {"c":"EUR","m":minor units},
// lists as arrays: so databases compare them without conversions of their own. The empty Values gives "{}".
func (v Values) Encode() []byte {
	if v.IsZero() {
		return []byte("{}")
	}
	b := []byte{'{'}
	c := v.open()
	r := c.rest
	member := func(key string) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendJSON(b, key), ':')
	}
	for _, p := range c.list {
		for len(r) > 0 && r[0].key < p.key {
			member(r[0].key)
			b, r = append(b, r[0].raw...), r[1:]
		}
		if len(r) > 0 && r[0].key == p.key {
			r = r[1:]
		}
		member(p.key)
		b = appendValue(b, p.value)
	}
	for _, x := range r {
		member(x.key)
		b = append(b, x.raw...)
	}
	return append(b, '}')
}

func appendValue(b []byte, v rule.Value) []byte {
	switch v.Type() {
	case rule.TypeBool:
		return strconv.AppendBool(b, v.Bool())
	case rule.TypeInt:
		return strconv.AppendInt(b, v.Int(), 10)
	case rule.TypeFloat:
		return appendJSON(b, v.Float())
	case rule.TypeTime:
		return strconv.AppendInt(b, v.Time().UnixMicro(), 10)
	case rule.TypeDate:
		return strconv.AppendInt(b, int64(v.Date().Days()), 10)
	case rule.TypeMoney:
		m := v.Money()
		b = appendJSON(append(b, `{"c":`...), m.Currency)
		return append(strconv.AppendInt(append(b, `,"m":`...), m.Minor, 10), '}')
	case rule.TypeTexts:
		return appendJSON(b, v.Texts())
	case rule.TypeNone:
		return append(b, "null"...)
	case rule.TypeText, rule.TypeID:
	}
	return appendJSON(b, v.String())
}

// appendJSON appends what encoding/json makes of a string, finite number or list of strings, none of which can fail.
func appendJSON(b []byte, x any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil {
		return append(b, "null"...)
	}
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

// Decode reads what [Values.Encode] wrote, with the types of the entity's custom fields. Values without a field, or
// of another type than their field's, are kept as they are and written back by Encode, but nobody sees them.
// Empty input gives the empty Values. A malformed object is a fault of code Internal.
func (e *Entity) Decode(raw []byte) (Values, error) {
	if len(raw) <= 2 { // "" or "{}"
		return Values{}, nil
	}
	var out contents
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return Values{}, errStored(e.Name)
	}
	for dec.More() {
		t, err := dec.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return Values{}, errStored(e.Name)
		}
		var x json.RawMessage
		if err := dec.Decode(&x); err != nil {
			return Values{}, errStored(e.Name)
		}
		n := e.byName[CustomPrefix+key]
		if n == nil {
			out.keep(key, x)
			continue
		}
		val, ok := decodeValue(n.Type, x)
		if !ok {
			out.keep(key, x)
			continue
		}
		out.set(pair{key, val, n.Class})
	}
	if _, err := dec.Token(); err != nil || dec.More() {
		return Values{}, errStored(e.Name)
	}
	return out.close(), nil
}

func errStored(entity string) error {
	return fault.New(fault.Internal, "stored custom values of a %s are not a JSON object", entity)
}

// keep puts a raw value at its sorted place.
func (c *contents) keep(key string, raw json.RawMessage) {
	i := len(c.rest)
	for i > 0 && c.rest[i-1].key > key {
		i--
	}
	if i > 0 && c.rest[i-1].key == key {
		c.rest[i-1].raw = raw
		return
	}
	c.rest = slices.Concat(c.rest[:i], []rest{{key, raw}}, c.rest[i:])
}

func decodeValue(t rule.Type, raw json.RawMessage) (rule.Value, bool) {
	switch t {
	case rule.TypeText:
		s, ok := decodeAs[string](raw)
		return rule.Text(s), ok
	case rule.TypeBool:
		b, ok := decodeAs[bool](raw)
		return rule.Bool(b), ok
	case rule.TypeFloat:
		f, ok := decodeAs[float64](raw)
		return rule.Float(f), ok
	case rule.TypeInt:
		n, ok := decodeAs[int64](raw)
		return rule.Int(n), ok
	case rule.TypeTime:
		n, ok := decodeAs[int64](raw)
		return rule.Time(time.UnixMicro(n)), ok
	case rule.TypeDate:
		n, ok := decodeAs[int](raw)
		return rule.Date(date.FromDays(n)), ok
	case rule.TypeTexts:
		list, ok := decodeAs[[]string](raw)
		return rule.Texts(list), ok
	case rule.TypeMoney:
		m, ok := decodeAs[struct {
			C string
			M int64
		}](raw)
		return rule.Money(money.Amount{Minor: m.M, Currency: m.C}), ok && m.C != ""
	case rule.TypeID:
		s, _ := decodeAs[string](raw)
		id, err := ident.Parse(s)
		return rule.ID(id), err == nil
	case rule.TypeNone:
	}
	return rule.Blank, false
}

func decodeAs[T any](raw json.RawMessage) (out T, ok bool) {
	if len(raw) == 4 && raw[0] == 'n' { // null
		return out, false
	}
	return out, json.Unmarshal(raw, &out) == nil
}
