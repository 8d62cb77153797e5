package work

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
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
		waits = append(waits, c.refer(ctx, r.Kind, r.ID))
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

// refer asks whether a record is there that the call may refer to, and returns what waits for the answer.
func (c *Call) refer(ctx context.Context, kind string, id ident.ID) func(ctx context.Context) error {
	if who := c.Engine.Referees[kind]; who != nil {
		return who.Refer(ctx, c, id)
	}
	return func(context.Context) error { return fault.New(fault.NotFound, "no such %s", kind) }
}

// manyReferrals is from how many records on one statement for all is better than one for each: few are asked for in one
// round trip, together with those of other kinds.
const manyReferrals = 16

// there finds the records that the batch refers to and that are there, in one statement for each kind of which it names many.
// What it does not find is for [Referee.Refer] to judge, which says why.
func (b *batch[T, P]) there(ctx context.Context, drafts []*draft[T]) (map[ident.Ref]bool, error) {
	out, ids := map[ident.Ref]bool{}, map[string][]ident.ID{}
	for _, d := range drafts {
		for _, x := range d.refs {
			t := ident.Ref{Entity: x.Kind, ID: x.ID}
			if _, listed := out[t]; listed {
				continue
			}
			out[t] = false
			ids[x.Kind] = append(ids[x.Kind], x.ID)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(ids)) {
		list := ids[kind]
		who, ok := b.c.Engine.Referees[kind].(BulkReferee)
		if !ok || len(list) < manyReferrals {
			continue
		}
		found, err := who.ReferAll(ctx, b.c, list)
		if err != nil && !OfRow(err) {
			return nil, err
		}
		for _, id := range found {
			out[ident.Ref{Entity: kind, ID: id}] = true
		}
	}
	return out, nil
}

// ReferAll implements [BulkReferee].
func (r *Records[T, P]) ReferAll(ctx context.Context, c *Call, ids []ident.ID) ([]ident.ID, error) {
	own, err := r.sight(ctx, c)
	if err != nil {
		return nil, err
	}
	found, err := r.store.GetMany(ctx, own, ids)
	if err == nil {
		found, err = r.besideSubjects(ctx, own, found)
	}
	if err != nil {
		return nil, err
	}
	out := make([]ident.ID, 0, len(found))
	for i := range found {
		if rec, err := r.pass(own, &found[i], nil); err == nil {
			out = append(out, P(rec).Base().ID)
		}
	}
	return out, nil
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
