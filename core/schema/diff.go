package schema

import (
	"reflect"
	"slices"
)

// Diff returns the names of the fields in which two records of the entity differ, sorted; custom fields each by
// name. Text is compared by its value. Of a group, the fields that differ in any element are named, and the group
// itself when the number of elements differs. Times are compared to the microsecond.
func (e *Entity) Diff(before, after any) []string {
	a, b := e.open(before), e.open(after)
	out := diff(nil, e.nodes, a, b)
	if e.customAt != nil {
		out = diffValues(out, e.values(a), e.values(b))
	}
	slices.Sort(out)
	return out
}

func diff(out []string, list []*node, a, b reflect.Value) []string {
	for _, n := range list {
		x, y := n.at(a), n.at(b)
		if n.kind == kindGroup {
			out = diffGroup(out, n, x, y)
		} else if !n.equal(x, y) {
			out = append(out, n.Name)
		}
	}
	return out
}

func diffGroup(out []string, n *node, x, y reflect.Value) []string {
	if x.Len() == 0 && y.Len() == 0 {
		return out
	}
	zero := reflect.New(x.Type().Elem()).Elem()
	elem := func(v reflect.Value, i int) reflect.Value {
		if i < v.Len() {
			return v.Index(i)
		}
		return zero
	}
	if x.Len() != y.Len() {
		out = append(out, n.Name)
	}
	start := len(out)
	for i := range max(x.Len(), y.Len()) {
		out = diff(out, n.kids, elem(x, i), elem(y, i))
	}
	slices.Sort(out[start:])
	return out[:start+len(slices.Compact(out[start:]))]
}

func emptyList(v reflect.Value) bool {
	return (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

// Filled returns the names of the fields of rec that hold something, sorted: what a creation sets. Fields that the
// write path itself keeps are left out; false and 0 count as nothing.
func (e *Entity) Filled(rec any) []string {
	v := e.open(rec)
	out := filled(nil, e.nodes, v)
	if e.customAt != nil {
		for _, p := range e.values(v).list() {
			out = append(out, CustomPrefix+p.key)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func filled(out []string, list []*node, v reflect.Value) []string {
	for _, n := range list {
		x := n.at(v)
		if n.meta && n.ReadOnly || x.IsZero() || emptyList(x) {
			continue
		}
		out = append(out, n.Name)
		if n.kind == kindGroup {
			for i := range x.Len() {
				out = filled(out, n.kids, x.Index(i))
			}
		}
	}
	return out
}
