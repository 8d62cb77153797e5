package store

import (
	"embed"
	"io/fs"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
)

//go:embed migrations
var embedded embed.FS

// Foundation is the name of the module that every other one needs, without naming it.
const Foundation = "foundation"

// Module is a part of the schema that is installed and removed as a whole.
type Module struct {
	Name string // lower case, and its own in a list
	// Needs names the modules without which this one cannot work. No foreign key refers to a table of any other.
	Needs []string
	// Migrations holds NNNN_name.up.sql from 0001 without gaps, in the words of [Render], and the catalog they make
	// together on each dialect, postgres.golden and sqlite.golden.
	Migrations fs.FS
}

// Modules returns the built-in modules, each behind those it needs.
func Modules() []Module {
	return []Module{
		builtIn(Foundation),
		builtIn("customer"),
		builtIn("pipeline", "customer"),
		builtIn("service", "customer"),
		builtIn("privacy", "customer"), // consents and sends are a customer's, although no foreign key says so
		builtIn("plugin"),              // what an extension reads is compared with what is there
	}
}

func builtIn(name string, needs ...string) Module {
	files, err := fs.Sub(embedded, "migrations/"+name)
	if err != nil {
		panic("store: module " + name + ": " + err.Error()) // a constant is malformed
	}
	return Module{Name: name, Needs: needs, Migrations: files}
}

// Select returns the modules of a list that bear the given names; none means all. It keeps the list's order.
//
// Errors: Invalid for field "modules" on an unknown name, with the nearest one.
func Select(list []Module, names ...string) ([]Module, error) {
	if len(names) == 0 {
		return list, nil
	}
	for _, name := range names {
		if err := known(list, name); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(m Module) bool { return !slices.Contains(names, m.Name) }), nil
}

func known(list []Module, name string) error {
	names := namesOf(list)
	if slices.Contains(names, name) {
		return nil
	}
	if near := rule.Nearest(name, names); near != "" {
		return fault.Field("modules", "there is no module %q: did you mean %q?", name, near)
	}
	return fault.Field("modules", "there is no module %q: want some of %v", name, names)
}

func namesOf(list []Module) []string {
	out := make([]string, len(list))
	for i, m := range list {
		out[i] = m.Name
	}
	return out
}

// Arrange returns the modules in an order in which they can be installed: the foundation first, whether or not the list
// has it, and each behind those it needs. A nil list means [Modules].
//
// Errors: Invalid for field "modules" when a module needs one that the list lacks, naming both, or is listed twice.
func Arrange(list []Module) ([]Module, error) {
	if list == nil {
		return Modules(), nil
	}
	var out []Module
	todo := slices.Clone(list)
	if !slices.Contains(namesOf(list), Foundation) {
		todo = append(todo, builtIn(Foundation))
	}
	for len(todo) > 0 {
		i := slices.IndexFunc(todo, func(m Module) bool { return ready(m, namesOf(out)) })
		if i < 0 {
			return nil, unmet(todo, list)
		}
		if slices.Contains(namesOf(out), todo[i].Name) {
			return nil, fault.Field("modules", "%s is listed twice", todo[i].Name)
		}
		out = append(out, todo[i])
		todo = slices.Delete(todo, i, i+1)
	}
	return out, nil
}

// ready reports whether everything a module needs is installed.
func ready(m Module, installed []string) bool {
	if m.Name == Foundation {
		return true
	}
	for _, need := range append([]string{Foundation}, m.Needs...) {
		if !slices.Contains(installed, need) {
			return false
		}
	}
	return true
}

// unmet says why none of the modules that are left can be installed.
func unmet(left, list []Module) error {
	for _, m := range left {
		for _, need := range m.Needs {
			if !slices.Contains(namesOf(list), need) {
				return fault.Field("modules", "%s needs %s: name it too", m.Name, need)
			}
		}
	}
	return fault.Field("modules", "%v need each other", namesOf(left))
}
