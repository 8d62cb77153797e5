package schema

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Values holds the custom values of one record by key. Its zero value is empty and ready for use.
//
// Like [personal.Text] it never prints what is personal: fmt, slog and encoding/json show such values as their
// class, also where it lies in an unexported field; personal.Revealed shows them. Copies of a Values are independent.
// Two are equal when their [Values.Encode] is. A Values is safe for concurrent reads.
type Values struct {
	// The contents stand in a function, which no printer sees into; nil when there are none. What it returns is
	// never changed in place, so that copies may share it.
	in func() contents
}

type contents struct {
	list []pair // sorted by key
	rest []rest // stored values no present field has: kept as they were
}

type pair struct {
	key   string
	value rule.Value
	class personal.Class
}

type rest struct {
	key string
	raw json.RawMessage
}

func (v Values) open() contents {
	if v.in == nil {
		return contents{}
	}
	return v.in()
}

func (v *Values) list() []pair { return v.open().list }

func (c contents) close() Values {
	if len(c.list)+len(c.rest) == 0 {
		return Values{}
	}
	return Values{func() contents { return c }}
}

func (c *contents) find(key string) (int, bool) {
	for i := range c.list { // records have few custom values: a scan beats a search
		if c.list[i].key >= key {
			return i, c.list[i].key == key
		}
	}
	return len(c.list), false
}

// Get returns the value of a key, blank when there is none.
func (v Values) Get(key string) rule.Value {
	c := v.open()
	if i, ok := c.find(key); ok {
		return c.list[i].value
	}
	return rule.Blank
}

// Set gives key a value; a blank one, empty text and an empty list delete it. The schema checks it when the record is
// written. Until then a value that was not read from the store counts as personal.
func (v *Values) Set(key string, x rule.Value) {
	c := v.open()
	var class personal.Class
	if i, ok := c.find(key); ok {
		class = c.list[i].class
	}
	c.set(pair{key, x, class})
	*v = c.close()
}

func (v *Values) setClassed(key string, x rule.Value, class personal.Class) {
	c := v.open()
	c.set(pair{key, x, class})
	*v = c.close()
}

// set works on a list of its own.
func (c *contents) set(p pair) {
	i, found := c.find(p.key)
	switch {
	case blank(p.value):
		c.drop(p.key)
	case found:
		c.list = slices.Clone(c.list)
		c.list[i] = p
	default:
		c.list = slices.Insert(slices.Clip(c.list), i, p)
	}
}

func (c *contents) drop(key string) {
	if i, ok := c.find(key); ok {
		c.list = slices.Concat(c.list[:i], c.list[i+1:])
	}
}

func blank(x rule.Value) bool {
	switch x.Type() {
	case rule.TypeNone:
		return true
	case rule.TypeText:
		return x.Text() == ""
	case rule.TypeTexts:
		return len(x.Texts()) == 0
	}
	return false
}

// Delete removes a key.
func (v *Values) Delete(key string) {
	c := v.open()
	c.drop(key)
	*v = c.close()
}

// Keys lists the keys that have a value, sorted.
func (v Values) Keys() []string {
	list := v.list()
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].key
	}
	return out
}

// Len returns how many keys have a value.
func (v Values) Len() int { return len(v.list()) }

// IsZero reports whether there is nothing, so that the omitzero option of encoding/json leaves it out.
func (v Values) IsZero() bool { return v.in == nil }

func (p pair) shown() string {
	if p.class == personal.None {
		return p.value.String()
	}
	return "[" + string(p.shownClass()) + "]"
}

func (p pair) shownClass() personal.Class {
	if p.class == "" {
		return "unchecked"
	}
	return p.class
}

// String lists keys and values; personal values as their class.
func (v Values) String() string {
	list := v.list()
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = p.key + ":" + p.shown()
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// GoString is String.
func (v Values) GoString() string { return v.String() }

// Format writes String for every verb.
func (v Values) Format(f fmt.State, _ rune) { fmt.Fprint(f, v.String()) }

// LogValue is String, for slog.
func (v Values) LogValue() slog.Value { return slog.StringValue(v.String()) }

// MarshalJSON writes one object by key; personal values as their class in brackets.
func (v Values) MarshalJSON() ([]byte, error) {
	list := v.list()
	out := make(map[string]any, len(list))
	for _, p := range list {
		if p.class == personal.None {
			out[p.key] = p.value
		} else {
			out[p.key] = p.shown()
		}
	}
	return json.Marshal(out)
}

// RevealJSON returns what personal.Revealed encodes: every value by key.
func (v Values) RevealJSON() any {
	list := v.list()
	out := make(map[string]rule.Value, len(list))
	for _, p := range list {
		out[p.key] = p.value
	}
	return out
}

// diffValues appends the names of custom fields in which a and b differ.
func diffValues(out []string, a, b *Values) []string {
	x, y := a.list(), b.list()
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].key < y[0].key:
			out, x = append(out, CustomPrefix+x[0].key), x[1:]
		case len(x) == 0 || y[0].key < x[0].key:
			out, y = append(out, CustomPrefix+y[0].key), y[1:]
		default:
			if !x[0].value.Equal(y[0].value) {
				out = append(out, CustomPrefix+x[0].key)
			}
			x, y = x[1:], y[1:]
		}
	}
	return out
}
