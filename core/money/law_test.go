package money_test

import (
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/money"
)

var currencies = []string{"JPY", "EUR", "KWD", "CLF"}

func amounts() *rapid.Generator[money.Amount] {
	return rapid.Custom(func(t *rapid.T) money.Amount {
		top := rapid.SampledFrom([]int64{9, 1000, 1e9, 1<<63 - 1}).Draw(t, "top")
		return money.Amount{
			Minor:    rapid.Int64Range(-top, top).Draw(t, "minor"),
			Currency: rapid.SampledFrom(currencies).Draw(t, "currency"),
		}
	})
}

func TestTextRoundTrip(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		a := amounts().Draw(t, "a")
		back, err := money.Parse(a.String())
		require.NoError(t, err)
		require.Equal(t, a, back)
	})
}

func TestSumsAgainstBigIntegers(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		a, b := amounts().Draw(t, "a"), amounts().Draw(t, "b")
		b.Currency = a.Currency
		check := func(got money.Amount, err error, want *big.Int) {
			if want.CmpAbs(big.NewInt(1<<63-1)) > 0 {
				require.ErrorIs(t, err, fault.ErrInvalid)
				return
			}
			require.NoError(t, err)
			require.Equal(t, want.Int64(), got.Minor)
		}
		x, y := big.NewInt(a.Minor), big.NewInt(b.Minor)
		sum, err := a.Add(b)
		check(sum, err, new(big.Int).Add(x, y))
		diff, err := a.Sub(b)
		check(diff, err, new(big.Int).Sub(x, y))
		c, err := a.Cmp(b)
		require.NoError(t, err)
		require.Equal(t, x.Cmp(y), c)
	})
}

// halfEven is the oracle of rounding: in big integers, by looking at twice the remainder.
func halfEven(num, den *big.Int) *big.Int {
	if den.Sign() < 0 {
		num, den = new(big.Int).Neg(num), new(big.Int).Neg(den)
	}
	q, r := new(big.Int).DivMod(num, den, new(big.Int)) // floor, remainder at least 0
	switch new(big.Int).Lsh(r, 1).Cmp(den) {
	case 1:
		q.Add(q, big.NewInt(1))
	case 0:
		q.Add(q, big.NewInt(int64(q.Bit(0))))
	}
	return q
}

func TestMulRatRoundsHalfToEven(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		a := amounts().Draw(t, "a")
		n := rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64()).Draw(t, "n")
		d := rapid.OneOf(rapid.Int64Range(1, 20), rapid.Int64Range(-20, -1), rapid.Int64()).Draw(t, "d")
		if d == 0 {
			d = 1
		}
		got, err := a.MulRat(n, d)
		want := halfEven(new(big.Int).Mul(big.NewInt(a.Minor), big.NewInt(n)), big.NewInt(d))
		if want.CmpAbs(big.NewInt(1<<63-1)) > 0 {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		require.NoError(t, err)
		require.Equal(t, want.Int64(), got.Minor, "%s * %d / %d", a, n, d)
		require.Equal(t, a.Currency, got.Currency)
	})
}

func TestPercent(t *testing.T) {
	t.Parallel()

	for _, x := range []struct{ a, p, want string }{
		{"10000.00 EUR", "19", "1900.00 EUR"},
		{"0.05 EUR", "50", "0.02 EUR"},
		{"0.15 EUR", "50", "0.08 EUR"},
		{"-0.05 EUR", "50", "-0.02 EUR"},
		{"100 JPY", "7.25", "7 JPY"},
		{"100 JPY", "-7.75", "-8 JPY"},
		{"1000000 JPY", "0.000150", "2 JPY"},
		{"100 JPY", "0", "0 JPY"},
	} {
		got, err := money.MustParse(x.a).Percent(x.p)
		require.NoError(t, err)
		require.Equal(t, x.want, got.String(), "%s %% of %s", x.p, x.a)
	}
}

