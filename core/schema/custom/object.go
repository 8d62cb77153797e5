package custom

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
)

// Family is the registry name of what all objects have in common. Each object has a name within it: "object.boat".
const Family = "object"

// MaxObjects is how many objects a tenant may define, retired ones included.
const MaxObjects = 100

// Object is a kind of record that a tenant defines, such as boats. It needs no table: [Fields.Define] gives it fields, and
// its records are read, listed, searched, imported and guarded like those of every other kind.
type Object struct {
	Key     string `json:"key"`               // lower-case letters, digits and _, at most 40, such as "boat"
	Label   string `json:"label,omitempty"`   // for people: what one is called; "" leaves it to the key
	Plural  string `json:"plural,omitempty"`  // for people: what several are called; "" leaves it to the label
	Retired bool   `json:"retired,omitempty"` // no longer in use; its records are kept but not shown
}

// Entity returns the object's name in the schema registry, in rights, rules, events and the audit: "object.boat".
func (o Object) Entity() string { return Family + "." + o.Key }

// Validate returns an Invalid fault with every breach, or nil.
func (o Object) Validate() error {
	var v fault.Violations
	v.AddAll("", schema.CheckKey(o.Key))
	v.AddAll("", schema.CheckLabel("label", o.Label, maxLabel))
	v.AddAll("", schema.CheckLabel("plural", o.Plural, maxLabel))
	return v.Err()
}

// maxLabel is how many characters a label may have.
const maxLabel = 100

func objectOrder(a, b Object) int { return cmp.Compare(a.Key, b.Key) }

func (l *Layout) object(key string) (int, bool) {
	return slices.BinarySearchFunc(l.Objects, Object{Key: key}, objectOrder)
}

// has reports whether an object is in use.
func (l *Layout) has(entity string) bool {
	i, found := l.object(strings.TrimPrefix(entity, Family+"."))
	return found && !l.Objects[i].Retired
}

// putObject sets one definition.
func (l *Layout) putObject(o Object) error {
	i, found := l.object(o.Key)
	switch {
	case found:
		l.Objects[i] = o
	case len(l.Objects) >= MaxObjects:
		return fault.New(fault.LimitExceeded, "a tenant has at most %d objects, retired ones included", MaxObjects)
	default:
		l.Objects = slices.Insert(l.Objects, i, o)
	}
	return nil
}

func (l *Layout) retireObject(key string) error {
	i, found := l.object(key)
	if !found || l.Objects[i].Retired {
		return fault.New(fault.NotFound, "no such object")
	}
	l.Objects[i].Retired = true
	return nil
}
