package rule

import "slices"

// Fields lists the fields the predicate reads, sorted, each once; nil for a constant.
func (p Predicate) Fields() []string {
	out := p.fields(nil)
	slices.Sort(out)
	return slices.Compact(out)
}

func (p Predicate) fields(out []string) []string {
	if p.n == nil {
		return out
	}
	for _, k := range p.n.kids {
		out = k.fields(out)
	}
	if p.n.field != "" {
		out = append(out, p.n.field)
	}
	if p.n.other != "" {
		out = append(out, p.n.other)
	}
	return out
}

// Leaves calls fn for each comparison of a field with values, until fn returns an error, which it returns.
func (p Predicate) Leaves(fn func(field string, values []Value) error) error {
	if p.n == nil {
		return nil
	}
	for _, k := range p.n.kids {
		if err := k.Leaves(fn); err != nil {
			return err
		}
	}
	switch {
	case p.n.field == "" || p.n.other != "":
		return nil
	case p.n.op == opIn:
		return fn(p.n.field, p.n.list)
	}
	return fn(p.n.field, []Value{p.n.value})
}
