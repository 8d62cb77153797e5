package schema

import (
	"maps"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
)

// Registry holds the built-in entities by name. It is filled while the CRM is put together and only read afterwards:
// reading is safe for concurrent use, adding is not. Its zero value is empty and ready for use.
type Registry struct {
	byName   map[string]*Entity
	withheld map[string]error
}

// NewRegistry returns a registry of the given entities. See [Registry.Add] for its errors.
func NewRegistry(entities ...*Entity) (*Registry, error) {
	r := &Registry{}
	for _, e := range entities {
		if err := r.Add(e); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Add registers an entity. A second one of the same name is a fault of code Conflict.
func (r *Registry) Add(e *Entity) error {
	if e == nil {
		return fault.New(fault.Invalid, "a nil entity cannot be registered")
	}
	if r.byName[e.Name] != nil {
		return fault.New(fault.Conflict, "the entity %q is registered twice", e.Name)
	}
	if r.byName == nil {
		r.byName = map[string]*Entity{}
	}
	r.byName[e.Name] = e
	return nil
}

// ReasonModule is the reason of a fault about an entity whose module is left out.
const ReasonModule = "module"

// Withhold makes err the answer to a name, for an entity that exists but is not there to be used.
func (r *Registry) Withhold(name string, err error) {
	if r.withheld == nil {
		r.withheld = map[string]error{}
	}
	r.withheld[name] = err
}

// Entity returns the built-in entity of a name, what it was withheld with, or an Invalid fault that names the nearest one.
func (r *Registry) Entity(name string) (*Entity, error) {
	if e := r.byName[name]; e != nil {
		return e, nil
	}
	if err := r.withheld[name]; err != nil {
		return nil, err
	}
	names := r.Names()
	if near := rule.Nearest(name, names); near != "" {
		return nil, fault.Field("entity", "no such entity: did you mean %q?", near)
	}
	return nil, fault.Field("entity", "no such entity: want one of %v", names)
}

// Names lists the registered names, sorted.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.byName)) }
