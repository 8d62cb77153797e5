package personal

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// field is one member of the JSON object of a struct.
type field struct {
	name      string
	key       []byte // "name": with quotes and colon
	index     []int
	tagged    bool
	omitEmpty bool
	omitZero  bool
	asString  bool
}

// collect lists the fields of t and of the structs it embeds, in source order.
func collect(t reflect.Type, at []int, within map[reflect.Type]bool) []*field {
	if within[t] {
		return nil
	}
	within[t] = true
	defer delete(within, t)
	var out []*field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		inner := sf.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		embeds := sf.Anonymous && inner.Kind() == reflect.Struct
		if tag == "-" || !sf.IsExported() && !embeds {
			continue
		}
		index := append(slices.Clone(at), i)
		name, opts, _ := strings.Cut(tag, ",")
		if embeds && name == "" {
			out = append(out, collect(inner, index, within)...)
			continue
		}
		if sf.IsExported() {
			out = append(out, newField(sf, name, opts, index))
		}
	}
	return out
}

func newField(sf reflect.StructField, name, opts string, index []int) *field {
	f := &field{name: name, index: index, tagged: name != ""}
	if !f.tagged {
		f.name = sf.Name
	}
	for opt := range strings.SplitSeq(opts, ",") {
		switch opt {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero = true
		case "string":
			f.asString = scalar(sf.Type)
		}
	}
	var e encoder
	if e.quoted(f.name) == nil {
		f.key = append(e.buf.Bytes(), ':')
	}
	return f
}

func scalar(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	k := t.Kind()
	return k == reflect.Bool || k == reflect.String || k >= reflect.Int && k <= reflect.Float64
}

// dominant applies the rule of encoding/json to equal names: the shallowest wins, among those the tagged one; where
// that leaves several, none is written.
func dominant(all []*field) []*field {
	best := map[string][]*field{}
	for _, f := range all {
		best[f.name] = append(best[f.name], f)
	}
	var out []*field
	for _, f := range all {
		if rivals := best[f.name]; wins(f, rivals) {
			out = append(out, f)
		}
	}
	return out
}

func wins(f *field, rivals []*field) bool {
	for _, r := range rivals {
		if r != f && rank(f, r) >= 0 {
			return false
		}
	}
	return true
}

// rank is negative when a comes before b.
func rank(a, b *field) int {
	if d := cmp.Compare(len(a.index), len(b.index)); d != 0 || a.tagged == b.tagged {
		return d
	}
	if a.tagged {
		return -1
	}
	return 1
}

// in finds the field in a struct; ok is false when it lies in an embedded struct behind a nil pointer.
func (f *field) in(v reflect.Value) (x reflect.Value, ok bool) {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return x, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// omits reports whether the field's options leave the value out.
func (f *field) omits(v reflect.Value) bool { return f.omitEmpty && empty(v) || f.omitZero && zero(v) }

func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return v.Type() == textType && v.IsZero()
	default:
		return v.IsZero()
	}
}

func zero(v reflect.Value) bool {
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		return true
	}
	if v.Type().Implements(zeroType) {
		return v.Interface().(zeroer).IsZero() //nolint:forcetypeassert // just checked
	}
	if v.CanAddr() {
		if z, ok := v.Addr().Interface().(zeroer); ok {
			return z.IsZero()
		}
	}
	return v.IsZero()
}

type zeroer interface{ IsZero() bool }
