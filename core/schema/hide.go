package schema

import (
	"reflect"
	"slices"

	"github.com/rapport-crm/rapport/core/personal"
)

// Hiding is a compiled set of fields that a reader may not see. Its zero value hides nothing. It is immutable and
// safe for concurrent use, so a list compiles it once for all its records.
type Hiding struct {
	e     *Entity
	nodes []*node
	names []string
}

// Hiding compiles which fields hidden names. It asks for each field once, groups and custom fields included; a hidden
// group hides its elements.
func (e *Entity) Hiding(hidden func(field string, c personal.Class) bool) Hiding {
	h := Hiding{e: e}
	ask := func(list []*node) {
		for _, n := range list {
			if hidden(n.Name, n.Class) {
				h.nodes, h.names = append(h.nodes, n), append(h.names, n.Name)
				continue
			}
			if n.kind == kindGroup {
				h.group(n, hidden)
			}
		}
	}
	ask(e.nodes)
	ask(e.custom)
	slices.Sort(h.names)
	h.names = slices.Clip(h.names)
	return h
}

// group keeps a copy of the group's node that has only the hidden fields.
func (h *Hiding) group(n *node, hidden func(string, personal.Class) bool) {
	part := *n
	part.kids = nil
	for _, k := range n.kids {
		if hidden(k.Name, k.Class) {
			part.kids, h.names = append(part.kids, k), append(h.names, k.Name)
		}
	}
	if len(part.kids) > 0 {
		h.nodes = append(h.nodes, &part)
	}
}

// IsZero reports whether nothing is hidden.
func (h Hiding) IsZero() bool { return len(h.nodes) == 0 }

// Apply hides the fields of rec, a pointer to a record of the entity: text becomes masked whether or not there is a
// value, everything else becomes zero. An aggregate's Meta.Hidden lists the names; records share that list.
func (h Hiding) Apply(rec any) {
	if len(h.nodes) == 0 {
		return
	}
	v := h.e.open(rec)
	for _, n := range h.nodes {
		if n.kind == kindCustom {
			h.e.values(v).Delete(n.key)
			continue
		}
		n.hide(n.at(v), slices.Contains(h.names, n.Name))
	}
	if a, ok := rec.(Aggregate); ok {
		a.Base().Hidden = h.names
	}
}

func (n *node) hide(v reflect.Value, whole bool) {
	switch {
	case n.kind == kindText:
		*at[personal.Text](v) = n.mask.text
	case n.kind == kindGroup && !whole:
		for i := range v.Len() {
			for _, k := range n.kids {
				k.hide(k.at(v.Index(i)), true)
			}
		}
	default:
		v.SetZero()
	}
}
