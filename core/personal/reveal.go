package personal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
)

// maxDepth bounds nesting, so that a record that holds itself is an error and not an endless loop.
const maxDepth = 1000

var errDepth = errors.New("personal: the value is nested too deeply or holds itself")

// Revealer is implemented by types whose MarshalJSON hides personal data. [Revealed] writes what RevealJSON
// returns in its place.
type Revealer interface {
	// RevealJSON must return a value for encoding in which personal data may stand in clear or as [Text].
	RevealJSON() any
}

// Revealed makes a value that encodes as JSON with its personal texts in clear, on purpose. It is the one way to
// personal data in JSON: the same value without Revealed encodes classes.
//
// It walks v as encoding/json does, with its tags, embedding, omitempty, omitzero and string. A clear or sealed
// [Text] is its value, a masked one null; an absent one is "", or left out under omitempty and omitzero. A
// [Revealer] is what it returns. Other types with MarshalJSON or MarshalText encode themselves.
//
// Encoding fails when a sealed value cannot be opened; the error names the field. Logging a Revealed value logs the
// plain one, classes only.
func Revealed(v any) json.Marshaler { return revealed{v, false} }

// Comparable is [Revealed] for telling whether two values say the same: an empty list or map is written alike whether or not
// it is nil.
func Comparable(v any) json.Marshaler { return revealed{v, true} }

type revealed struct {
	v     any
	alike bool
}

func (r revealed) MarshalJSON() ([]byte, error) {
	e := encoder{alike: r.alike}
	if err := e.value(reflect.ValueOf(r.v), 0); err != nil {
		return nil, err
	}
	return e.buf.Bytes(), nil
}

// LogValue keeps logs of Revealed values as blind as those of plain ones.
func (r revealed) LogValue() slog.Value { return slog.AnyValue(r.v) }

type encoder struct {
	buf   bytes.Buffer
	alike bool // nil lists and maps are empty ones
}

// value writes v as the plan of its type says.
func (e *encoder) value(v reflect.Value, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	if !v.IsValid() {
		return e.raw("null")
	}
	p := planOf(v.Type())
	how := p.how
	if v.CanAddr() && p.addressed != byKind {
		how, v = p.addressed, v.Addr()
	}
	switch how {
	case byText:
		return e.text(v.Interface().(Text)) //nolint:forcetypeassert // the plan knows the type
	case byReveal:
		return e.reveal(v, depth)
	case byMarshal:
		return e.marshaled(v)
	case byElem:
		if v.IsNil() {
			return e.raw("null")
		}
		return e.value(v.Elem(), depth+1)
	case byObject:
		return e.object(p.fields(v.Type()), v, depth)
	case byMap:
		return e.mapping(v, depth)
	case byList:
		if v.Kind() == reflect.Slice && v.IsNil() && !e.alike {
			return e.raw("null")
		}
		return e.list(v, depth)
	case byKind:
	}
	return e.leaf(v)
}

func (e *encoder) text(t Text) error {
	v, err := t.Value()
	switch {
	case errors.Is(err, ErrMasked):
		return e.raw("null")
	case err != nil:
		return fmt.Errorf("personal: cannot open a sealed %s: %w", t.Class(), err)
	}
	return e.quoted(v)
}

func (e *encoder) reveal(v reflect.Value, depth int) error {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return e.raw("null")
	}
	return e.value(reflect.ValueOf(v.Interface().(Revealer).RevealJSON()), depth+1) //nolint:forcetypeassert // checked by the caller
}

func (e *encoder) list(v reflect.Value, depth int) error {
	e.buf.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			e.buf.WriteByte(',')
		}
		if err := e.value(v.Index(i), depth+1); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	e.buf.WriteByte(']')
	return nil
}

func (e *encoder) object(fields []*field, v reflect.Value, depth int) error {
	e.buf.WriteByte('{')
	first := true
	for _, f := range fields {
		x, ok := f.in(v)
		if !ok || f.omits(x) {
			continue
		}
		if !first {
			e.buf.WriteByte(',')
		}
		first = false
		e.buf.Write(f.key)
		if err := e.member(f, x, depth); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	e.buf.WriteByte('}')
	return nil
}

func (e *encoder) member(f *field, x reflect.Value, depth int) error {
	if !f.asString {
		return e.value(x, depth+1)
	}
	var inner encoder
	if err := inner.value(x, depth+1); err != nil {
		return err
	}
	if inner.buf.String() == "null" {
		return e.raw("null")
	}
	return e.quoted(inner.buf.String())
}
