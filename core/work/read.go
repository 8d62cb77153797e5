package work

import (
	"context"
	"errors"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// View runs one read: action right, one access for the request, then fn. What fn returns must
// show nothing that the call hides; [Records] mask each record that they read.
//
// Errors: Invalid, Denied, and whatever fn returns.
func View[R any](ctx context.Context, e *Engine, s Scope, op, entity string, fn func(ctx context.Context, c *Call) (R, error)) (R, error) {
	var out R
	if err := s.Validate(); err != nil {
		return out, fault.At(op, err)
	}
	err := e.Units.Read(ctx, s.Unit, func(ctx context.Context, u Unit) error {
		in := s
		in.Unit = u
		c, err := e.call(ctx, in, entity, Read)
		if err != nil {
			return err
		}
		out, err = fn(ctx, c)
		return err
	})
	if err != nil {
		var none R
		return none, fault.At(op, err)
	}
	return out, nil
}

// Mask masks on rec (a pointer to a record of the call's entity) whatever the access hides.
// Sensitive classes are masked unless the call's action is [Reveal], see [Records.Reveal].
func (c *Call) Mask(rec any) {
	if len(c.Access.Mask) == 0 && len(c.Access.Unseen) == 0 {
		if c.Action != Reveal {
			c.Entity.Guard().Apply(rec)
		}
		return
	}
	if !c.veil.fits(c) {
		c.veil = veil{entity: c.Entity, action: c.Action, mask: c.Access.Mask, unseen: c.Access.Unseen, hiding: c.Entity.Hiding(c.Hides)}
	}
	c.veil.hiding.Apply(rec)
}

// answer masks the record that a write returns as a read of it would: the right to change says nothing about seeing. Of a
// record that the scope may not read it learns the id and the version.
func (c *Call) answer(ctx context.Context, rec any) error {
	acc, err := c.AccessTo(ctx, c.Entity.Name, Read)
	switch {
	case errors.Is(err, fault.ErrDenied), err == nil && acc.Rows.Eval(c.Entity.Record(rec)) != rule.Yes:
		c.Entity.Hiding(func(field string, _ personal.Class) bool { return field != "id" && field != "version" }).Apply(rec)
		return nil
	case err != nil:
		return err
	}
	read := *c
	read.Action, read.Access = Read, acc
	read.Mask(rec)
	return nil
}

// veil is what a call hides, compiled at its first record. A domain may copy a call and give it other rights.
type veil struct {
	entity *schema.Entity
	action Action
	mask   Mask
	unseen []personal.Class
	hiding schema.Hiding
}

func (v *veil) fits(c *Call) bool {
	return v.entity == c.Entity && v.action == c.Action && slices.Equal(v.mask, c.Access.Mask) && slices.Equal(v.unseen, c.Access.Unseen)
}

// Hides reports whether the call may not show a field of a class, for what domains show besides records of the entity.
func (c *Call) Hides(field string, class personal.Class) bool {
	return class.Sensitive() && c.Action != Reveal || c.Access.Mask.Has(field) || slices.Contains(c.Access.Unseen, class)
}

// CheckField returns a Denied fault when a field may not be filtered, sorted, grouped or counted by this call.
func (c *Call) CheckField(field string) error {
	if f, ok := c.Entity.Field(field); ok && (f.Class.Sensitive() || c.Hides(field, f.Class)) {
		d := fault.New(fault.Denied, "no right to filter or sort by this field")
		d.Field = field
		return d
	}
	return nil
}
