package names

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Normal returns the form in which text is stored: NFC, no white space around, single spaces within.
func Normal(s string) string {
	s = norm.NFC.String(s)
	if tidy(s) {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// tidy reports whether Fields and Join would give s back, for ASCII text.
func tidy(s string) bool {
	before := byte(' ')
	for i := range len(s) {
		b := s[i]
		if b >= utf8.RuneSelf || b < ' ' || b == ' ' && before == ' ' {
			return false
		}
		before = b
	}
	return s == "" || before != ' '
}

// Fold returns the form in which text is compared: NFKC, case folded, without diacritics and without signs that do not
// show, such as soft hyphens. Folding twice changes nothing more. Marks that tell words apart in their script (Japanese
// voicing, Indic vowels) stay.
func Fold(s string) string {
	if ascii(s) {
		return strings.ToLower(s)
	}
	// A compatibility form may have case, and a folded form may decompose, so one round is not always enough.
	for range 4 {
		next := foldOnce(s)
		if next == s {
			break
		}
		s = next
	}
	return s
}

func foldOnce(s string) string {
	s = cases.Fold().String(norm.NFKD.String(s))
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		switch plain, ok := letters[r]; {
		case ok:
			b.WriteString(plain)
		case !diacritic(r):
			b.WriteRune(r)
		}
	}
	return norm.NFKC.String(b.String())
}

// letters are Latin letters with strokes and ligatures, which no normal form takes apart. Case is folded already.
var letters = map[rune]string{
	'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'ħ': "h", 'ı': "i", 'ŧ': "t", 'æ': "ae", 'œ': "oe", 'þ': "th", 'ß': "ss",
}

// zeroSpace parts words in scripts that do not show where they end.
const zeroSpace = '\u200b'

// diacritic reports whether r is a mark that people leave out when they type: accents, the vowel points of Hebrew and
// Arabic, and whatever does not show.
func diacritic(r rune) bool {
	switch {
	case unicode.Is(unicode.Cf, r):
		return r != zeroSpace
	case r < 0x300 || r == 0x3099 || r == 0x309a:
		return false
	case !unicode.Is(unicode.Mn, r):
		return false
	}
	return unicode.In(r, unicode.Inherited, unicode.Hebrew, unicode.Arabic)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
