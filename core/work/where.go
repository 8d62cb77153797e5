package work

import (
	"context"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// CheckFilter checks a domain's own condition of a list: its fields may be seen by the caller, and its values are ones
// that the fields can have.
//
// Errors: Denied, or Invalid, naming the field.
func (c *Call) CheckFilter(p rule.Predicate) error {
	for _, name := range p.Fields() {
		if err := c.CheckField(name); err != nil {
			return err
		}
	}
	return p.Leaves(func(name string, values []rule.Value) error {
		f, _ := c.Entity.Field(name)
		if len(values) > page.MaxList && f.Type != rule.TypeID { // ids come from the domain, not from the caller
			return fault.Field(name, "want at most %d values, have %d", page.MaxList, len(values))
		}
		for _, v := range values {
			if err := schema.CheckValue(name, v, f.MaxLen); err != nil {
				return err
			}
			if len(f.Enum) > 0 && v.Type() == rule.TypeText && !slices.Contains(f.Enum, v.Text()) {
				return fault.Field(name, "never has this value: want one of %s", strings.Join(f.Enum, ", "))
			}
		}
		return nil
	})
}

// Where compiles a list condition to a predicate, refusing fields the caller may not see. Its today is the tenant's.
func (c *Call) Where(ctx context.Context, w page.Where) (rule.Predicate, error) {
	if w.Expr == "" && len(w.Args) == 0 {
		return rule.True(), nil
	}
	if len(w.Expr) > page.MaxExpr {
		return rule.True(), fault.Field("where.expr", "want at most %d bytes, have %d", page.MaxExpr, len(w.Expr))
	}
	args, types, err := c.readArgs(w)
	if err != nil {
		return rule.True(), err
	}
	if w.Expr == "" {
		return rule.True(), unread(args, nil)
	}
	p, err := c.Engine.Rules.Compile(c.Entity.Env(types), rule.Source{ID: "where", Expr: w.Expr})
	if err != nil {
		return rule.True(), fault.Under("where.expr", err)
	}
	if err := unread(args, p.Args()); err != nil {
		return rule.True(), err
	}
	for _, f := range p.Fields() {
		if err := c.CheckField(f); err != nil {
			return rule.True(), err
		}
	}
	zone, err := c.Zone(ctx)
	if err != nil {
		return rule.True(), err
	}
	in := rule.Input{Now: c.Now, Zone: zone, Args: args}
	pred, err := p.Predicate(in)
	if err != nil {
		return rule.True(), fault.Under("where.expr", err)
	}
	return pred, storable(pred)
}

// unread refuses an argument that the condition does not read: it was to narrow the list, and does not.
func unread(args map[string]rule.Value, read []string) error {
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if !slices.Contains(read, name) {
			return fault.Field("where.args."+name, "the condition does not read this argument: leave it out, or add it to where.expr")
		}
	}
	return nil
}

var argName = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]{0,62}$`)

// readArgs checks the arguments of a list condition. Their sizes are those that the cost of rules is estimated with.
func (c *Call) readArgs(w page.Where) (args map[string]rule.Value, types map[string]rule.Type, err error) {
	if len(w.Args) > page.MaxArgs {
		return nil, nil, fault.Field("where.args", "want at most %d arguments, have %d", page.MaxArgs, len(w.Args))
	}
	args, types = make(map[string]rule.Value, len(w.Args)), make(map[string]rule.Type, len(w.Args))
	for _, name := range slices.Sorted(maps.Keys(w.Args)) {
		if !argName.MatchString(name) {
			return nil, nil, fault.Field("where.args", "an argument's name wants letters, digits and _, a lower-case letter first, at most 63")
		}
		at := "where.args." + name
		if _, taken := c.Entity.Field(name); taken {
			return nil, nil, fault.Field(at, "is the name of a field: choose another one for the argument")
		}
		v, ok := rule.Of(w.Args[name])
		if !ok || v.IsBlank() {
			return nil, nil, fault.Field(at, "want a bool, number, string, time, date, money or id, have %T", w.Args[name])
		}
		if err := checkArg(at, v); err != nil {
			return nil, nil, err
		}
		args[name], types[name] = v, v.Type()
	}
	return args, types, nil
}

func checkArg(at string, v rule.Value) error {
	if v.Type() != rule.TypeTexts {
		return schema.CheckValue(at, v, page.MaxArg)
	}
	list := v.Texts()
	if len(list) > page.MaxList {
		return fault.Field(at, "want at most %d elements, have %d", page.MaxList, len(list))
	}
	for _, s := range list {
		if err := schema.CheckText(at, s, page.MaxArg); err != nil {
			return err
		}
	}
	return nil
}

// storable checks the values that a condition computes or spells out, which no argument's check has seen.
func storable(p rule.Predicate) error {
	return p.Leaves(func(_ string, values []rule.Value) error {
		for _, v := range values {
			if err := schema.CheckValue("where.expr", v, math.MaxInt); err != nil {
				return err
			}
		}
		return nil
	})
}
