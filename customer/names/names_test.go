package names_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/rapport-crm/rapport/customer/names"
)

func TestDisplay(t *testing.T) {
	t.Parallel()

	for _, c := range []struct{ given, family, want string }{
		{"Ada", "Lovelace", "Ada Lovelace"},
		{"", "Lovelace", "Lovelace"},
		{"Ada", "", "Ada"},
		{"小龙", "李", "李小龙"},
		{"はるき", "村上", "村上はるき"},
		{"민준", "김", "김민준"},
		{"Bruce", "李", "Bruce 李"},
		{"Null", "O'Brien-李", "Null O'Brien-李"},
		{"", "", ""},
	} {
		require.Equal(t, c.want, names.Display(c.given, c.family))
	}
}

func TestSortKeyAndFold(t *testing.T) {
	t.Parallel()

	for _, c := range []struct{ in, want string }{
		{"Émile  Zola", "emile zola"},
		{"Null O'Brien-李", "null o brien 李"},
		{"STRASSE", "strasse"},
		{"Straße", "strasse"},
		{"Łódź Ørsted", "lodz orsted"},
		{"İstanbul", "istanbul"},
		{"ＡＣＭＥ　Ｃｏ", "acme co"},
		{"ばら", "ばら"},
		{"ﬁancé", "fiance"},
		{"  --  ", ""},
	} {
		require.Equal(t, c.want, names.SortKey(c.in), "%q", c.in)
	}
	require.NotEqual(t, names.Fold("ばら"), names.Fold("はら"))
	require.Equal(t, names.Fold("Muller"), names.Fold("Mu\u0308ller"))
}

func TestTokens(t *testing.T) {
	t.Parallel()

	require.Equal(t, []string{"muller", "sohne"}, names.Tokens("Müller & Söhne"))
	require.Equal(t, []string{"brien", "null", "o", "李"}, names.Tokens("Null O'Brien-李"))
	require.Equal(t, []string{"京", "京大", "北", "北京", "大", "大学", "学"}, names.Tokens("北京大学"))
	require.Equal(t, []string{"abc", "中"}, names.Tokens("abc中"))
	require.Empty(t, names.Tokens("", "&|!:*<->\"'()"))
}

func TestQuery(t *testing.T) {
	t.Parallel()

	require.Equal(t, names.Query{Words: []string{"ada"}, Prefix: "lov"}, names.NewQuery("Ada Lov"))
	require.Equal(t, names.Query{Words: []string{"ada"}}, names.NewQuery("ada "))
	require.Equal(t, names.Query{Words: []string{"北京", "京大"}}, names.NewQuery("北京大"))
	require.Equal(t, names.Query{Words: []string{"京"}}, names.NewQuery("京"))
	require.Equal(t, names.Query{Words: []string{"o"}, Prefix: "brien"}, names.NewQuery("O'Brien"))
	require.True(t, names.NewQuery(`"*' & | !`).IsZero())
	require.Len(t, names.NewQuery(strings.Repeat("a ", 100)).Words, names.MaxQueryTokens)
}

// A document is found by each of its words, and by each beginning of its last word.
// What does not show does not count.
func TestInvisibleSigns(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"co\u00adop", "\ufeffcoop", "co\u200cop", "c\u2060oop\u200e"} {
		require.Equal(t, "coop", names.Fold(s))
		require.Equal(t, names.Tokens("coop"), names.Tokens(s))
		require.Equal(t, names.SortKey("coop"), names.SortKey(s))
	}
	require.Equal(t, "co op", names.SortKey("co\u200bop"), "but for the space without width")
}

func TestDocumentIsFoundByItsWords(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("aÉßøİ北京李はが김Z09 '-&*\"")), 0, 30, -1).Draw(t, "text")
		tokens := names.Tokens(text)
		require.True(t, slices.IsSorted(tokens))
		require.True(t, found(tokens, names.NewQuery(text)), "%q in %q", text, tokens)
	})
}

func found(tokens []string, q names.Query) bool {
	for _, w := range q.Words {
		if !slices.Contains(tokens, w) {
			return false
		}
	}
	return q.Prefix == "" || slices.ContainsFunc(tokens, func(s string) bool { return strings.HasPrefix(s, q.Prefix) })
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"Null O'Brien-李", "Émile", "ﬁ İ ß", "北京大学", "é\u0301\u0300", "\u1e9e", "\u0390\u03b0", "ǰ", "ᾳ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		n := names.Normal(s)
		require.Equal(t, n, names.Normal(n))
		require.True(t, norm.NFC.IsNormalString(n))
		folded := names.Fold(s)
		require.Equal(t, folded, names.Fold(folded))
		require.LessOrEqual(t, len(names.SortKey(s)), 400)
		tokens := names.Tokens(s)
		for _, tok := range tokens {
			require.True(t, utf8.ValidString(tok))
			require.NotEmpty(t, tok)
			require.LessOrEqual(t, len(tok), 64)
			require.False(t, strings.ContainsAny(tok, "'\"&|!:*()<>\\ \t\n"))
		}
		if len(tokens) < 500 {
			require.True(t, found(tokens, names.NewQuery(s)), "%q in %q", s, tokens)
		}
	})
}
