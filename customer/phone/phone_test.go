package phone_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/customer/phone"
)

func TestNormalize(t *testing.T) {
	t.Parallel()

	for _, c := range []struct{ in, region, want string }{
		{"030 123456", "DE", "+4930123456"},
		{"030 123456", "de", "+4930123456"},
		{"+49 (30) 12 34-56", "", "+4930123456"},
		{"0049 30 123456", "DE", "+4930123456"},
		{"+1 650-253-0000", "DE", "+16502530000"},
		{"(650) 253-0000", "US", "+16502530000"},
		{"010-8888-7777", "CN", "+861088887777"},
		{"+86 138 0013 8000", "", "+8613800138000"},
		{"＋49 30 123456", "", "+4930123456"},
		{"02 1234 5678", "IT", "+390212345678"},
	} {
		got, err := phone.Normalizer{}.Normalize(c.in, c.region)
		require.NoError(t, err, c.in)
		require.Equal(t, c.want, got)
		again, err := phone.Normalizer{}.Normalize(got, "")
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	for _, c := range []struct{ in, region, want string }{
		{"030 123456", "", "no country"},
		{"12", "DE", "no number of its country"},
		{"", "DE", "digits"},
		{"1-800-FLOWERS", "US", "digits"},
		{"030 123456", "XX", "region"},
		{"+999 123456", "", "country"},
		{"+49 30 123456789012345678", "", ""},
	} {
		_, err := phone.Normalizer{}.Normalize(c.in, c.region)
		require.ErrorContains(t, err, c.want, c.in)
		if c.in != "" {
			require.NotContains(t, err.Error(), c.in)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add("030 123456", "DE")
	f.Add("+1;ext=5", "")
	f.Add("tel:+49-30;phone-context=+1", "US")
	f.Add("٣٤٥٦٧٨٩", "EG")
	f.Fuzz(func(t *testing.T, number, region string) {
		got, err := phone.Normalizer{}.Normalize(number, region)
		if err != nil {
			require.True(t, len(number) < 4 || !strings.Contains(err.Error(), number))
			return
		}
		require.Regexp(t, `^\+[1-9][0-9]{1,17}$`, got)
		again, err := phone.Normalizer{}.Normalize(got, "")
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}
