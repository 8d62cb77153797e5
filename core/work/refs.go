package work

import (
	"context"
	"errors"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
)

type referrals []schema.Reference

// references lists what a write refers to anew and by the caller's choice: what was assigned, and other fields that callers
// set. What the CRM itself refers to is there.
func references[T any](c *Call, assigned []string, before, after *T) referrals {
	var old []schema.Reference
	if before != nil {
		old = c.Entity.References(before)
	}
	return slices.DeleteFunc(c.Entity.References(after), func(r schema.Reference) bool {
		f, _ := c.Entity.Field(r.Field)
		return slices.Contains(old, r) || f.ReadOnly && !slices.Contains(assigned, r.Field)
	})
}

func (list referrals) without(asked referrals) referrals {
	return slices.DeleteFunc(list, func(r schema.Reference) bool { return slices.Contains(asked, r) })
}

// ask sends the questions, and returns what waits for all the answers. A fault names the field.
func (list referrals) ask(ctx context.Context, c *Call) func(ctx context.Context) error {
	waits := make([]func(ctx context.Context) error, 0, len(list))
	for _, r := range list {
		if who := c.Engine.Referees[r.Kind]; who != nil {
			waits = append(waits, who.Refer(ctx, c, r.ID))
		} else {
			waits = append(waits, func(context.Context) error { return fault.New(fault.NotFound, "no such %s", r.Kind) })
		}
	}
	return func(ctx context.Context) error {
		for i, wait := range waits {
			if err := wait(ctx); err != nil {
				return InField(list[i].Path, err)
			}
		}
		return nil
	}
}

// InField names the field that a NotFound fault is about, unless it names one.
func InField(field string, err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Code != fault.NotFound || f.Field != "" {
		return err
	}
	named := *f
	named.Field = field
	return &named
}
