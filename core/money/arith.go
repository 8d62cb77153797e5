package money

import (
	"math"
	"math/bits"
	"regexp"
	"strings"

	"github.com/govalues/decimal"

	"github.com/rapport-crm/rapport/core/fault"
)

// Add returns a + o. Errors: Invalid for different currencies and for a sum out of range.
func (a Amount) Add(o Amount) (Amount, error) {
	if err := a.same(o); err != nil {
		return Amount{}, err
	}
	sum := a.Minor + o.Minor
	if (o.Minor > 0) != (sum > a.Minor) && o.Minor != 0 || sum == math.MinInt64 {
		return Amount{}, outOfRange()
	}
	return Amount{Minor: sum, Currency: a.Currency}, nil
}

// Sub returns a - o. Errors: Invalid for different currencies and for a difference out of range.
func (a Amount) Sub(o Amount) (Amount, error) { return a.Add(o.Neg()) }

// Neg returns -a.
func (a Amount) Neg() Amount {
	if a.Minor == math.MinInt64 { // not an amount, but a struct literal can hold it
		a.Minor++
	}
	a.Minor = -a.Minor
	return a
}

// Cmp is -1 when a is less than o, 1 when it is more, 0 when both are equal. Errors: Invalid for different
// currencies.
func (a Amount) Cmp(o Amount) (int, error) {
	if err := a.same(o); err != nil {
		return 0, err
	}
	switch {
	case a.Minor < o.Minor:
		return -1, nil
	case a.Minor > o.Minor:
		return 1, nil
	}
	return 0, nil
}

// MulRat returns a * num / den, rounded once to a minor unit, half to even. Errors: Invalid for den 0 and for a
// result out of range.
func (a Amount) MulRat(num, den int64) (Amount, error) {
	if den == 0 {
		return Amount{}, fault.New(fault.Invalid, "want a denominator other than 0")
	}
	n, d := magnitude(num), magnitude(den)
	hi, lo := bits.Mul64(magnitude(a.Minor), n)
	if hi >= d {
		return Amount{}, outOfRange()
	}
	q, r := bits.Div64(hi, lo, d)
	if r > d-r || r == d-r && q%2 == 1 {
		q++
	}
	if q > math.MaxInt64 {
		return Amount{}, outOfRange()
	}
	minor := int64(q)
	if (a.Minor < 0) != (num < 0) != (den < 0) {
		minor = -minor
	}
	return Amount{Minor: minor, Currency: a.Currency}, nil
}

var percent = regexp.MustCompile(`^-?[0-9]{1,9}(\.[0-9]{1,6})?$`)

// Percent returns p hundredths of a, rounded once to a minor unit, half to even. p is a decimal number with at
// most six decimals, such as "19" or "7.25". Errors: Invalid for another p and for a result out of range.
func (a Amount) Percent(p string) (Amount, error) {
	d, err := decimal.Parse(p)
	if err != nil || !percent.MatchString(p) {
		return Amount{}, fault.New(fault.Invalid, `want a percentage with at most six decimals, such as "7.25"`)
	}
	_, frac, _ := strings.Cut(p, ".")
	den := int64(100)
	for range frac {
		den *= 10
	}
	num := int64(d.Coef())
	if d.IsNeg() {
		num = -num
	}
	return a.MulRat(num, den)
}

// Allocate splits a in proportion to the weights, by largest remainder: the parts add up to a exactly, each is
// within one minor unit of its exact share, and of equal remainders the earlier part gets the unit. A weight of 0
// gets nothing.
//
// Errors: Invalid without weights, for a negative weight, and when they are all 0 or their sum is beyond int64.
func (a Amount) Allocate(weights ...int64) ([]Amount, error) {
	var total uint64
	for _, w := range weights {
		if w < 0 {
			return nil, fault.Field("weights", "want weights of at least 0")
		}
		if total += uint64(w); total > math.MaxInt64 {
			return nil, fault.Field("weights", "want weights with a sum of at most 9223372036854775807")
		}
	}
	if a.Minor == math.MinInt64 {
		return nil, outOfRange()
	}
	if total == 0 {
		return nil, fault.Field("weights", "want at least one weight above 0")
	}
	whole := magnitude(a.Minor)
	left := whole
	out := make([]Amount, len(weights))
	rest := make([]uint64, len(weights))
	for i, w := range weights {
		hi, lo := bits.Mul64(whole, uint64(w))
		q, r := bits.Div64(hi, lo, total)
		out[i], rest[i] = Amount{Minor: int64(q), Currency: a.Currency}, r
		left -= q
	}
	for _, i := range byRemainder(rest)[:left] {
		out[i].Minor++
	}
	if a.Minor < 0 {
		for i := range out {
			out[i] = out[i].Neg()
		}
	}
	return out, nil
}
