package schema

import (
	"reflect"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Entity is the compiled description of one kind of record. It is immutable and safe for concurrent use; every
// accessor is compiled by [Of] and [Entity.With].
//
// Methods that take a record want a non-nil pointer to the struct type the entity was made of, and panic for
// anything else: that is a programmer's error, never a matter of input.
type Entity struct {
	Name string // name in the registry: "customer", "opportunity"

	typ      reflect.Type
	nodes    []*node          // top-level fields in order of declaration, inline structs flattened
	byName   map[string]*node // every field, groups' elements and custom fields included
	slots    []*node          // fields rules may read, in order of Env.Fields
	slotOf   map[string]int
	sorts    []string
	customAt []int // path of the Values field, nil without one
	custom   []*node
	refs     []*node // fields that name other records, those of groups included
	guard    Hiding  // hides the sensitive fields
	env      *rule.Env
	copies   []copier
}

// Named returns the same description under another name: that of a kind which a tenant defines within a family.
func (e *Entity) Named(name string) *Entity {
	out := *e
	out.Name = name
	out.env = out.newEnv()
	return &out
}

// FamilyOf returns the family of a kind that a tenant has defined: "object" of "object.boat". Other kinds have none.
func FamilyOf(name string) (family string, ok bool) {
	family, _, ok = strings.Cut(name, ".")
	return family, ok
}

// node is one compiled field.
type node struct {
	Field
	kind  kind
	index []int // path from the struct that holds it
	get   func(v reflect.Value) rule.Value
	equal func(x, y reflect.Value) bool
	meta  bool // kept by the write path, part of Meta
	kids  []*node
	key   string // for a custom field: its key
	mask  masked
}

// kind tells how a field is read, compared and hidden.
type kind uint8

const (
	kindScalar kind = iota // get gives its value
	kindText               // a personal.Text
	kindOpaque             // compared as a whole, unknown to rules
	kindGroup              // a slice of structs with fields of their own
	kindCustom             // one key of the Values
)

// Fields lists every field: in order of declaration, each group before its elements' fields, custom fields last
// in order of their keys. The caller may keep the slice.
func (e *Entity) Fields() []Field {
	out := make([]Field, 0, len(e.byName))
	var walk func(list []*node)
	walk = func(list []*node) {
		for _, n := range list {
			out = append(out, n.Field)
			walk(n.kids)
		}
	}
	walk(e.nodes)
	walk(e.custom)
	return out
}

// Field returns the field of a name; ok is false when there is none.
func (e *Entity) Field(name string) (f Field, ok bool) {
	n, ok := e.byName[name]
	if !ok {
		return Field{}, false
	}
	return n.Field, true
}

// SortFields lists the names a list may be sorted by, sorted.
func (e *Entity) SortFields() []string { return slices.Clone(e.sorts) }

// Sensitive reports whether any field has a class whose reading is recorded, so that a reader without a mask and
// without sensitive fields has nothing to hide.
func (e *Entity) Sensitive() bool { return !e.guard.IsZero() }

// Guard hides every field whose reading is recorded. It was compiled with the entity.
func (e *Entity) Guard() Hiding { return e.guard }

// HasCustom reports whether records of the entity can carry custom fields.
func (e *Entity) HasCustom() bool { return e.customAt != nil }

// at returns the field's value within the struct that holds it.
func (n *node) at(v reflect.Value) reflect.Value {
	for _, i := range n.index {
		v = v.Field(i)
	}
	return v
}

// value reads a field of rules from the record.
func (e *Entity) value(n *node, rec reflect.Value) rule.Value {
	if n.kind == kindCustom {
		return e.values(rec).Get(n.key)
	}
	return n.get(n.at(rec))
}

// open checks the type of a record and returns its struct.
func (e *Entity) open(rec any) reflect.Value {
	v := reflect.ValueOf(rec)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem() != e.typ {
		panic("schema: " + e.Name + ": want a pointer to " + e.typ.String() + ", have " + typeName(rec))
	}
	return v.Elem()
}

func typeName(x any) string {
	if x == nil {
		return "nil"
	}
	return reflect.TypeOf(x).String()
}

// values returns the record's custom values; the entity must have them.
func (e *Entity) values(rec reflect.Value) *Values {
	for _, i := range e.customAt {
		rec = rec.Field(i)
	}
	return rec.Addr().Interface().(*Values) //nolint:forcetypeassert // checked by Of
}

// index fills what is derived from nodes and custom.
func (e *Entity) index() {
	e.byName, e.slotOf = map[string]*node{}, map[string]int{}
	e.slots, e.sorts, e.refs = nil, nil, nil
	var walk func(list []*node)
	walk = func(list []*node) {
		for _, n := range list {
			if e.byName[n.Name] != nil {
				panic("schema: " + e.Name + ": two fields are named " + n.Name)
			}
			e.byName[n.Name] = n
			if n.InRules() {
				e.slotOf[n.Name] = len(e.slots)
				e.slots = append(e.slots, n)
			}
			if n.Sortable {
				e.sorts = append(e.sorts, n.Name)
			}
			if n.Ref != "" {
				e.refs = append(e.refs, n)
			}
			walk(n.kids)
		}
	}
	walk(e.nodes)
	walk(e.custom)
	slices.Sort(e.sorts)
	e.guard = e.Hiding(func(_ string, c personal.Class) bool { return c.Sensitive() })
	e.env = e.newEnv()
}
