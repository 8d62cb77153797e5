package schema

import (
	"reflect"
)

// Copy returns a copy of rec that shares nothing a caller could change: slices, maps and pointers to values are
// cloned at every depth the entity's fields reach.
func Copy[T any](e *Entity, rec *T) *T {
	e.open(rec)
	out := *rec
	if len(e.copies) > 0 {
		v := reflect.ValueOf(&out).Elem()
		for _, c := range e.copies {
			c(v)
		}
	}
	return &out
}

// copier replaces, in a struct that was copied, one reference by a copy of what it refers to.
type copier func(v reflect.Value)

// copiers compiles what Copy must do for the fields of a struct.
func copiers(t reflect.Type) []copier {
	var out []copier
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		if c := copierOf(f.Type); c != nil {
			out = append(out, func(v reflect.Value) { c(v.Field(i)) })
		}
	}
	return out
}

// copierOf is nil for types whose plain copy is enough.
func copierOf(t reflect.Type) copier {
	if t == valuesType || goTypes[t] != nil {
		return nil // immutable behind their face
	}
	switch t.Kind() {
	case reflect.Struct:
		return all(copiers(t))
	case reflect.Slice:
		return copySlice(t)
	case reflect.Map:
		return copyMap(t)
	case reflect.Pointer:
		return copyPointer(t)
	}
	return nil
}

func all(list []copier) copier {
	if len(list) == 0 {
		return nil
	}
	return func(v reflect.Value) {
		for _, c := range list {
			c(v)
		}
	}
}

func copySlice(t reflect.Type) copier {
	elem := copierOf(t.Elem())
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		out := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(out, v)
		for i := 0; elem != nil && i < out.Len(); i++ {
			elem(out.Index(i))
		}
		v.Set(out)
	}
}

func copyMap(t reflect.Type) copier {
	elem := copierOf(t.Elem())
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		out := reflect.MakeMapWithSize(t, v.Len())
		for it := v.MapRange(); it.Next(); {
			value := it.Value()
			if elem != nil {
				value = reflect.New(t.Elem()).Elem()
				value.Set(it.Value())
				elem(value)
			}
			out.SetMapIndex(it.Key(), value)
		}
		v.Set(out)
	}
}

func copyPointer(t reflect.Type) copier {
	elem := copierOf(t.Elem())
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		out := reflect.New(t.Elem())
		out.Elem().Set(v.Elem())
		if elem != nil {
			elem(out.Elem())
		}
		v.Set(out)
	}
}
