package customer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/customer"
)

func TestNormalize(t *testing.T) {
	t.Parallel()

	var n customer.Normalizer
	for _, c := range []struct {
		ch       personal.Channel
		in, want string
	}{
		{personal.ByEmail, "  Ada.Lovelace+crm@EXAMPLE.org ", "Ada.Lovelace+crm@example.org"},
		{personal.ByEmail, "ada@BÜCHER.example", "ada@xn--bcher-kva.example"},
		{personal.ByEmail, "ada@bu\u0308cher.example.", "ada@xn--bcher-kva.example"},
		{personal.ByEmail, "李@例え.jp", "李@xn--r8jz45g.jp"},
		{personal.ByEmail, "o'brien@example.org", "o'brien@example.org"},
		{personal.ByPhone, "+49 (30) 123-456", "+4930123456"},
		{personal.BySMS, "+1 650.253.0000", "+16502530000"},
		{personal.ByPost, " Unter den Linden 1\n10117 Berlin ", "Unter den Linden 1\n10117 Berlin"},
		{personal.BySocial, "@Ada", "@Ada"},
		{personal.ByEmail, "\ufeff\u200bada@example.org\u200b", "ada@example.org"},
		{personal.ByPhone, "\u202a+49 30\u200e 123456\u202c", "+4930123456"},
	} {
		got, err := n.Normalize(c.ch, c.in, "")
		require.NoError(t, err, c.in)
		require.Equal(t, c.want, got)
	}
	for _, c := range []struct {
		ch personal.Channel
		in string
	}{
		{personal.ByEmail, "ada"},
		{personal.ByEmail, "@example.org"},
		{personal.ByEmail, "ada@"},
		{personal.ByEmail, "ada lovelace@example.org"},
		{personal.ByEmail, "Ada <ada@example.org>"},
		{personal.ByEmail, "ada@exa mple.org"},
		{personal.ByEmail, "ada\u00a0l@example.org"},
		{personal.ByEmail, "ada\u200bl@example.org"},
		{personal.ByEmail, "ada\u2028l@example.org"},
		{personal.ByEmail, "ada\u202el@example.org"},
		{personal.ByEmail, "ada@-x.org"},
		{personal.ByEmail, strings.Repeat("a", 65) + "@example.org"},
		{personal.ByEmail, "ada@" + strings.Repeat("a", 64) + ".org"},
		{personal.ByPhone, "030 123456"},
		{personal.ByPhone, "+0 12345678"},
		{personal.ByPhone, "+49 30 12345x"},
		{personal.BySocial, " "},
		{personal.ByPost, "a\x00b"},
		{personal.ByPost, strings.Repeat("x", 501)},
		{personal.InPerson, "x"},
		{"pigeon", "x"},
	} {
		_, err := n.Normalize(c.ch, c.in, "")
		require.ErrorIs(t, err, fault.ErrInvalid, c.in)
		if strings.TrimSpace(c.in) != "" && len(c.in) > 2 {
			require.NotContains(t, err.Error(), c.in)
		}
	}
}

// What is stored once is stored the same again, and two spellings of one address meet in the blind index.
func FuzzNormalize(f *testing.F) {
	f.Add("Ada@Example.org")
	f.Add("ß@ß.de")
	f.Add("+49 30 123456")
	f.Add("İ@x.org")
	f.Add("a@xn--a.org")
	f.Fuzz(func(t *testing.T, s string) {
		var n customer.Normalizer
		for _, ch := range personal.Channels() {
			v, err := n.Normalize(ch, s, "")
			if err != nil {
				require.ErrorIs(t, err, fault.ErrInvalid)
				continue
			}
			again, err := n.Normalize(ch, v, "")
			require.NoError(t, err)
			require.Equal(t, v, again)
			index, key := customer.BlindKey(ch, v)
			require.NotEmpty(t, index)
			require.NotEmpty(t, key)
		}
	})
}
