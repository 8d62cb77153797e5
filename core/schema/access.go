package schema

import (
	"reflect"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// masked holds the Text a hidden field shows.
type masked struct{ text personal.Text }

// getter reads a value of rules from an addressable Go value.
type getter struct {
	typ rule.Type
	get func(v reflect.Value) rule.Value
}

var (
	metaType   = reflect.TypeFor[Meta]()
	valuesType = reflect.TypeFor[Values]()
	textType   = reflect.TypeFor[personal.Text]()
	idType     = reflect.TypeFor[ident.ID]()
	setsType   = reflect.TypeFor[[]Set]()
)

// at returns the address of a field that is known to be a T.
func at[T any](v reflect.Value) *T {
	return v.Addr().Interface().(*T) //nolint:forcetypeassert // chosen by the type
}

// goTypes are the Go types with a meaning of their own. Reading through a pointer keeps them off the heap.
var goTypes = map[reflect.Type]*getter{
	textType: {rule.TypeText, func(v reflect.Value) rule.Value {
		s, err := at[personal.Text](v).Value()
		if err != nil || s == "" {
			return rule.Blank
		}
		return rule.Text(s)
	}},
	reflect.TypeFor[time.Time](): {rule.TypeTime, func(v reflect.Value) rule.Value {
		return rule.Time(*at[time.Time](v))
	}},
	reflect.TypeFor[date.Date](): {rule.TypeDate, func(v reflect.Value) rule.Value {
		return rule.Date(*at[date.Date](v))
	}},
	reflect.TypeFor[money.Amount](): {rule.TypeMoney, func(v reflect.Value) rule.Value {
		return rule.Money(*at[money.Amount](v))
	}},
	idType: {rule.TypeID, func(v reflect.Value) rule.Value {
		return rule.ID(*at[ident.ID](v))
	}},
	reflect.TypeFor[time.Duration](): {rule.TypeNone, nil}, // no unit a rule could rely on
}

// accessor finds how rules read a Go type; get is nil for what they cannot read. Empty text, zero times, dates, ids
// and amounts without currency, empty lists and nil pointers are blank; false and 0 are values.
func accessor(t reflect.Type) (rule.Type, func(v reflect.Value) rule.Value) {
	if g := goTypes[t]; g != nil {
		return g.typ, g.get
	}
	switch t.Kind() {
	case reflect.Bool:
		return rule.TypeBool, func(v reflect.Value) rule.Value { return rule.Bool(v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return rule.TypeInt, func(v reflect.Value) rule.Value { return rule.Int(v.Int()) }
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return rule.TypeInt, func(v reflect.Value) rule.Value { return rule.Int(int64(v.Uint())) } //nolint:gosec // 32 bits fit
	case reflect.Float32, reflect.Float64:
		return rule.TypeFloat, func(v reflect.Value) rule.Value { return rule.Float(v.Float()) }
	case reflect.String:
		return rule.TypeText, stringValue
	case reflect.Pointer:
		return pointer(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return rule.TypeTexts, listValue
		}
	}
	return rule.TypeNone, nil
}

func stringValue(v reflect.Value) rule.Value {
	if s := v.String(); s != "" {
		return rule.Text(s)
	}
	return rule.Blank
}

func listValue(v reflect.Value) rule.Value {
	if v.Len() == 0 {
		return rule.Blank
	}
	if list, ok := v.Interface().([]string); ok {
		return rule.Texts(list)
	}
	list := make([]string, v.Len())
	for i := range list {
		list[i] = v.Index(i).String()
	}
	return rule.Texts(list)
}

// pointer reads through a pointer to one value: nil is blank.
func pointer(t reflect.Type) (rule.Type, func(v reflect.Value) rule.Value) {
	typ, get := accessor(t)
	if get == nil || t.Kind() == reflect.Pointer {
		return rule.TypeNone, nil
	}
	return typ, func(v reflect.Value) rule.Value {
		if v.IsNil() {
			return rule.Blank
		}
		return get(v.Elem())
	}
}

// equaler compiles the comparison of two addressable values of a Go type, so that Diff needs no values of rules for the
// types that records have most. Two empty lists or maps are equal whether nil or not.
func equaler(t reflect.Type) func(x, y reflect.Value) bool {
	switch t {
	case textType:
		return func(x, y reflect.Value) bool { return at[personal.Text](x).Equal(*at[personal.Text](y)) }
	case reflect.TypeFor[time.Time]():
		return through(func(x, y *time.Time) bool { return x.UnixMicro() == y.UnixMicro() })
	case reflect.TypeFor[date.Date]():
		return through(func(x, y *date.Date) bool { return *x == *y })
	case reflect.TypeFor[money.Amount]():
		return through(func(x, y *money.Amount) bool { return *x == *y })
	case idType:
		return through(func(x, y *ident.ID) bool { return *x == *y })
	case reflect.TypeFor[[]string]():
		return through(func(x, y *[]string) bool { return slices.Equal(*x, *y) })
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(x, y reflect.Value) bool { return x.Bool() == y.Bool() }
	case reflect.String:
		return func(x, y reflect.Value) bool { return x.String() == y.String() }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(x, y reflect.Value) bool { return x.Int() == y.Int() }
	case reflect.Float32, reflect.Float64:
		return func(x, y reflect.Value) bool { return x.Float() == y.Float() }
	}
	return func(x, y reflect.Value) bool {
		return emptyList(x) && emptyList(y) || reflect.DeepEqual(x.Interface(), y.Interface())
	}
}

func through[T any](equal func(x, y *T) bool) func(x, y reflect.Value) bool {
	return func(x, y reflect.Value) bool {
		return equal(at[T](x), at[T](y))
	}
}
