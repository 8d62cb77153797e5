package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Patch assigns the fields of U, a draft or an update, to records of type T. Fields meet by their Go name, so nothing is
// spelled twice. In every kind of record the same means the same:
//
//   - a zero field of a draft, and a nil pointer of an update, leave the record's field as it is;
//   - a pointer to the empty value blanks the field; where the field is required, [Entity.Validate] refuses it;
//   - Clear []string names further fields to blank;
//   - Custom []Set assigns custom fields.
//
// A Patch is compiled once, as a package variable, and safe for concurrent use.
type Patch[T, U any] struct {
	fields        []assign
	inputs        []input
	custom, clear int // the fields Custom and Clear of U, -1 without one
}

// assign takes one field of U to one of T.
type assign struct {
	*node
	from   int // field of U
	update bool
	set    func(dst, src reflect.Value)
}

// PatchOf compiles a patch. A field of U is passed over when it is named ID, which the write path takes, or has the tag
// crm:"-", which says that the domain itself acts on it.
//
// It panics for a field of U that T does not have, has with another type, or that an update must not change: that is a
// programmer's error, found when the program starts.
func PatchOf[T, U any](e *Entity) *Patch[T, U] {
	p := &Patch[T, U]{custom: -1, clear: -1}
	t, u := reflect.TypeFor[T](), reflect.TypeFor[U]()
	for i := range u.NumField() {
		f := u.Field(i)
		if in, ok := e.newInput(t, f, i); ok {
			p.inputs = append(p.inputs, in)
		}
		switch {
		case f.Name == "ID" || f.Tag.Get("crm") == "-":
		case f.Type == setsType && f.Name == "Custom":
			p.custom = i
		case f.Name == "Clear" && f.Type == reflect.TypeFor[[]string]():
			p.clear = i
		default:
			p.fields = append(p.fields, e.assign(t, f, i))
		}
	}
	return p
}

func (e *Entity) assign(t reflect.Type, f reflect.StructField, from int) assign {
	to, ok := t.FieldByName(f.Name)
	at := slices.IndexFunc(e.nodes, func(n *node) bool { return ok && slices.Equal(n.index, to.Index) })
	if at < 0 {
		panic(fmt.Sprintf("schema: %s: %s has no field %s", e.Name, t, f.Name))
	}
	a := assign{node: e.nodes[at], from: from, update: f.Type.Kind() == reflect.Pointer}
	a.set = a.setter(to.Type, f.Type)
	if a.update && a.ReadOnly || a.set == nil {
		panic(fmt.Sprintf("schema: %s: %s cannot be assigned from %s", e.Name, a.Name, f.Type))
	}
	return a
}

// setter assigns a value of U to a field of T; nil when the types do not fit. Equal text stays the Text it was, so that
// a sealed one keeps its sealed form.
func (a *assign) setter(to, from reflect.Type) func(dst, src reflect.Value) {
	plain := from
	if a.update {
		plain = from.Elem()
	}
	switch {
	case to == textType && plain.Kind() == reflect.String:
		return func(dst, src reflect.Value) {
			if next := personal.NewText(a.Class, src.String()); !at[personal.Text](dst).Equal(next) {
				*at[personal.Text](dst) = next
			}
		}
	case to == plain:
		return put
	case to == from: // an optional value stays a pointer, to a copy
		return func(dst, src reflect.Value) {
			x := reflect.New(src.Type())
			put(x.Elem(), src)
			dst.Set(x)
		}
	}
	return nil
}

// put assigns a value, a float as [rule.Float] takes it.
func put(dst, src reflect.Value) {
	if src.CanFloat() {
		dst.SetFloat(rule.Float(src.Float()).Float())
		return
	}
	dst.Set(src)
}

// value returns what is to be assigned; ok is false when the field is left as it is.
func (a *assign) value(u reflect.Value) (v reflect.Value, ok bool) {
	v = u.Field(a.from)
	if a.update {
		return v.Elem(), !v.IsNil()
	}
	return v, !v.IsZero()
}

// Assignment is a draft or an update with the patch that applies it.
type Assignment[T any] interface {
	// Fields must name the fields that are assigned, sorted.
	Fields() []string
	// Apply must assign them to rec, or return one Invalid fault with every breach.
	Apply(e *Entity, rec *T) error
}

// With returns the assignment of u, which must stay as it is until it was applied.
func (p *Patch[T, U]) With(u *U) Assignment[T] { return &bound[T, U]{p, u} }

type bound[T, U any] struct {
	patch *Patch[T, U]
	u     *U
}

func (b *bound[T, U]) Fields() []string { return b.patch.Fields(b.u) }

func (b *bound[T, U]) Apply(e *Entity, rec *T) error { return b.patch.Apply(e, rec, b.u) }

// Each returns the assignment of several drafts or updates, one after the other.
func (p *Patch[T, U]) Each(list []U) Assignment[T] {
	out := make(series[T], len(list))
	for i := range list {
		out[i] = p.With(&list[i])
	}
	return out
}

type series[T any] []Assignment[T]

func (s series[T]) Fields() (out []string) {
	for _, a := range s {
		out = append(out, a.Fields()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s series[T]) Apply(e *Entity, rec *T) error {
	for _, a := range s {
		if err := a.Apply(e, rec); err != nil {
			return err
		}
	}
	return nil
}

// Fields names what u is about, sorted.
func (p *Patch[T, U]) Fields(u *U) []string {
	v := reflect.ValueOf(u).Elem()
	var out []string
	for i := range p.fields {
		if _, ok := p.fields[i].value(v); ok {
			out = append(out, p.fields[i].Name)
		}
	}
	out = append(out, p.clears(v)...)
	if p.custom >= 0 {
		out = append(out, Names(p.sets(v))...)
	}
	slices.Sort(out)
	return out
}

// Apply changes rec as u says. e is the entity as the tenant sees it, which knows the custom fields.
//
// Errors: one Invalid fault with every breach.
func (p *Patch[T, U]) Apply(e *Entity, rec *T, u *U) error {
	var out fault.Violations
	r, v := e.open(rec), reflect.ValueOf(u).Elem()
	for i := range p.fields {
		a := &p.fields[i]
		if x, ok := a.value(v); ok {
			a.set(a.at(r), x)
		}
	}
	for i, name := range p.clears(v) {
		at := slices.IndexFunc(p.fields, func(a assign) bool { return a.Name == name && !a.Required })
		if at < 0 {
			out.Add(fmt.Sprintf("clear[%d]", i), "cannot be cleared: want one of %s", strings.Join(p.clearable(), ", "))
			continue
		}
		p.fields[at].at(r).SetZero()
	}
	if p.custom >= 0 {
		out.AddAll("", Apply(e, e.values(r), p.sets(v)))
	}
	return out.Err()
}

func (p *Patch[T, U]) clears(u reflect.Value) []string {
	if p.clear < 0 {
		return nil
	}
	return *at[[]string](u.Field(p.clear))
}

func (p *Patch[T, U]) sets(u reflect.Value) []Set { return *at[[]Set](u.Field(p.custom)) }

func (p *Patch[T, U]) clearable() []string {
	var names []string
	for _, a := range p.fields {
		if !a.Required {
			names = append(names, a.Name)
		}
	}
	return names
}
