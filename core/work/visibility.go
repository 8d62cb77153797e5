package work

import (
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
)

// Visibility says what one read may show of records of several kinds, such as a timeline. It compiles the rights to each
// kind once. It is not for concurrent use.
type Visibility struct {
	c     *Call
	calls map[string]*Call // by kind; nil for one of which the scope may read no record
}

// Visibility returns what the call's scope may read of every kind.
func (c *Call) Visibility() *Visibility { return &Visibility{c: c, calls: map[string]*Call{}} }

// Owned reports whether the scope may see a record of which only the owners are known. A row predicate over other fields
// is unknown, so it hides.
func (v *Visibility) Owned(ctx context.Context, kind, user, team string) (bool, error) {
	c, err := v.call(ctx, kind)
	if err != nil || c == nil {
		return false, err
	}
	return c.Access.Rows.IsTrue() || c.Access.Rows.Eval(owners{user, team}) == rule.Yes, nil
}

// Mask reports whether the scope may see rec, a pointer to a record of the kind, and masks it.
func (v *Visibility) Mask(ctx context.Context, kind string, rec any) (bool, error) {
	c, err := v.call(ctx, kind)
	if err == nil && c != nil && c.Entity == nil {
		c.Entity, err = c.Engine.Schemas.Entity(ctx, c.Unit, c.Tenant(), kind)
	}
	if err != nil || c == nil || !c.Access.Rows.IsTrue() && c.Access.Rows.Eval(c.Entity.Record(rec)) != rule.Yes {
		return false, err
	}
	c.Mask(rec)
	return true, nil
}

func (v *Visibility) call(ctx context.Context, kind string) (*Call, error) {
	if c, ok := v.calls[kind]; ok {
		return c, nil
	}
	acc, err := v.c.AccessTo(ctx, kind, Read)
	if errors.Is(err, fault.ErrDenied) {
		v.calls[kind] = nil
		return nil, nil //nolint:nilnil // see calls
	}
	if err != nil {
		return nil, err
	}
	v.calls[kind] = &Call{Scope: v.c.Scope, Engine: v.c.Engine, Action: Read, Access: acc, Now: v.c.Now}
	return v.calls[kind], nil
}

// owners are the fields of a record that a timeline keeps.
type owners struct{ user, team string }

// Field implements [rule.Named].
func (o owners) Field(name string) rule.Value {
	switch {
	case name == "owner_user" && o.user != "":
		return rule.Text(o.user)
	case name == "owner_team" && o.team != "":
		return rule.Text(o.team)
	}
	return rule.Blank
}
