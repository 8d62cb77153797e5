package rule

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
)

// Type is the type of a field, an argument or a value.
type Type uint8

// The types.
const (
	TypeNone  Type = iota // no type: the type of the blank Value
	TypeBool              // true or false
	TypeInt               // 64-bit integer
	TypeFloat             // 64-bit float; never money
	TypeText              // UTF-8 text, compared by bytes
	TypeTime              // an instant, UTC, to the microsecond
	TypeDate              // a calendar day
	TypeMoney             // minor units and currency
	TypeID                // a record id
	TypeTexts             // a list of text
)

// String returns the type's name as rules and definitions spell it.
func (t Type) String() string {
	names := [...]string{"none", "bool", "int", "float", "text", "time", "date", "money", "id", "texts"}
	if int(t) < len(names) {
		return names[t]
	}
	return "type(" + strconv.Itoa(int(t)) + ")"
}

// ParseType reads a name written by [Type.String]; ok is false for anything else.
func ParseType(s string) (t Type, ok bool) {
	for t := TypeBool; t <= TypeTexts; t++ {
		if t.String() == s {
			return t, true
		}
	}
	return TypeNone, false
}

// Value is one typed value, or blank. Its zero value is blank, which means unknown and equals only another blank.
type Value struct {
	typ  Type
	num  int64 // bool, int, time in microseconds, date in days, money in minor units
	flt  float64
	text string // text, currency
	id   ident.ID
	list []string
}

// Blank is the value of an empty field.
var Blank = Value{}

// Bool is a truth value.
func Bool(b bool) Value {
	v := Value{typ: TypeBool}
	if b {
		v.num = 1
	}
	return v
}

// Int is an integer value.
func Int(n int64) Value { return Value{typ: TypeInt, num: n} }

// Float is a float value; zero has no sign, which one database keeps and another does not.
func Float(f float64) Value {
	if f == 0 {
		f = 0
	}
	return Value{typ: TypeFloat, flt: f}
}

// Text is a text value; empty text is a value, not blank.
func Text(s string) Value { return Value{typ: TypeText, text: s} }

// Time is an instant, cut to microseconds; the zero time is blank. Instants that microseconds since 1970 cannot count
// become the first or last that they can, which lie outside of the years that are stored.
func Time(t time.Time) Value {
	if t.IsZero() {
		return Blank
	}
	const most = math.MaxInt64/1_000_000 - 1
	switch s := t.Unix(); {
	case s > most:
		return Value{typ: TypeTime, num: math.MaxInt64}
	case s < -most:
		return Value{typ: TypeTime, num: math.MinInt64}
	}
	return Value{typ: TypeTime, num: t.UnixMicro()}
}

// Date is a calendar day; the zero date is blank.
func Date(d date.Date) Value {
	if d.IsZero() {
		return Blank
	}
	return Value{typ: TypeDate, num: int64(d.Days())}
}

// Money is an amount; an amount without a currency is blank.
func Money(m money.Amount) Value {
	if m.Currency == "" {
		return Blank
	}
	return Value{typ: TypeMoney, num: m.Minor, text: m.Currency}
}

// ID is a record id; the zero id is blank.
func ID(id ident.ID) Value {
	if id.IsZero() {
		return Blank
	}
	return Value{typ: TypeID, id: id}
}

// Texts is a list of text; the value keeps its own copy.
func Texts(list []string) Value { return Value{typ: TypeTexts, list: slices.Clone(list)} }

// Type tells the value's type, TypeNone when blank.
func (v Value) Type() Type { return v.typ }

// IsBlank reports whether the value is blank.
func (v Value) IsBlank() bool { return v.typ == TypeNone }

// Bool returns a bool value; false for another type.
func (v Value) Bool() bool { return v.typ == TypeBool && v.num == 1 }

// Int returns an int value; 0 for another type.
func (v Value) Int() int64 {
	if v.typ == TypeInt {
		return v.num
	}
	return 0
}

// Float returns a float value, or an int value as float; 0 for another type.
func (v Value) Float() float64 {
	if v.typ == TypeInt {
		return float64(v.num)
	}
	return v.flt
}

// Text returns a text value; "" for another type.
func (v Value) Text() string {
	if v.typ == TypeText {
		return v.text
	}
	return ""
}

// Time returns a time value in UTC; the zero time for another type.
func (v Value) Time() time.Time {
	if v.typ != TypeTime {
		return time.Time{}
	}
	return time.UnixMicro(v.num).UTC()
}

// Date returns a date value; the zero date for another type.
func (v Value) Date() date.Date {
	if v.typ != TypeDate {
		return date.Date{}
	}
	return date.FromDays(int(v.num))
}

// Money returns a money value; the zero amount for another type.
func (v Value) Money() money.Amount {
	if v.typ != TypeMoney {
		return money.Amount{}
	}
	return money.Amount{Minor: v.num, Currency: v.text}
}

// ID returns an id value; the zero id for another type.
func (v Value) ID() ident.ID { return v.id }

// Texts returns a copy of a list value; nil for another type.
func (v Value) Texts() []string { return slices.Clone(v.list) }

// Equal reports whether both are the same value of the same type; blank equals blank.
func (v Value) Equal(o Value) bool {
	return v.typ == o.typ && v.num == o.num && v.flt == o.flt && v.text == o.text && v.id == o.id && slices.Equal(v.list, o.list)
}

// String formats the value for explanations; blank is "".
func (v Value) String() string {
	switch v.typ {
	case TypeBool:
		return strconv.FormatBool(v.num == 1)
	case TypeInt:
		return strconv.FormatInt(v.num, 10)
	case TypeFloat:
		return strconv.FormatFloat(v.flt, 'g', -1, 64)
	case TypeText:
		return v.text
	case TypeTime:
		return v.Time().Format(time.RFC3339Nano)
	case TypeDate:
		return v.Date().String()
	case TypeMoney:
		return v.Money().String()
	case TypeID:
		return v.id.String()
	case TypeTexts:
		return fmt.Sprint(v.list)
	}
	return ""
}

// Of turns a Go value into a Value: bool, any integer or float type, string, time.Time, date.Date, money.Amount,
// ident.ID, []string, a pointer to one of them (nil is blank), or nil. ok is false for any other type.
func Of(x any) (v Value, ok bool) {
	switch x := x.(type) {
	case nil:
		return Blank, true
	case Value:
		return x, true
	case bool:
		return Bool(x), true
	case string:
		return Text(x), true
	case time.Time:
		return Time(x), true
	case date.Date:
		return Date(x), true
	case money.Amount:
		return Money(x), true
	case ident.ID:
		return ID(x), true
	case []string:
		return Texts(x), true
	}
	return ofReflect(x)
}
