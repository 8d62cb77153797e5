package names

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of tokens: what is longer is cut, in documents and queries alike.
const (
	maxToken       = 64  // greatest length of a token in bytes
	MaxQueryTokens = 32  // tokens of a query; further words are ignored
	maxDocTokens   = 600 // tokens of one document
)

// Tokens returns the sorted, distinct tokens of a document: folded words of letters and digits; text in scripts
// without spaces as single characters and pairs.
func Tokens(texts ...string) []string {
	var out []string
	for _, text := range texts {
		for w := range strings.FieldsFuncSeq(Fold(text), func(r rune) bool { return !wordRune(r) }) {
			out = appendWord(out, w)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), maxDocTokens)]
}

// Query is a search text taken apart: every token must be there, and the last word, which a person may still be
// typing, only begins one.
type Query struct {
	Words  []string // whole tokens, in the order of the text
	Prefix string   // a token begins with it; "" when the text ends in a script without spaces or in a space
}

// IsZero reports whether the text held nothing to search for.
func (q Query) IsZero() bool { return len(q.Words) == 0 && q.Prefix == "" }

// NewQuery takes a search text apart. Signs that a database's query language knows are separators like any other.
func NewQuery(text string) Query {
	var q Query
	folded := Fold(text)
	var words []string
	for w := range strings.FieldsFuncSeq(folded, func(r rune) bool { return !wordRune(r) }) {
		words = append(words, w)
	}
	for i, w := range words {
		runs := split(w)
		for j, run := range runs {
			last := i == len(words)-1 && j == len(runs)-1
			switch {
			case run.ideographs:
				q.Words = appendPairs(q.Words, run.text)
			case last && strings.HasSuffix(folded, run.text):
				q.Prefix = cut(run.text)
			default:
				q.Words = append(q.Words, cut(run.text))
			}
		}
	}
	q.Words = q.Words[:min(len(q.Words), MaxQueryTokens)]
	return q
}

// run is a stretch of a word in one kind of script.
type run struct {
	text       string
	ideographs bool
}

func split(word string) []run {
	var out []run
	start, kind := 0, false
	for i, r := range word {
		k := ideograph(r) || i > 0 && kind && mark(r)
		if i > 0 && k != kind {
			out = append(out, run{word[start:i], kind})
			start = i
		}
		kind = k
	}
	return append(out, run{word[start:], kind})
}

// mark reports whether r belongs to the character before it.
func mark(r rune) bool { return r == 0x3099 || r == 0x309a }

func appendWord(out []string, word string) []string {
	for _, r := range split(word) {
		if r.ideographs {
			out = appendSingles(out, r.text)
			out = appendPairs(out, r.text)
		} else {
			out = append(out, cut(r.text))
		}
	}
	return out
}

func appendSingles(out []string, s string) []string {
	for _, r := range s {
		out = append(out, string(r))
	}
	return out
}

// appendPairs adds every pair of neighbours, or the only character.
func appendPairs(out []string, s string) []string {
	before := -1
	n := len(out)
	for i, r := range s {
		if before >= 0 {
			out = append(out, s[before:i+utf8.RuneLen(r)])
		}
		before = i
	}
	if len(out) == n {
		out = append(out, s)
	}
	return out
}

func cut(s string) string {
	if len(s) <= maxToken {
		return s
	}
	n := maxToken
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
