package schema

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// DefaultMaxLen is the greatest length in characters of a text field whose tag names none.
const DefaultMaxLen = 4000

// Of compiles the description of entity name from the struct tags of T:
//
//	Given    personal.Text `json:"given" crm:"class=name,max=120,sort"`
//	Customer ident.ID      `json:"customer" crm:"class=none,ref=customer,subject"`
//	Points   []Point       `json:"points" crm:"class=none"` // a group when Point's fields have tags: points.value, …
//	Custom   Values        `json:"custom" crm:"custom"`     // where custom fields live
//	Source   Source        `json:"-" crm:"-,class=none"`    // not a field
//
// A field has the name that its json tag gives; a name in front of the options takes its place, which a field without
// one in JSON needs. The options are class=, max= (characters), enum=a|b, label=, ref= (the kind it refers to), sort,
// search, readonly, required and subject: see [Field]. Embedded structs are walked without a prefix, tagged structs
// with one. Every other exported field needs a tag with a class, so that none can be forgotten.
//
// Of panics when a tag is missing or malformed: that is a programmer's error, found by the first test that runs.
func Of[T any](name string) *Entity {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct || !fieldName.MatchString(name) {
		panic("schema: Of wants a struct and a name like \"customer\", has " + t.String() + " and " + strconv.Quote(name))
	}
	e := &Entity{Name: name, typ: t}
	e.nodes = e.parse(t, "", nil, false)
	e.copies = copiers(t)
	e.index()
	return e
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// parse compiles the fields of one struct. Names get the prefix, paths begin at base.
func (e *Entity) parse(t reflect.Type, prefix string, base []int, meta bool) []*node {
	var out []*node
	for f := range fieldsOf(t) {
		tag, tagged := f.Tag.Lookup("crm")
		path := append(append([]int(nil), base...), f.Index...)
		switch {
		case f.Anonymous && !tagged:
			out = append(out, e.parse(f.Type, prefix, path, meta || f.Type == metaType)...)
			continue
		case !f.IsExported():
			continue
		}
		n := e.field(t, f, tag, prefix)
		if n == nil {
			continue
		}
		n.index, n.meta = path, meta
		switch {
		case f.Type == valuesType:
			e.customHere(n, prefix, path)
			continue
		case isTagged(f.Type) && goTypes[f.Type] == nil:
			out = append(out, e.parse(f.Type, n.Name+".", path, meta)...)
			continue
		case f.Type.Kind() == reflect.Slice && isTagged(f.Type.Elem()):
			n.kind, n.kids = kindGroup, many(e.parse(f.Type.Elem(), n.Name+".", nil, false))
		default:
			n.bind(f.Type)
		}
		if n.Class == "" && n.kind != kindGroup {
			e.bad(t, f, "names no class: add class=none or the class of personal data")
		}
		if n.Class == "" {
			n.Class = personal.None
		}
		out = append(out, n)
	}
	return out
}

func (e *Entity) customHere(n *node, prefix string, path []int) {
	if prefix != "" || n.Name != "custom" || e.customAt != nil {
		panic("schema: " + e.Name + ": custom values must be one field tagged crm:\"custom\"")
	}
	e.customAt = path
}

func many(list []*node) []*node {
	for _, n := range list {
		n.Many, n.Sortable = true, false
	}
	return list
}

// field reads one tag; nil means it is not a field.
func (e *Entity) field(t reflect.Type, f reflect.StructField, tag, prefix string) *node {
	name, options := named(f, tag)
	n := &node{Field: Field{Name: prefix + name, Origin: Core}}
	for _, w := range options {
		e.option(t, f, n, w)
	}
	if name == "-" {
		if n.Class != personal.None {
			e.bad(t, f, "is no field, so it must say class=none")
		}
		return nil
	}
	if !fieldName.MatchString(name) {
		e.bad(t, f, "needs tags like json:\"given\" crm:\"class=name\"")
	}
	if n.Subject && n.Ref == "" {
		e.bad(t, f, "is a subject, so it must say ref=")
	}
	if n.Label == "" {
		n.Label = label(n.Name)
	}
	return n
}

// named returns the field's name and its options: a tag that begins with an option of the form key=value leaves the name
// to JSON.
func named(f reflect.StructField, tag string) (name string, options []string) {
	words := strings.Split(tag, ",")
	if !strings.Contains(words[0], "=") {
		return words[0], words[1:]
	}
	name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	return name, words
}

func (e *Entity) option(t reflect.Type, f reflect.StructField, n *node, word string) {
	key, val, _ := strings.Cut(word, "=")
	switch key {
	case "class":
		if n.Class = personal.Class(val); !n.Class.Valid() {
			e.bad(t, f, "has an unknown class "+strconv.Quote(val))
		}
	case "max":
		m, err := strconv.Atoi(val)
		if err != nil || m < 1 {
			e.bad(t, f, "has a malformed max")
		}
		n.MaxLen = m
	case "enum":
		n.Enum = strings.Split(val, "|")
	case "label":
		n.Label = val
	case "ref":
		if n.Ref = val; !fieldName.MatchString(val) || f.Type != idType {
			e.bad(t, f, "wants ref= with the name of a kind, on an ident.ID")
		}
	case "subject":
		n.Subject = true
	case "search":
		n.Search = true
	case "sort":
		n.Sortable = true
	case "readonly":
		n.ReadOnly = true
	case "required":
		n.Required = true
	default:
		e.bad(t, f, "has an unknown option "+strconv.Quote(word))
	}
}

func (e *Entity) bad(t reflect.Type, f reflect.StructField, what string) {
	panic("schema: " + e.Name + ": field " + f.Name + " of " + t.String() + " " + what)
}

// fieldsOf yields the direct fields of a struct.
func fieldsOf(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// isTagged reports whether t is a struct with fields of its own in the schema.
func isTagged(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for f := range fieldsOf(t) {
		if _, ok := f.Tag.Lookup("crm"); ok || f.Anonymous && isTagged(f.Type) {
			return true
		}
	}
	return false
}

// bind fixes how a field of Go type t is read.
func (n *node) bind(t reflect.Type) {
	if t == textType {
		n.kind, n.mask = kindText, masked{personal.NewMasked(n.Class)}
	}
	n.equal = equaler(t)
	if n.Type, n.get = accessor(t); n.get == nil {
		n.kind = kindOpaque
	}
	if n.Type == rule.TypeText && n.MaxLen == 0 {
		n.MaxLen = DefaultMaxLen
	}
}

// FieldName returns the name under which the schema knows a field of a record's struct; ok is false for one that is no
// field of it.
func FieldName(f reflect.StructField) (name string, ok bool) {
	tag, tagged := f.Tag.Lookup("crm")
	if !tagged || !f.IsExported() {
		return "", false
	}
	name, _ = named(f, tag)
	return name, name != "-"
}
