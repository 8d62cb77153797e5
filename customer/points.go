package customer

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// AddPoint adds a contact point. version is that of the customer the caller saw, or [schema.AnyVersion].
//
// Errors: NotFound; Invalid; Denied; Conflict with the current version, or with reason "taken" when another customer has
// the same value verified.
func (cs Customers) AddPoint(ctx context.Context, id ident.ID, version int64, d PointDraft) (Customer, error) {
	v := work.Verb[Customer]{Name: "add point", Event: PointAdded, ID: id, Version: version, Args: d}
	return cs.pointVerb(ctx, v, func(c *work.Call, rec *Customer) (ident.ID, error) {
		if len(rec.Points) >= MaxPoints {
			return ident.ID{}, fault.New(fault.LimitExceeded, "a customer has at most %d contact points", MaxPoints)
		}
		point, err := cs.m.addPoint(c, rec, &d)
		orderPoints(rec)
		c.Fact("channel", string(d.Channel))
		return point, err
	})
}

// UpdatePoint changes a contact point.
//
// Errors: NotFound for the customer or the point, and those of AddPoint.
func (cs Customers) UpdatePoint(ctx context.Context, id ident.ID, version int64, point ident.ID, u PointUpdate) (Customer, error) {
	v := work.Verb[Customer]{Name: "update point", Event: PointUpdated, ID: id, Version: version, Args: []any{point, u}}
	return cs.pointVerb(ctx, v, func(_ *work.Call, rec *Customer) (ident.ID, error) {
		i, err := rec.pointAt(point)
		if err != nil {
			return point, err
		}
		before := rec.Points[i]
		if err := u.apply(rec, i); err != nil {
			return point, err
		}
		if p := &rec.Points[i]; *p != before {
			p.Version = before.Version + 1
		}
		orderPoints(rec)
		return point, nil
	})
}

// RemovePoint ends a contact point: reads do not show it any more. When it was primary, the channel's next one is.
//
// Errors: NotFound for the customer or the point; Denied; Conflict with the current version.
func (cs Customers) RemovePoint(ctx context.Context, id ident.ID, version int64, point ident.ID) (Customer, error) {
	v := work.Verb[Customer]{Name: "remove point", Event: PointRemoved, ID: id, Version: version, Args: point}
	return cs.pointVerb(ctx, v, func(_ *work.Call, rec *Customer) (ident.ID, error) {
		i, err := rec.pointAt(point)
		if err == nil {
			removePoint(rec, i)
		}
		return point, err
	})
}

// pointVerb runs a change of one point, which apply names.
func (cs Customers) pointVerb(ctx context.Context, v work.Verb[Customer], apply func(c *work.Call, rec *Customer) (ident.ID, error)) (Customer, error) {
	v.Sets = []string{"points"}
	v.Apply = func(_ context.Context, c *work.Call, rec *Customer) error {
		point, err := apply(c, rec)
		c.Fact("point", point.String())
		return err
	}
	return cs.m.customers.Change(ctx, cs.scope, v)
}

func (c *Customer) pointAt(id ident.ID) (int, error) {
	i := slices.IndexFunc(c.Points, func(p ContactPoint) bool { return p.ID == id })
	if i < 0 {
		return i, missing("contact point")
	}
	return i, nil
}

func (u *PointUpdate) apply(rec *Customer, i int) error {
	p := &rec.Points[i]
	if u.Label != nil {
		if err := schema.CheckText("label", *u.Label, 40); err != nil {
			return err
		}
		p.Label = *u.Label
	}
	if u.Verified != nil {
		p.Verified = *u.Verified
	}
	if u.Invalid != nil {
		p.Invalid = *u.Invalid
	}
	switch {
	case u.Primary == nil || *u.Primary == p.Primary:
	case !*u.Primary:
		return fault.Field("primary", "one point of a channel is primary: make another one so")
	default:
		demote(rec, p.Channel)
		p.Primary = true
	}
	return nil
}