// allocationLaw is what every split must satisfy: nothing lost, nobody more than a unit from the exact share, no
// weight no money, and of two remainders the larger one, or of equals the earlier one, is served first.
func allocationLaw(a money.Amount, weights []int64, parts []money.Amount) string {
	total, sum := new(big.Int), new(big.Int)
	for _, w := range weights {
		total.Add(total, big.NewInt(w))
	}
	type share struct {
		rest *big.Int // remainder of the exact share, in totals
		got  bool     // one unit more than the share rounded down
	}
	shares := make([]share, len(parts))
	for i, p := range parts {
		sum.Add(sum, big.NewInt(p.Minor))
		exact := new(big.Int).Mul(new(big.Int).Abs(big.NewInt(a.Minor)), big.NewInt(weights[i]))
		q, r := exact.QuoRem(exact, total, new(big.Int))
		extra := new(big.Int).Sub(new(big.Int).Abs(big.NewInt(p.Minor)), q)
		switch {
		case !extra.IsInt64() || extra.Int64() < 0 || extra.Int64() > 1:
			return "further than a unit from the share"
		case p.Minor != 0 && (p.Minor < 0) != (a.Minor < 0):
			return "wrong sign"
		case weights[i] == 0 && p.Minor != 0:
			return "money without weight"
		case p.Currency != a.Currency:
			return "another currency"
		}
		shares[i] = share{r, extra.Int64() == 1}
	}
	if sum.Cmp(big.NewInt(a.Minor)) != 0 {
		return "does not add up"
	}
	for i := range shares {
		for j := range i {
			c := shares[j].rest.Cmp(shares[i].rest)
			if c >= 0 && shares[i].got && !shares[j].got || c < 0 && shares[j].got && !shares[i].got {
				return "served out of turn"
			}
		}
	}
	return ""
}

func TestAllocate(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		a := amounts().Draw(t, "a")
		weights := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 5), rapid.Int64Range(0, 1<<59)), 1, 12).Draw(t, "weights")
		if slices.Max(weights) == 0 {
			weights[0] = 1
		}
		parts, err := a.Allocate(weights...)
		require.NoError(t, err)
		require.Len(t, parts, len(weights))
		require.Empty(t, allocationLaw(a, weights, parts))
	})
}

// TestAllocationLawKills shows that the law is not empty: each named wrong way to split breaks it.
func TestAllocationLawKills(t *testing.T) {
	t.Parallel()

	mutants := map[string]func(minor int64, weights []int64) []int64{
		"round each down": each,
		"rest to the first": func(minor int64, weights []int64) []int64 {
			out := each(minor, weights)
			out[0] += minor - total(out)
			return out
		},
		"rest to the last": func(minor int64, weights []int64) []int64 {
			out := each(minor, weights)
			out[len(out)-1] += minor - total(out)
			return out
		},
		"rest from the left": func(minor int64, weights []int64) []int64 {
			out := each(minor, weights)
			for i := range minor - total(out) {
				out[i]++
			}
			return out
		},
	}
	weights := []int64{0, 1, 1, 5, 2}
	for name, split := range mutants {
		killed := false
		for minor := range int64(50) {
			var parts []money.Amount
			for _, p := range split(minor, weights) {
				parts = append(parts, money.Amount{Minor: p, Currency: "EUR"})
			}
			killed = killed || allocationLaw(money.Amount{Minor: minor, Currency: "EUR"}, weights, parts) != ""
		}
		require.True(t, killed, name)
	}
}

func each(minor int64, weights []int64) []int64 {
	out := make([]int64, len(weights))
	for i, w := range weights {
		out[i] = minor * w / total(weights)
	}
	return out
}

func total(list []int64) (sum int64) {
	for _, n := range list {
		sum += n
	}
	return sum
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"10000.00 EUR", "-1 JPY", "1.2345 CLF", "10.000 EUR", "1e9 EUR", "", " ", "9223372036854775807 JPY"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := money.Parse(s)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.True(t, a.IsZero())
			return
		}
		require.NoError(t, a.Validate())
		back, err := money.Parse(a.String())
		require.NoError(t, err)
		require.Equal(t, a, back)
	})
}
