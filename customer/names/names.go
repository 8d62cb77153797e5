package names

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSortKey bounds a sort key in bytes: database index entries have a limit, and nobody reads further.
const maxSortKey = 400

// Display joins the parts of a person's name for reading. When both are written in Chinese, Japanese or Korean
// letters, the family name comes first without a space. Either part may be empty.
func Display(given, family string) string {
	switch {
	case given == "":
		return family
	case family == "":
		return given
	case cjk(given) && cjk(family):
		return family + given
	}
	return given + " " + family
}

// SortKey returns the folded key by which lists order names, compared by bytes. Letters and digits count, whatever
// stands between them is one space: "O'Brien-李" sorts as "o brien 李".
func SortKey(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	gap := false
	for _, r := range Fold(name) {
		switch {
		case wordRune(r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			if b.Len()+utf8.RuneLen(r) > maxSortKey {
				return b.String()
			}
			b.WriteRune(r)
		default:
			gap = true
		}
	}
	return b.String()
}

// cjk reports whether every letter of s is Han, Kana, Bopomofo or Hangul, and there is at least one.
func cjk(s string) bool {
	found := false
	for _, r := range s {
		if ideograph(r) || unicode.In(r, unicode.Hangul) {
			found = true
		} else if unicode.IsLetter(r) {
			return false
		}
	}
	return found
}

// ideograph reports whether r belongs to a script written without spaces between words.
func ideograph(r rune) bool {
	return r >= 0x2e80 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo) || r == 'ー')
}

// wordRune reports whether r is part of a word: a letter, a digit, or a mark of a script that needs it.
func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}
