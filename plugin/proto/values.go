package proto

import (
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
)

// FromID encodes an id; the zero id is empty.
func FromID(id ident.ID) []byte {
	if id.IsZero() {
		return nil
	}
	return id[:]
}

// ToID decodes what FromID writes. Anything but 0 or 16 bytes is an Invalid fault.
func ToID(b []byte) (id ident.ID, err error) {
	switch len(b) {
	case 0:
		return id, nil
	case len(id):
		return ident.ID(b), nil
	}
	return id, fault.Field("id", "want 16 bytes, have %d", len(b))
}

// FromIDs encodes a list of ids.
func FromIDs(ids []ident.ID) [][]byte { return each(ids, FromID) }

// ToIDs decodes a list of ids, none of which may be zero.
func ToIDs(list [][]byte) ([]ident.ID, error) {
	return tryEach(list, func(b []byte) (ident.ID, error) {
		if len(b) == 0 {
			return ident.ID{}, fault.Field("id", "must not be empty")
		}
		return ToID(b)
	})
}

// FromRef encodes a reference; the zero reference is nil.
func FromRef(r ident.Ref) *Ref {
	if r.IsZero() {
		return nil
	}
	return &Ref{Entity: r.Entity, Id: FromID(r.ID)}
}

// ToRef decodes what FromRef writes.
func ToRef(r *Ref) (ident.Ref, error) {
	id, err := ToID(r.GetId())
	return ident.Ref{Entity: r.GetEntity(), ID: id}, err
}

// FromTime encodes an instant in microseconds; the zero time is 0.
func FromTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// ToTime decodes what FromTime writes.
func ToTime(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// FromValue encodes a value; blank is a Value without a kind.
func FromValue(v rule.Value) *Value {
	switch v.Type() {
	case rule.TypeBool:
		return &Value{Kind: &Value_Bool{v.Bool()}}
	case rule.TypeInt:
		return &Value{Kind: &Value_Int{v.Int()}}
	case rule.TypeFloat:
		return &Value{Kind: &Value_Float{v.Float()}}
	case rule.TypeText:
		return &Value{Kind: &Value_Text{v.Text()}}
	case rule.TypeTime:
		return &Value{Kind: &Value_TimeUs{v.Time().UnixMicro()}}
	case rule.TypeDate:
		return &Value{Kind: &Value_DateDays{int64(v.Date().Days())}}
	case rule.TypeMoney:
		return &Value{Kind: &Value_Money{&Money{Minor: v.Money().Minor, Currency: v.Money().Currency}}}
	case rule.TypeID:
		return &Value{Kind: &Value_Id{FromID(v.ID())}}
	case rule.TypeTexts:
		return &Value{Kind: &Value_Texts{&Texts{List: v.Texts()}}}
	case rule.TypeNone:
	}
	return &Value{}
}

// The days of the years 1 and 9999, the range of package date.
const (
	minDay = -719162
	maxDay = 2932896
)

// ToValue decodes a value and refuses what no honest side sends: NaN and infinities, malformed ids, invalid UTF-8,
// days and instants outside the years 1 to 9999, unknown currencies.
func ToValue(v *Value) (rule.Value, error) {
	switch k := v.GetKind().(type) {
	case *Value_Bool:
		return rule.Bool(k.Bool), nil
	case *Value_Int:
		return rule.Int(k.Int), nil
	case *Value_Float:
		if math.IsNaN(k.Float) || math.IsInf(k.Float, 0) {
			return rule.Blank, fault.Field("value", "want a finite number")
		}
		return rule.Float(k.Float), nil
	case *Value_Text:
		return rule.Text(k.Text), checkText(k.Text)
	case *Value_TimeUs:
		if d := k.TimeUs / (24 * int64(time.Hour/time.Microsecond)); d < minDay || d > maxDay {
			return rule.Blank, fault.Field("value", "want a time in the years 1 to 9999")
		}
		return rule.Time(time.UnixMicro(k.TimeUs).UTC()), nil
	case *Value_DateDays:
		if k.DateDays < minDay || k.DateDays > maxDay {
			return rule.Blank, fault.Field("value", "want a day in the years 1 to 9999")
		}
		return rule.Date(date.FromDays(int(k.DateDays))), nil
	case *Value_Money:
		m, err := money.New(k.Money.GetMinor(), k.Money.GetCurrency())
		return rule.Money(m), err
	case *Value_Id:
		id, err := ToID(k.Id)
		return rule.ID(id), err
	case *Value_Texts:
		for _, s := range k.Texts.GetList() {
			if err := checkText(s); err != nil {
				return rule.Blank, err
			}
		}
		return rule.Texts(k.Texts.GetList()), nil
	}
	return rule.Blank, nil
}

func checkText(s string) error {
	if !utf8.ValidString(s) {
		return fault.Field("value", "want valid UTF-8")
	}
	return nil
}

// FromValues encodes named values.
func FromValues(in plugin.Values) map[string]*Value {
	out := make(map[string]*Value, len(in))
	for name, v := range in {
		out[name] = FromValue(v)
	}
	return out
}

// ToValues decodes named values.
func ToValues(in map[string]*Value) (plugin.Values, error) {
	out := make(plugin.Values, len(in))
	var v fault.Violations
	for _, name := range slices.Sorted(maps.Keys(in)) {
		val, err := ToValue(in[name])
		v.AddAll(name, err)
		out[name] = val
	}
	return out, v.Err()
}

func each[A, B any](list []A, f func(A) B) []B {
	if list == nil {
		return nil
	}
	out := make([]B, len(list))
	for i, x := range list {
		out[i] = f(x)
	}
	return out
}

func tryEach[A, B any](list []A, f func(A) (B, error)) ([]B, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make([]B, len(list))
	for i, x := range list {
		var err error
		if out[i], err = f(x); err != nil {
			return nil, err
		}
	}
	return out, nil
}
