package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/rule"
)

// Scalar is a Go type a custom field can have.
type Scalar interface {
	bool | int | int64 | float64 | string | time.Time | date.Date | money.Amount | ident.ID | []string
}

// Key names a custom field and its Go type, so that a program reads and sets it without conversions:
//
//	var Tier = schema.NewKey[string]("tier")
//
// A Key is a value and safe for concurrent use; the zero Key names no field and is refused when it is set.
type Key[T Scalar] struct{ name string }

// NewKey returns the key of a custom field; "tier" and "custom.tier" are the same. Nothing is checked before it is used:
// setting a field that does not exist, or is of another type, is an Invalid fault of the write.
func NewKey[T Scalar](name string) Key[T] {
	return Key[T]{strings.TrimPrefix(name, CustomPrefix)}
}

// Name returns the key without its prefix.
func (k Key[T]) Name() string { return k.name }

// Set returns the assignment of a value. Empty text, an empty list and zero times, dates, ids and amounts without
// currency clear the field, as [Key.Clear] does.
func (k Key[T]) Set(v T) Set {
	x, ok := rule.Of(v)
	return Set{key: k.name, value: x, bad: !ok}
}

// Clear returns the assignment that makes the field blank.
func (k Key[T]) Clear() Set { return Set{key: k.name} }

// Get returns the field's value; ok is false when it is blank, or hidden, or of another type.
func (k Key[T]) Get(v Values) (out T, ok bool) {
	x := v.Get(k.name)
	if x.IsBlank() {
		return out, false
	}
	switch p := any(&out).(type) {
	case *bool:
		*p, ok = x.Bool(), x.Type() == rule.TypeBool
	case *int:
		*p, ok = int(x.Int()), x.Type() == rule.TypeInt
	case *int64:
		*p, ok = x.Int(), x.Type() == rule.TypeInt
	case *float64:
		*p, ok = x.Float(), x.Type() == rule.TypeFloat
	case *string:
		*p, ok = x.Text(), x.Type() == rule.TypeText
	case *time.Time:
		*p, ok = x.Time(), x.Type() == rule.TypeTime
	case *date.Date:
		*p, ok = x.Date(), x.Type() == rule.TypeDate
	case *money.Amount:
		*p, ok = x.Money(), x.Type() == rule.TypeMoney
	case *ident.ID:
		*p, ok = x.ID(), x.Type() == rule.TypeID
	case *[]string:
		*p, ok = x.Texts(), x.Type() == rule.TypeTexts
	}
	return out, ok
}

// Set is the assignment of one custom value, used in drafts and updates. The zero Set names no field and is refused.
// It does not print its value.
type Set struct {
	key   string
	value rule.Value
	bad   bool
}

// NewSet returns an assignment by name, for importers and other callers that learn the fields at run time. A blank
// value clears the field.
func NewSet(key string, v rule.Value) Set {
	return Set{key: strings.TrimPrefix(key, CustomPrefix), value: v}
}

// Names returns the names of the fields that assignments are for, with their prefix.
func Names(sets []Set) []string {
	out := make([]string, len(sets))
	for i, s := range sets {
		out[i] = CustomPrefix + s.key
	}
	return out
}

// Key returns the custom field's key without its prefix.
func (s Set) Key() string { return s.key }

// Value returns the value to assign, blank to clear.
func (s Set) Value() rule.Value { return s.value }

// Format writes the key for every verb: the value may be personal.
func (s Set) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.key) }

// MarshalJSON writes key and value in clear, so that two writes under one idempotency key can be compared. A draft is
// the caller's own input.
func (s Set) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Key   string     `json:"key"`
		Type  string     `json:"type"`
		Value rule.Value `json:"value"`
	}{s.key, s.value.Type().String(), s.value})
}
