package personal

import (
	"fmt"
	"log/slog"
)

// State is what a [Text] holds.
type State uint8

// The states.
const (
	Absent State = iota // no value; the zero Text
	Clear               // a value in clear
	Sealed              // a value that is opened when it is revealed
	Masked              // a value exists or not: the reader may not know
)

// Text is a personal string that never prints itself. Its zero value is absent.
//
// Text is a small value around a pointer to a cell, so copies share what was opened and a struct that holds one
// shows nothing under %#v. fmt, slog and encoding/json see the class only; [Text.Reveal] gives the value.
// A Text is safe for concurrent use.
type Text struct{ c *cell }

// Opener opens a sealed value. It must be safe for concurrent use and must not do input or output.
type Opener interface {
	// Open must return the value, or an error that does not show it.
	Open(sealed []byte) (string, error)
}

// NewText returns a clear Text of a class. An empty value gives an absent Text.
func NewText(class Class, value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{clearCell(class, value)}
}

// NewMasked returns a Text whose value the reader may not see. It does not tell whether there is a value.
func NewMasked(class Class) Text { return Text{maskedCell(class)} }

// NewSealed returns a Text that is opened by o when it is first revealed, and remembers the value.
func NewSealed(class Class, sealed []byte, o Opener) Text {
	return Text{sealedCell(class, sealed, o)}
}

// State tells what the Text holds.
func (t Text) State() State {
	if t.c == nil {
		return Absent
	}
	return t.c.state
}

// Class tells the class, or "" when absent.
func (t Text) Class() Class {
	if t.c == nil {
		return ""
	}
	return t.c.class
}

// IsZero reports whether the Text is absent, so that the omitzero option of encoding/json leaves it out.
func (t Text) IsZero() bool { return t.c == nil }

// Reveal returns the value on purpose. It is "" for an absent, a masked, and an unopenable Text; [Text.Value]
// tells these apart.
func (t Text) Reveal() string {
	v, err := t.Value()
	if err != nil {
		return ""
	}
	return v
}

// Value returns the value on purpose. It returns "" and nil when absent, [ErrMasked] when the reader may not see
// it, and the opener's error when a sealed value cannot be opened.
func (t Text) Value() (string, error) {
	if t.c == nil {
		return "", nil
	}
	return t.c.open()
}

// Equal reports whether both hold the same value. It opens sealed values. A masked Text equals nothing.
func (t Text) Equal(o Text) bool {
	if t.c == o.c {
		return t.State() != Masked
	}
	a, errA := t.Value()
	b, errB := o.Value()
	return errA == nil && errB == nil && a == b
}

// String returns the class in brackets, "" when absent.
func (t Text) String() string {
	if t.c == nil {
		return ""
	}
	return "[" + string(t.c.class) + "]"
}

// GoString is String.
func (t Text) GoString() string { return t.String() }

// Format writes String for every verb.
func (t Text) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.String()) }

// LogValue is String, for slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText writes String, so every encoder shows the class only.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
