package cel

import (
	"slices"
	"time"

	celgo "github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/rule"
)

// The variables that are always there.
const (
	nowName   = "now"
	todayName = "today"
)

// celType is the type of a field in the language; nullable but for lists, which are empty when blank.
func celType(t rule.Type) *celgo.Type {
	switch t {
	case rule.TypeBool:
		return celgo.NullableType(celgo.BoolType)
	case rule.TypeInt:
		return celgo.NullableType(celgo.IntType)
	case rule.TypeFloat:
		return celgo.NullableType(celgo.DoubleType)
	case rule.TypeText:
		return celgo.NullableType(celgo.StringType)
	case rule.TypeTime:
		return celgo.TimestampType
	case rule.TypeDate:
		return dateType
	case rule.TypeMoney:
		return moneyType
	case rule.TypeID:
		return idType
	case rule.TypeTexts:
		return celgo.ListType(celgo.StringType)
	case rule.TypeNone:
	}
	return nil
}

// inputs resolves the variables of one evaluation.
type inputs struct {
	scope *scope
	rec   rule.Record // nil for parts that read no field
	in    rule.Input
	now   time.Time // in the zone of the decision
}

func newInputs(s *scope, rec rule.Record, in rule.Input) *inputs {
	zone := in.Zone
	if zone == nil {
		zone = time.UTC
	}
	return &inputs{scope: s, rec: rec, in: in, now: in.Now.Truncate(time.Microsecond).In(zone)}
}

// ResolveName implements the activation of the engine beneath.
func (i *inputs) ResolveName(name string) (any, bool) {
	switch name {
	case nowName:
		return types.Timestamp{Time: i.now}, true
	case todayName:
		return dateVal(date.FromTime(i.now, i.now.Location())), true
	}
	if slot, ok := i.scope.slots[name]; ok {
		if i.rec == nil {
			return nil, false
		}
		return toCEL(i.rec.Value(slot), i.scope.env.Fields[slot].Type, i.now.Location()), true
	}
	if t, ok := i.scope.env.Args[name]; ok {
		if v := i.in.Args[name]; v.Type() == t {
			return toCEL(v, t, i.now.Location()), true
		}
	}
	return nil, false
}

// Parent implements the activation of the engine beneath.
func (i *inputs) Parent() celgo.Activation { return nil }

// toCEL turns a value into one of the language. A value of another type than its field's is an error, and so unknown.
func toCEL(v rule.Value, want rule.Type, zone *time.Location) ref.Val {
	switch {
	case v.IsBlank() && want == rule.TypeTexts:
		return types.DefaultTypeAdapter.NativeToValue([]string{})
	case v.IsBlank():
		return types.NullValue
	case v.Type() != want:
		return types.NewErr("type")
	}
	switch want {
	case rule.TypeBool:
		return types.Bool(v.Bool())
	case rule.TypeInt:
		return types.Int(v.Int())
	case rule.TypeFloat:
		return types.Double(v.Float())
	case rule.TypeText:
		return types.String(v.Text())
	case rule.TypeTime:
		return types.Timestamp{Time: v.Time().In(zone)}
	case rule.TypeDate:
		return dateVal(v.Date())
	case rule.TypeMoney:
		return moneyVal(v.Money())
	case rule.TypeID:
		return idVal(v.ID())
	case rule.TypeTexts:
		return types.DefaultTypeAdapter.NativeToValue(v.Texts())
	case rule.TypeNone:
	}
	return types.NullValue
}

// toValue turns a constant of the language into a value; ok is false for types values do not have.
func toValue(v ref.Val) (out rule.Value, ok bool) {
	switch x := v.(type) {
	case types.Null:
		return rule.Blank, true
	case types.Bool:
		return rule.Bool(bool(x)), true
	case types.Int:
		return rule.Int(int64(x)), true
	case types.Uint:
		return rule.Of(uint64(x))
	case types.Double:
		return rule.Float(float64(x)), true
	case types.String:
		return rule.Text(string(x)), true
	case types.Timestamp:
		return rule.Time(x.Time), true
	case traits.Lister:
		return listValue(x)
	}
	switch x := v.Value().(type) {
	case money.Amount:
		return rule.Money(x), true
	case date.Date:
		return rule.Date(x), true
	case ident.ID:
		return rule.ID(x), !x.IsZero()
	}
	return rule.Blank, false
}

func listValue(l traits.Lister) (rule.Value, bool) {
	list, ok := elements(l)
	if !ok || slices.ContainsFunc(list, func(v rule.Value) bool { return v.Type() != rule.TypeText }) {
		return rule.Blank, false
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.Text()
	}
	return rule.Texts(out), true
}

func elements(l traits.Lister) ([]rule.Value, bool) {
	n, ok := l.Size().(types.Int)
	if !ok {
		return nil, false
	}
	out := make([]rule.Value, n)
	for i := range out {
		if out[i], ok = toValue(l.Get(types.Int(i))); !ok {
			return nil, false
		}
	}
	return out, true
}
