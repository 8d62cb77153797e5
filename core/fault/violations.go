package fault

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// MaxViolations is how many breaches one fault tells at most.
const MaxViolations = 100

// Bounds of what a fault says, in bytes. Longer texts are cut: they hold what somebody has pasted.
const (
	maxField   = 200
	maxMessage = 2000
)

// Violations collects the breaches of a value, so that a caller mends them all at once; those beyond
// [MaxViolations] are dropped. The zero value is ready for use.
type Violations struct{ list []Violation }

// Add records a breach of one field.
func (v *Violations) Add(field, format string, args ...any) {
	if len(v.list) < MaxViolations {
		v.list = append(v.list, Violation{Field: clip(field, maxField), Message: clip(fmt.Sprintf(format, args...), maxMessage)})
	}
}

// clip cuts a text to a length in bytes, and replaces what nobody can read.
func clip(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit-len("…")] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// AddAll records what err holds under a path prefix, such as "points[0]". A nil err adds nothing.
func (v *Violations) AddAll(prefix string, err error) {
	if err == nil {
		return
	}
	f, ok := err.(*Error) //nolint:errorlint // only a bare Invalid error has violations to lift
	if !ok || f.Code != Invalid {
		v.Add(prefix, "%v", err)
		return
	}
	if len(f.Violations) == 0 {
		v.Add(join(prefix, f.Field), "%s", f.Message)
	}
	for _, x := range f.Violations {
		v.Add(join(prefix, x.Field), "%s", x.Message)
	}
}

// Under puts a path prefix before the fields of an error, as [Violations.AddAll] does. It returns one Invalid fault, or nil
// for a nil error.
func Under(prefix string, err error) error {
	var v Violations
	v.AddAll(prefix, err)
	return v.Err()
}

func join(prefix, field string) string {
	switch {
	case prefix == "":
		return field
	case field == "":
		return prefix
	case field[0] == '[':
		return prefix + field
	}
	return prefix + "." + field
}

// Err returns nil without breaches, else one Invalid [*Error] that holds them all.
func (v *Violations) Err() error {
	if len(v.list) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Field: v.list[0].Field, Message: v.list[0].Message, Violations: v.list}
}

// maxQuote is how many characters of a text a message repeats.
const maxQuote = 80

// Quote returns s between quotes, for a message that names what it found: at most 80 characters of it, and nothing that
// cannot be seen. Text that may be personal has no place in a message, quoted or not.
func Quote(s string) string {
	n := 0
	for i := range s {
		if n == maxQuote {
			return strconv.Quote(s[:i] + "…")
		}
		n++
	}
	return strconv.Quote(s)
}
