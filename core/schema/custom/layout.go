package custom

import (
	"cmp"
	"slices"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Entity is the registry name of a tenant's schema. The right to configure it is the right to define fields.
const Entity = "schema"

// Changed is the event of a defined, changed or retired field or object. Its facts are "entity" and, of a field, "key".
const Changed event.Kind = "schema.changed"

// Layout is the schema of one tenant as a record: all its definitions under one version. Each tenant has one.
type Layout struct {
	schema.Meta
	// Fields are sorted by entity and key, retired ones included.
	Fields []schema.Definition `json:"fields" crm:"class=none"`
	// Objects are the tenant's own kinds, sorted by key, retired ones included.
	Objects []Object `json:"objects,omitempty" crm:"class=none"`
}

var kind = &work.Kind{
	Entity: schema.Of[Layout](Entity), Module: work.Foundation, Permanent: true,
	Rights: work.Rights{Manager: "annnnnnn", Sales: "annnnnnn", Service: "annnnnnn", Marketing: "annnnnnn", Viewer: "annnnnnn"},
}

// Kinds returns the kind of schemas, of which each tenant has one record.
func Kinds() []*work.Kind { return []*work.Kind{kind} }

// LayoutID is the id of every tenant's schema within the tenant.
var LayoutID = ident.MustParse("00000000-0000-8000-8000-736368656d61")

func fieldOrder(a, b schema.Definition) int {
	return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Key, b.Key))
}

func (l *Layout) find(entity, key string) (int, bool) {
	return slices.BinarySearchFunc(l.Fields, schema.Definition{Entity: entity, Key: key}, fieldOrder)
}

// put sets one definition, checking it against what the tenant has.
func (l *Layout) put(d schema.Definition) error {
	if _, own := schema.FamilyOf(d.Entity); own && !l.has(d.Entity) {
		return fault.Field("entity", "the tenant has no object %s in use: define it with DefineObject", fault.Quote(d.Entity))
	}
	i, found := l.find(d.Entity, d.Key)
	if found {
		if t := l.Fields[i].Type; t != d.Type {
			return fault.Field("type", "the key was used with type %s, and its values are still stored: choose another key", t)
		}
		if c := l.Fields[i].Class; c.Personal() && c != d.Class {
			return fault.Field("class", "must stay %s, as which its values were given: choose another key", c)
		}
		l.Fields[i] = d
		return nil
	}
	n := 0
	for _, f := range l.Fields {
		if f.Entity == d.Entity {
			n++
		}
	}
	if n >= schema.MaxCustomFields {
		return fault.New(fault.LimitExceeded, "the kind %s has at most %d custom fields, retired ones included", d.Entity, schema.MaxCustomFields)
	}
	l.Fields = slices.Insert(l.Fields, i, d)
	return nil
}

func (l *Layout) retire(entity, key string) error {
	i, found := l.find(entity, key)
	if !found || l.Fields[i].Retired {
		return fault.New(fault.NotFound, "no such custom field")
	}
	l.Fields[i].Retired = true
	return nil
}

// changed returns the elements of after that differ from those of before.
func changed[T any](before, after []T, order func(a, b T) int, same func(a, b T) bool) []T {
	var out []T
	for _, x := range after {
		i, found := slices.BinarySearchFunc(before, x, order)
		if !found || !same(before[i], x) {
			out = append(out, x)
		}
	}
	return out
}

func sameField(a, b schema.Definition) bool {
	return a.Type == b.Type && a.Label == b.Label && a.Class == b.Class && slices.Equal(a.Enum, b.Enum) &&
		a.MaxLen == b.MaxLen && a.Sortable == b.Sortable && a.Required == b.Required && a.Retired == b.Retired
}
