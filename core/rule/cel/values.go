package cel

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"

	celgo "github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
)

// The types the language has beside its own. They are nullable, like every field.
var (
	moneyType = celgo.ObjectType("rule.money", traits.ComparerType)
	dateType  = celgo.ObjectType("rule.date", traits.ComparerType)
	daysType  = celgo.ObjectType("rule.days", traits.ComparerType)
	idType    = celgo.ObjectType("rule.id", traits.ComparerType)
)

// Reasons an evaluation is unknown, beside a blank.
var (
	errCurrency = errors.New("currency")
	errRange    = errors.New("out of range")
)

// opaque is a value of one of our types.
type opaque[T comparable] struct {
	v       T
	typ     *types.Type
	compare func(a, b T) (int, error)
}

func moneyVal(a money.Amount) ref.Val {
	return opaque[money.Amount]{a, moneyType, func(a, b money.Amount) (int, error) {
		if a.Currency != b.Currency {
			return 0, errCurrency
		}
		return cmp.Compare(a.Minor, b.Minor), nil
	}}
}

func dateVal(d date.Date) ref.Val {
	if d.IsZero() {
		return types.WrapErr(errRange)
	}
	return opaque[date.Date]{d, dateType, func(a, b date.Date) (int, error) { return a.Compare(b), nil }}
}

func daysVal(n int64) ref.Val {
	return opaque[int64]{n, daysType, func(a, b int64) (int, error) { return cmp.Compare(a, b), nil }}
}

func idVal(id ident.ID) ref.Val {
	return opaque[ident.ID]{id, idType, func(a, b ident.ID) (int, error) { return a.Compare(b), nil }}
}

// ConvertToNative implements ref.Val.
func (o opaque[T]) ConvertToNative(t reflect.Type) (any, error) {
	if reflect.TypeOf(o.v).AssignableTo(t) {
		return o.v, nil
	}
	return nil, fmt.Errorf("cannot turn %s into %s", o.typ, t)
}

// ConvertToType implements ref.Val.
func (o opaque[T]) ConvertToType(t ref.Type) ref.Val {
	if t.TypeName() == o.typ.TypeName() {
		return o
	}
	return types.NewErr("cannot turn %s into %s", o.typ, t)
}

// Equal implements ref.Val.
func (o opaque[T]) Equal(other ref.Val) ref.Val {
	x, ok := other.(opaque[T])
	return types.Bool(ok && x.typ == o.typ && x.v == o.v)
}

// Compare implements traits.Comparer.
func (o opaque[T]) Compare(other ref.Val) ref.Val {
	x, ok := other.(opaque[T])
	if !ok || x.typ != o.typ {
		return types.MaybeNoSuchOverloadErr(other)
	}
	c, err := o.compare(o.v, x.v)
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Int(c)
}

// Type implements ref.Val.
func (o opaque[T]) Type() ref.Type { return o.typ }

// Value implements ref.Val.
func (o opaque[T]) Value() any { return o.v }
