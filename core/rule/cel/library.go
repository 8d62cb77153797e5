package cel

import (
	"time"

	celgo "github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/env"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
)

// Bounds on what an author may write, so that checking and evaluating stay cheap.
const (
	maxExpr    = 4096 // bytes of source
	maxNodes   = 500  // nodes of the expression
	maxNesting = 40   // depth of the expression
	maxRegex   = 200  // instructions of a compiled pattern
	maxCost    = 1_000_000
	freeCost   = 20_000 // below, evaluation is not tracked
)

// standard lists what we take over from the standard library: nothing gets in by an upgrade.
func standard() *env.LibrarySubset {
	sub := env.NewLibrarySubset().AddIncludedMacros("exists", "all")
	for _, name := range []string{
		operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional,
		operators.NotStrictlyFalse,
		operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
		operators.Multiply, operators.Divide, operators.Modulo, operators.Negate,
		overloads.StartsWith, overloads.EndsWith, overloads.Contains, overloads.Matches,
	} {
		sub.AddIncludedFunctions(env.NewFunction(name))
	}
	return sub.AddIncludedFunctions(
		env.NewFunction(operators.In, env.NewOverload(overloads.InList, nil, nil)),
		env.NewFunction(overloads.Size, env.NewOverload(overloads.SizeString, nil, nil), env.NewOverload(overloads.SizeList, nil, nil)),
		env.NewFunction(overloads.TypeConvertDuration, env.NewOverload(overloads.StringToDuration, nil, nil)),
		env.NewFunction(overloads.TypeConvertDouble, env.NewOverload(overloads.IntToDouble, nil, nil)),
	)
}

// base returns the options of the environment that every entity shares.
func base() []celgo.EnvOption {
	opts := []celgo.EnvOption{
		celgo.StdLib(celgo.StdLibSubset(standard())),
		celgo.Macros(celgo.GlobalMacro("has", 1, expandHas)),
		celgo.CrossTypeNumericComparisons(true),
		celgo.DefaultUTCTimeZone(true),
		celgo.ParserExpressionSizeLimit(maxExpr),
		celgo.ParserRecursionLimit(3 * maxNesting),
		celgo.ExpressionNodeLimit(maxNodes),
		celgo.ExpressionNestingDepthLimit(maxNesting),
		celgo.RegexProgramSizeLimit(maxRegex),
		celgo.Variable(nowName, celgo.TimestampType),
		celgo.Variable(todayName, dateType),
		literal("money", moneyType, func(s string) ref.Val { a, err := money.Parse(s); return wrap(moneyVal(a), err) }),
		literal("date", dateType, func(s string) ref.Val { d, err := date.Parse(s); return wrap(dateVal(d), err) }),
		literal("id", idType, func(s string) ref.Val { id, err := ident.Parse(s); return wrap(idVal(id), err) }),
		literal("timestamp", celgo.TimestampType, func(s string) ref.Val { t, err := parseTime(s); return wrap(types.Timestamp{Time: t}, err) }),
		celgo.Function("days", celgo.Overload("days_int", []*celgo.Type{celgo.IntType}, daysType, celgo.UnaryBinding(days))),
	}
	for _, name := range []string{operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals} {
		for _, t := range []*celgo.Type{moneyType, dateType, daysType, idType} {
			opts = append(opts, celgo.Function(name, celgo.Overload(name+t.TypeName(), []*celgo.Type{t, t}, celgo.BoolType)))
		}
	}
	return append(opts, celgo.Function(operators.Add, sums()...), celgo.Function(operators.Subtract, differences()...))
}

// expandHas turns has(x) into x != null: every field is a variable, so there is no other presence to test.
func expandHas(eh celgo.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *celgo.Error) {
	switch args[0].Kind() {
	case ast.IdentKind, ast.SelectKind:
		return eh.NewCall(operators.NotEquals, args[0], eh.NewLiteral(types.NullValue)), nil
	}
	return nil, eh.NewError(args[0].ID(), "has wants the name of a field, such as has(close_date)")
}

// literal declares a function of one literal text.
func literal(name string, t *celgo.Type, parse func(string) ref.Val) celgo.EnvOption {
	return celgo.Function(name, celgo.Overload(name+"_string", []*celgo.Type{celgo.StringType}, t,
		celgo.UnaryBinding(func(v ref.Val) ref.Val {
			s, ok := v.(types.String)
			if !ok {
				return types.MaybeNoSuchOverloadErr(v)
			}
			return parse(string(s))
		})))
}

func wrap(v ref.Val, err error) ref.Val {
	if err != nil {
		return types.WrapErr(err)
	}
	return v
}

// parseTime reads RFC 3339, to the microsecond that stores keep.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.Truncate(time.Microsecond), err
}

// maxDays spans the calendar of dates.
const maxDays = 3_660_000

