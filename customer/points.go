package customer

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// AddPoint adds a contact point. version is that of the customer the caller saw; 0 means whatever is stored now.
//
// Errors: NotFound, Invalid, Denied, Conflict with the current version, or with reason "taken" when another customer
// has the same value verified.
func (cs Customers) AddPoint(ctx context.Context, id ident.ID, version int64, d PointDraft) (Customer, error) {
	return cs.change(ctx, work.Change[Customer]{
		Op: "customer: add point", Kind: PointAdded, ID: id, Version: version, Args: d,
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error {
			if err := c.CheckSets("points"); err != nil {
				return err
			}
			if len(rec.Points) >= MaxPoints {
				return fault.New(fault.LimitExceeded, "a customer has at most %d contact points", MaxPoints)
			}
			point, err := cs.s.addPoint(c, rec, &d)
			if err != nil {
				return err
			}
			orderPoints(rec)
			c.Fact("point", point.String())
			c.Fact("channel", string(d.Channel))
			return nil
		},
	})
}

// UpdatePoint changes a contact point.
//
// Errors: NotFound for the customer or the point, and those of AddPoint.
func (cs Customers) UpdatePoint(ctx context.Context, id ident.ID, version int64, point ident.ID, u PointUpdate) (Customer, error) {
	return cs.change(ctx, work.Change[Customer]{
		Op: "customer: update point", Kind: PointUpdated, ID: id, Version: version, Args: []any{point, u},
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error {
			if err := c.CheckSets("points"); err != nil {
				return err
			}
			i := slices.IndexFunc(rec.Points, func(p ContactPoint) bool { return p.ID == point })
			if i < 0 {
				return missing("contact point")
			}
			before := rec.Points[i]
			if err := u.apply(rec, i); err != nil {
				return err
			}
			if p := &rec.Points[i]; *p != before {
				p.Version = before.Version + 1
			}
			orderPoints(rec)
			c.Fact("point", point.String())
			return nil
		},
	})
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

// RemovePoint ends a contact point: reads do not show it any more. When it was primary, the channel's next one is.
//
// Errors: NotFound for the customer or the point, Denied, Conflict with the current version.
func (cs Customers) RemovePoint(ctx context.Context, id ident.ID, version int64, point ident.ID) (Customer, error) {
	return cs.change(ctx, work.Change[Customer]{
		Op: "customer: remove point", Kind: PointRemoved, ID: id, Version: version, Args: point,
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error {
			if err := c.CheckSets("points"); err != nil {
				return err
			}
			i := slices.IndexFunc(rec.Points, func(p ContactPoint) bool { return p.ID == point })
			if i < 0 {
				return missing("contact point")
			}
			ch := rec.Points[i].Channel
			rec.Points = slices.Delete(rec.Points, i, i+1)
			promote(rec, ch)
			orderPoints(rec)
			c.Fact("point", point.String())
			return nil
		},
	})
}
