package schema

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/rapport-crm/rapport/core/ident"
)

// Reference is one record that a record names.
type Reference struct {
	Field   string   // the field that names it: "customer", "participants.customer"
	Path    string   // where in the record: "customer", "participants[1].customer"
	Kind    string   // the kind of what is named
	ID      ident.ID // never zero
	Subject bool     // the record belongs to it
}

// References returns what rec names, in order of declaration; blank references are left out.
func (e *Entity) References(rec any) []Reference {
	if len(e.refs) == 0 {
		return nil
	}
	var out []Reference
	collect(e.nodes, e.open(rec), "", 0, func(n *node, path string, id ident.ID) {
		if !id.IsZero() {
			out = append(out, Reference{n.Name, path, n.Ref, id, n.Subject})
		}
	})
	return out
}

// Subjects returns to whom rec belongs, each once, in order of declaration.
func (e *Entity) Subjects(rec any) []ident.ID {
	var out []ident.ID
	for _, r := range e.References(rec) {
		if r.Subject && !slices.Contains(out, r.ID) {
			out = append(out, r.ID)
		}
	}
	return out
}

// SubjectFields returns the fields that say to whom a record belongs.
func (e *Entity) SubjectFields() []Field {
	var out []Field
	for _, n := range e.refs {
		if n.Subject {
			out = append(out, n.Field)
		}
	}
	return out
}

// Owner returns the one field under whose key the record's sealed texts lie. It is "" when the record belongs to nobody
// or to several, and then its texts lie under a key of its own.
func (e *Entity) Owner() string {
	if s := e.SubjectFields(); len(s) == 1 && !s[0].Many {
		return s[0].Name
	}
	return ""
}

// KeyHolder returns under whose key the sealed texts of rec lie: whom [Entity.Owner] names, or else the record itself.
func (e *Entity) KeyHolder(rec Aggregate) ident.ID {
	if e.Owner() != "" {
		if s := e.Subjects(rec); len(s) > 0 {
			return s[0]
		}
	}
	return rec.Base().ID
}

// collect finds the references of one struct; cut is the length of the group's name, which path replaces.
func collect(list []*node, v reflect.Value, path string, cut int, add func(n *node, path string, id ident.ID)) {
	for _, n := range list {
		switch name := path + n.Name[cut:]; {
		case n.kind == kindGroup:
			for x, i := n.at(v), 0; i < x.Len(); i++ {
				collect(n.kids, x.Index(i), fmt.Sprintf("%s[%d]", name, i), len(n.Name), add)
			}
		case n.Ref != "":
			add(n, name, *at[ident.ID](n.at(v)))
		}
	}
}
