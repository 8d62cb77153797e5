package money_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/money"
)

func TestParse(t *testing.T) {
	t.Parallel()

	for s, want := range map[string]money.Amount{
		"10000.00 EUR":             {Minor: 1000000, Currency: "EUR"},
		"10000 EUR":                {Minor: 1000000, Currency: "EUR"},
		"10000.5 EUR":              {Minor: 1000050, Currency: "EUR"},
		"-0.01 USD":                {Minor: -1, Currency: "USD"},
		"-0 USD":                   {Currency: "USD"},
		"007 JPY":                  {Minor: 7, Currency: "JPY"},
		"1.234 KWD":                {Minor: 1234, Currency: "KWD"},
		"1.2345 CLF":               {Minor: 12345, Currency: "CLF"},
		"92233720368547758.07 EUR": {Minor: math.MaxInt64, Currency: "EUR"},
		"-9223372036854775807 JPY": {Minor: -math.MaxInt64, Currency: "JPY"},
	} {
		got, err := money.Parse(s)
		require.NoError(t, err, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{
		"", " ", "10", "EUR", "EUR 10", "10 eur", "10 EURO", "10 XAU", "10  EUR", " 10 EUR", "10 EUR ", "10.000 EUR", "1.5 JPY", "1,000.00 EUR",
		"1e3 EUR", "+1 EUR", "1. EUR", ".5 EUR", "--1 EUR", "NaN EUR", "Inf EUR", "0x10 EUR", "10\x00 EUR", "１ EUR",
		"92233720368547758.08 EUR", "-9223372036854775808 JPY", "99999999999999999999 JPY", "9999999999999999999 EUR",
	} {
		got, err := money.Parse(s)
		require.ErrorIs(t, err, fault.ErrInvalid, "%q", s)
		require.True(t, got.IsZero(), "%q", s)
	}
	require.Panics(t, func() { money.MustParse("a fortune") })
}

func TestNew(t *testing.T) {
	t.Parallel()

	_, err := money.New(1, "XXX")
	require.Equal(t, "currency", field(t, err))
	_, err = money.New(math.MinInt64, "EUR")
	require.ErrorIs(t, err, fault.ErrInvalid)
	a, err := money.New(-5, "EUR")
	require.NoError(t, err)
	require.Equal(t, "-0.05 EUR", a.String())
	require.Equal(t, "-0.05", a.Decimal())
}

func TestBlankIsNotZero(t *testing.T) {
	t.Parallel()

	none := money.Amount{Currency: "EUR"}
	require.False(t, none.IsZero())
	require.Zero(t, none.Sign())
	require.Equal(t, "0.00 EUR", none.String())
	require.Empty(t, money.Amount{}.String())
	require.Empty(t, money.Amount{}.Decimal())
	require.NoError(t, money.Amount{}.Validate())
	require.Error(t, money.Amount{Minor: 1}.Validate())
	require.Error(t, money.Amount{Minor: 1, Currency: "eur"}.Validate())
}

func TestJSON(t *testing.T) {
	t.Parallel()

	type rec struct {
		A money.Amount `json:"a"`
		B money.Amount `json:"b,omitzero"`
	}
	b, err := json.Marshal(rec{A: money.MustParse("0 JPY")})
	require.NoError(t, err)
	require.JSONEq(t, `{"a":{"minor":0,"currency":"JPY"}}`, string(b))

	var back rec
	require.NoError(t, json.Unmarshal([]byte(`{"a":{"minor":9007199254740993,"currency":"EUR"},"b":null}`), &back))
	require.Equal(t, int64(9007199254740993), back.A.Minor)
	for _, bad := range []string{
		`{"a":{"minor":1.5,"currency":"EUR"}}`, `{"a":{"minor":1,"currency":"eur"}}`, `{"a":{"minor":1}}`, `{"a":"1 EUR"}`,
		`{"a":{"minor":-9223372036854775808,"currency":"EUR"}}`, `{"a":{"minor":1e400,"currency":"EUR"}}`,
	} {
		require.ErrorIs(t, json.Unmarshal([]byte(bad), &back), fault.ErrInvalid, bad)
	}
}

func TestArithmeticRefuses(t *testing.T) {
	t.Parallel()

	eur, usd, blank := money.MustParse("1 EUR"), money.MustParse("1 USD"), money.Amount{}
	top := money.Amount{Minor: math.MaxInt64, Currency: "EUR"}
	for name, f := range map[string]func() error{
		"add currency": func() error { _, err := eur.Add(usd); return err },
		"sub currency": func() error { _, err := eur.Sub(usd); return err },
		"cmp currency": func() error { _, err := eur.Cmp(usd); return err },
		"add blank":    func() error { _, err := blank.Add(blank); return err },
		"add range":    func() error { _, err := top.Add(eur); return err },
		"sub range":    func() error { _, err := top.Neg().Sub(eur); return err },
		"to min":       func() error { _, err := top.Neg().Sub(money.Amount{Minor: 1, Currency: "EUR"}); return err },
		"mul by zero":  func() error { _, err := eur.MulRat(1, 0); return err },
		"mul range":    func() error { _, err := top.MulRat(2, 1); return err },
		"mul far":      func() error { _, err := top.MulRat(math.MaxInt64, 1); return err },
		"percent":      func() error { _, err := eur.Percent("1e2"); return err },
		"percent size": func() error { _, err := eur.Percent("1.1234567"); return err },
		"no weights":   func() error { _, err := eur.Allocate(); return err },
		"zero weights": func() error { _, err := eur.Allocate(0, 0); return err },
		"neg weight":   func() error { _, err := eur.Allocate(2, -1); return err },
		"weight range": func() error { _, err := eur.Allocate(math.MaxInt64, 1); return err },
		"wrap range":   func() error { _, err := eur.Allocate(math.MaxInt64, math.MaxInt64, 3); return err },
		"no amount":    func() error { _, err := money.Amount{Minor: math.MinInt64, Currency: "EUR"}.Allocate(1); return err },
	} {
		require.ErrorIs(t, f(), fault.ErrInvalid, name)
	}
	require.Equal(t, int64(math.MaxInt64), money.Amount{Minor: math.MinInt64}.Neg().Minor)
}

func TestCurrencies(t *testing.T) {
	t.Parallel()

	for code, want := range map[string]int{"EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4, "CNY": 2, "ISK": 0, "MGA": 2, "XAF": 0, "TND": 3, "XCG": 2} {
		exp, ok := money.Exponent(code)
		require.True(t, ok, code)
		require.Equal(t, want, exp, code)
	}
	for _, code := range []string{"", "XAU", "XXX", "XTS", "XDR", "eur", "EU", "EURO", "BTC"} {
		require.False(t, money.ValidCurrency(code), code)
	}
}

func field(t *testing.T, err error) string {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	return f.Field
}
