package personal

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
)

// how is the way a type is written.
type how uint8

const (
	byKind    how = iota // as its kind, with nothing inside
	byText               // a Text
	byReveal             // through RevealJSON
	byMarshal            // through its own MarshalJSON or MarshalText
	byElem               // what the pointer or interface holds
	byObject             // a struct, field by field
	byMap                // a map, entry by entry
	byList               // a slice or array, element by element
)

// plan is what the encoder knows of a type.
type plan struct {
	how       how
	addressed how // through the address of the value, byKind when that makes no difference
	once      sync.Once
	members   []*field
}

// plans remembers the plans of types. It describes types only and holds no value of any record.
var plans sync.Map // reflect.Type → *plan

var (
	textType     = reflect.TypeFor[Text]()
	revealerType = reflect.TypeFor[Revealer]()
	jsonType     = reflect.TypeFor[json.Marshaler]()
	plainType    = reflect.TypeFor[encoding.TextMarshaler]()
	numberType   = reflect.TypeFor[json.Number]()
	zeroType     = reflect.TypeFor[zeroer]()
)

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan) //nolint:forcetypeassert // the only type ever stored
	}
	made := &plan{how: methods(t)}
	if made.how == byKind {
		if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
			made.addressed = methods(reflect.PointerTo(t))
		}
		made.how = kind(t)
	}
	p, _ := plans.LoadOrStore(t, made)
	return p.(*plan) //nolint:forcetypeassert // the only type ever stored
}

// methods chooses by the methods of t, byKind when it has none that matter.
func methods(t reflect.Type) how {
	switch {
	case t == textType:
		return byText
	case t.Kind() == reflect.Interface, t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Pointer:
		return byKind // looked at through what it holds
	case t.Implements(revealerType):
		return byReveal
	case t.Kind() == reflect.Pointer && methods(t.Elem()) != byKind:
		return byKind // the element's own methods, found when it is reached
	case t.Implements(jsonType), t.Implements(plainType):
		return byMarshal
	}
	return byKind
}

func kind(t reflect.Type) how {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface:
		return byElem
	case reflect.Struct:
		return byObject
	case reflect.Map:
		return byMap
	case reflect.Array:
		return byList
	case reflect.Slice:
		if e := t.Elem(); e.Kind() == reflect.Uint8 && methods(e) == byKind && methods(reflect.PointerTo(e)) == byKind {
			return byKind // bytes, which encoding/json writes in base64
		}
		return byList
	default:
		return byKind
	}
}

// fields lists the members of a struct type's object. They are collected when first needed.
func (p *plan) fields(t reflect.Type) []*field {
	p.once.Do(func() { p.members = dominant(collect(t, nil, map[reflect.Type]bool{})) })
	return p.members
}