func days(v ref.Val) ref.Val {
	n, ok := v.(types.Int)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	if n > maxDays || n < -maxDays {
		return types.WrapErr(errRange)
	}
	return daysVal(int64(n))
}

type binary = func(a, b ref.Val) ref.Val

func operation(id string, a, b, result *celgo.Type, f binary) celgo.FunctionOpt {
	return celgo.Overload(id, []*celgo.Type{a, b}, result, celgo.BinaryBinding(f))
}

func sums() []celgo.FunctionOpt {
	add := func(a, b ref.Val) ref.Val { return a.(traits.Adder).Add(b) } //nolint:forcetypeassert // the checker lets no other type in
	return []celgo.FunctionOpt{
		operation(overloads.AddInt64, celgo.IntType, celgo.IntType, celgo.IntType, add),
		operation(overloads.AddDouble, celgo.DoubleType, celgo.DoubleType, celgo.DoubleType, add),
		operation(overloads.AddString, celgo.StringType, celgo.StringType, celgo.StringType, add),
		operation(overloads.AddDurationDuration, celgo.DurationType, celgo.DurationType, celgo.DurationType, add),
		operation(overloads.AddTimestampDuration, celgo.TimestampType, celgo.DurationType, celgo.TimestampType, shift(1)),
		operation("add_time_days", celgo.TimestampType, daysType, celgo.TimestampType, shift(1)),
		operation("add_date_days", dateType, daysType, dateType, shift(1)),
		operation("add_days_days", daysType, daysType, daysType, func(a, b ref.Val) ref.Val { return days(types.Int(dayCount(a) + dayCount(b))) }),
		operation("add_money_money", moneyType, moneyType, moneyType, func(a, b ref.Val) ref.Val {
			sum, err := amount(a).Add(amount(b))
			return wrap(moneyVal(sum), sumFault(a, b, err))
		}),
	}
}

func differences() []celgo.FunctionOpt {
	sub := func(a, b ref.Val) ref.Val { return a.(traits.Subtractor).Subtract(b) } //nolint:forcetypeassert // the checker lets no other type in
	return []celgo.FunctionOpt{
		operation(overloads.SubtractInt64, celgo.IntType, celgo.IntType, celgo.IntType, sub),
		operation(overloads.SubtractDouble, celgo.DoubleType, celgo.DoubleType, celgo.DoubleType, sub),
		operation(overloads.SubtractDurationDuration, celgo.DurationType, celgo.DurationType, celgo.DurationType, sub),
		operation(overloads.SubtractTimestampTimestamp, celgo.TimestampType, celgo.TimestampType, celgo.DurationType, sub),
		operation(overloads.SubtractTimestampDuration, celgo.TimestampType, celgo.DurationType, celgo.TimestampType, shift(-1)),
		operation("subtract_time_days", celgo.TimestampType, daysType, celgo.TimestampType, shift(-1)),
		operation("subtract_date_days", dateType, daysType, dateType, shift(-1)),
		operation("subtract_days_days", daysType, daysType, daysType, func(a, b ref.Val) ref.Val { return days(types.Int(dayCount(a) - dayCount(b))) }),
		operation("subtract_date_date", dateType, dateType, daysType, func(a, b ref.Val) ref.Val {
			return daysVal(int64(day(a).Days() - day(b).Days()))
		}),
		operation("subtract_money_money", moneyType, moneyType, moneyType, func(a, b ref.Val) ref.Val {
			diff, err := amount(a).Sub(amount(b))
			return wrap(moneyVal(diff), sumFault(a, b, err))
		}),
	}
}

// The overloads guard the types of their operands, so these only unwrap.
func amount(v ref.Val) money.Amount { a, _ := v.Value().(money.Amount); return a }
func day(v ref.Val) date.Date       { d, _ := v.Value().(date.Date); return d }
func dayCount(v ref.Val) int64      { n, _ := v.Value().(int64); return n }

func sumFault(a, b ref.Val, err error) error {
	if err != nil && amount(a).Currency != amount(b).Currency {
		return errCurrency
	}
	return err
}

// shift moves a time or a date. A day is a calendar day in the zone the time carries, a duration is elapsed time.
func shift(sign int64) binary {
	return func(a, b ref.Val) ref.Val {
		switch x := a.Value().(type) {
		case date.Date:
			return dateVal(x.AddDays(int(sign * dayCount(b))))
		case time.Time:
			var t time.Time
			if d, ok := b.Value().(time.Duration); ok {
				t = x.Add(time.Duration(sign) * d).Truncate(time.Microsecond)
			} else {
				t = x.AddDate(0, 0, int(sign*dayCount(b)))
			}
			if y := t.UTC().Year(); y < 1 || y > 9999 {
				return types.WrapErr(errRange)
			}
			return types.Timestamp{Time: t}
		}
		return types.MaybeNoSuchOverloadErr(a)
	}
}
