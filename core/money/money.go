package money

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/govalues/decimal"

	"github.com/rapport-crm/rapport/core/fault"
)

// Amount is a sum of money in minor units of a currency. Its zero value is blank: no amount, which is another
// thing than 0.00 EUR. Amounts compare with == and are safe as map keys. The smallest int64 is not an amount, so
// that every amount has a negative.
type Amount struct {
	Minor    int64  `json:"minor"`    // cents for EUR, yen for JPY
	Currency string `json:"currency"` // ISO 4217 code in capitals
}

// New returns an amount of minor units, or an Invalid fault for a currency that does not exist.
func New(minor int64, currency string) (Amount, error) {
	a := Amount{Minor: minor, Currency: currency}
	if !ValidCurrency(currency) {
		return Amount{}, badCurrency()
	}
	if minor == math.MinInt64 {
		return Amount{}, outOfRange()
	}
	return a, nil
}

// Parse reads what [Amount.String] writes: a decimal number, one space, the currency: "10000.00 EUR". Decimals
// may be left out: "10000 EUR", "10000.5 EUR".
//
// Errors: Invalid for anything else, as for [ParseDecimal].
func Parse(s string) (Amount, error) {
	number, currency, ok := strings.Cut(s, " ")
	if !ok {
		return Amount{}, fault.New(fault.Invalid, `want a number, a space and a currency, such as "10000.00 EUR"`)
	}
	return ParseDecimal(number, currency)
}

// MustParse is Parse for constants in programs and tests; it panics on a malformed amount.
func MustParse(s string) Amount {
	a, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

var number = regexp.MustCompile(`^-?[0-9]{1,19}(\.[0-9]{1,19})?$`)

// ParseDecimal reads a decimal number with a point, without grouping or exponent, as an amount of the currency.
//
// More decimals than the currency has are an Invalid fault and not rounded, zeros included: "10.000" with EUR is
// ten thousand to some writers and ten to others. An amount beyond int64 minor units is Invalid too.
func ParseDecimal(s, currency string) (Amount, error) {
	exp, ok := Exponent(currency)
	if !ok {
		return Amount{}, badCurrency()
	}
	if !number.MatchString(s) {
		return Amount{}, fault.New(fault.Invalid, `want digits with a decimal point and no grouping, such as "10000.00"`)
	}
	if _, frac, _ := strings.Cut(s, "."); len(frac) > exp {
		return Amount{}, fault.New(fault.Invalid, "want at most %d decimals for %s", exp, currency)
	}
	d, err := decimal.ParseExact(s, exp)
	if err != nil || d.Scale() != exp || d.Coef() > math.MaxInt64 {
		return Amount{}, outOfRange()
	}
	minor := int64(d.Coef())
	if d.IsNeg() {
		minor = -minor
	}
	return Amount{Minor: minor, Currency: currency}, nil
}

// Validate returns nil for a blank amount and for one of a known currency within range, else an Invalid fault.
func (a Amount) Validate() error {
	if a.IsZero() {
		return nil
	}
	_, err := New(a.Minor, a.Currency)
	return err
}

// IsZero reports whether a is blank, so that the omitzero option of encoding/json leaves it out. 0.00 EUR is not
// blank: its [Amount.Sign] is 0.
func (a Amount) IsZero() bool { return a == Amount{} }

// Sign is -1, 0 or 1.
func (a Amount) Sign() int {
	switch {
	case a.Minor < 0:
		return -1
	case a.Minor > 0:
		return 1
	}
	return 0
}

// Decimal writes the number without the currency, with all decimals of the currency: "10000.00". Blank is "".
func (a Amount) Decimal() string {
	if a.IsZero() {
		return ""
	}
	exp, _ := Exponent(a.Currency)
	d, err := decimal.New(a.Minor, exp)
	if err != nil {
		return strconv.FormatInt(a.Minor, 10) // not reached: every int64 fits a decimal of at most 19 digits
	}
	return d.String()
}

// String writes "10000.00 EUR"; a blank amount is "".
func (a Amount) String() string {
	if a.IsZero() {
		return ""
	}
	return strings.TrimSpace(a.Decimal() + " " + a.Currency)
}

// UnmarshalJSON reads {"minor":1000000,"currency":"EUR"} and refuses what [New] refuses. Null, and minor 0 with an
// empty currency, give the blank amount.
func (a *Amount) UnmarshalJSON(b []byte) error {
	type plain Amount
	var p plain
	if err := json.Unmarshal(b, &p); err != nil {
		return fault.Wrap(fault.Invalid, err, `want {"minor": integer, "currency": "EUR"}`)
	}
	if err := Amount(p).Validate(); err != nil {
		return err
	}
	*a = Amount(p)
	return nil
}

func badCurrency() error {
	return fault.Field("currency", "want a currency code of ISO 4217 in capitals, such as EUR")
}

func outOfRange() error {
	return fault.New(fault.Invalid, "the amount is too large: want at most 9223372036854775807 minor units")
}
