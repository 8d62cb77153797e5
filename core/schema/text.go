package schema

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
)

// CheckText returns an Invalid fault naming the field when s is not valid UTF-8, holds a control character other
// than tab, line feed and carriage return, or has more than limit characters. A limit of 0 means [DefaultMaxLen].
// The value is never part of the fault.
func CheckText(field, s string, limit int) error {
	if m := textFault(s, limit); m != "" {
		return fault.Field(field, "%s", m)
	}
	return nil
}

var word = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// CheckWord returns an Invalid fault naming the field when s is not 1 to 64 lower-case letters, digits, '-', '_' and '.',
// a letter or digit first. Keys and reasons are such words: reports count them and events carry them, so they are no place
// for free text.
func CheckWord(field, s string) error {
	if !word.MatchString(s) {
		return fault.Field(field, "want 1 to 64 lower-case letters, digits, '-', '_' or '.'")
	}
	return nil
}

// CheckLabel is CheckText for a name that people read on one line: it must also show something, and must not turn the
// text around it. Empty is good.
func CheckLabel(field, s string, limit int) error {
	if m := labelFault(s, limit); m != "" {
		return fault.Field(field, "%s", m)
	}
	return nil
}

func labelFault(s string, limit int) string {
	switch m := textFault(s, limit); {
	case m != "":
		return m
	case s != "" && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }):
		return "must not be blank: leave it out, or write what people should read"
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r) }):
		return "must be one line without characters that change the direction of text: remove them"
	}
	return ""
}

// CheckValue returns an Invalid fault naming the field when a value is not one that can be stored: text as for
// [CheckText], floats that are not finite, times outside the years 1 to 9999, amounts of no currency, long lists. A
// limit of 0 means [DefaultMaxLen]. Blank is good.
func CheckValue(field string, v rule.Value, limit int) error {
	if m := valueFault(v, limit); m != "" {
		return fault.Field(field, "%s", m)
	}
	return nil
}

// textFault returns what is wrong with s, "" when nothing is.
func textFault(s string, limit int) string {
	if limit <= 0 {
		limit = DefaultMaxLen
	}
	n, ascii := 0, true
	for i := range len(s) {
		if b := s[i]; b >= utf8.RuneSelf {
			ascii = false
		} else if b < 0x20 && b != '\n' && b != '\t' && b != '\r' || b == 0x7f {
			return "must not contain control characters: remove them (a NUL byte is one)"
		}
	}
	if n = len(s); !ascii {
		if !utf8.ValidString(s) {
			return "must be valid UTF-8"
		}
		n = utf8.RuneCountInString(s)
	}
	if n > limit {
		return tooLong(n, limit)
	}
	return ""
}
