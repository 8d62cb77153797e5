package work

import (
	"context"
	"errors"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
)

// checkSets returns a Denied fault for a field that the caller assigns but may not see, by right or for its purpose. A
// sensitive field that is assigned by one who may not reveal it counts as changed whatever it held: an unchanged version
// would tell.
func (c *Call) checkSets(fields []string) error {
	for _, name := range fields {
		f, _ := c.Entity.Field(name)
		switch {
		case c.Access.Mask.Has(name) || slices.Contains(c.Access.Unseen, f.Class):
			d := fault.New(fault.Denied, "no right to change this field")
			d.Field = name
			return d
		case f.Class.Sensitive():
			c.blind = append(c.blind, f)
		}
	}
	return nil
}

// touchBlind marks the sensitive fields of rec as changed that the caller has assigned and may not reveal.
func (c *Call) touchBlind(ctx context.Context, rec any) error {
	if len(c.blind) == 0 {
		return nil
	}
	acc, err := c.AccessTo(ctx, c.Entity.Name, Reveal)
	if err != nil && !errors.Is(err, fault.ErrDenied) {
		return err
	}
	reveal := Call{Action: Reveal, Access: acc}
	none := err != nil || acc.Rows.Eval(c.Entity.Record(rec)) != rule.Yes
	for _, f := range c.blind {
		if none || reveal.Hides(f.Name, f.Class) {
			c.Touch(f.Name)
		}
	}
	return nil
}
