package customer

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer/names"
)

// Relate ties two customers together. Both must be visible to the caller; an id that was merged stands for its
// survivor.
//
// Errors: Invalid, also for a parent that is the customer's own descendant while the relationship lasts (reason
// "cycle"); NotFound for a customer; Denied; LimitExceeded for a chain of more than 64 parents.
func (cs Customers) Relate(ctx context.Context, d RelationshipDraft) (Relationship, error) {
	return work.Write(ctx, cs.s.engine, cs.scope, work.Change[Relationship]{
		Op: "customer: relate", Entity: EntityRelationship, Action: work.Create, Kind: Related, ID: d.ID, Args: d,
		Apply: func(ctx context.Context, c *work.Call, rec *Relationship) error {
			if err := d.check(); err != nil {
				return err
			}
			if err := cs.s.resolveEnds(ctx, c, &d); err != nil {
				return err
			}
			rec.Type, rec.From, rec.To = d.Type, d.From, d.To
			rec.Role, rec.Department, rec.Title = profileText(d.Role), profileText(d.Department), profileText(d.Title)
			rec.Since, rec.Until = d.Since, d.Until
			recordEnds(c, rec)
			return cs.s.checkCycle(ctx, c, rec)
		},
		Save: func(ctx context.Context, c *work.Call, _, rec *Relationship) error {
			return cs.s.store.InsertRelationship(ctx, c, rec)
		},
		Replay: cs.relationAgain,
	})
}

func profileText(s string) personal.Text { return personal.NewText(personal.Profile, names.Normal(s)) }

func (cs Customers) relationAgain(ctx context.Context, c *work.Call, id ident.ID) (*Relationship, error) {
	return cs.s.relationship(ctx, c, id, false)
}

// relationship loads one that the call may act on.
func (s *Module) relationship(ctx context.Context, c *work.Call, id ident.ID, lock bool) (*Relationship, error) {
	rec, err := s.store.Relationship(ctx, c, id, lock)
	if err == nil && !allowed(c, rec) {
		err = missing("relationship")
	}
	return rec, err
}

// resolveEnds checks that the caller may see both customers and puts the survivors in their place.
func (s *Module) resolveEnds(ctx context.Context, c *work.Call, d *RelationshipDraft) error {
	seen, err := s.seen(ctx, c)
	if err != nil {
		return err
	}
	for _, end := range []struct {
		field string
		id    *ident.ID
	}{{"from", &d.From}, {"to", &d.To}} {
		rec, err := s.visible(ctx, seen, *end.id)
		if err != nil {
			return inField(end.field, err)
		}
		*end.id = rec.ID
	}
	if d.From == d.To {
		return fault.Field("to", "must be another customer than from: they were merged")
	}
	return nil
}

// seen returns a call over customers on the same unit, with the right to read them.
func (s *Module) seen(ctx context.Context, c *work.Call) (*work.Call, error) {
	acc, err := c.AccessTo(ctx, EntityCustomer, work.Read)
	if err != nil {
		return nil, err
	}
	ent, err := c.Engine.Schemas.Entity(ctx, c.Unit, c.Tenant(), EntityCustomer)
	if err != nil {
		return nil, err
	}
	return &work.Call{Scope: c.Scope, Engine: c.Engine, Entity: ent, Action: work.Read, Access: acc, Now: c.Now}, nil
}

// inField names the argument that a NotFound fault is about.
func inField(field string, err error) error {
	f, ok := err.(*fault.Error) //nolint:errorlint // only a bare fault is given a field
	if !ok || f.Field != "" {
		return err
	}
	named := *f
	named.Field = field
	return &named
}

func recordEnds(c *work.Call, rec *Relationship) {
	c.Fact("type", rec.Type)
	for _, id := range []ident.ID{rec.From, rec.To} {
		c.Refer(ident.Ref{Entity: EntityCustomer, ID: id})
		c.Line(id, c.Now)
	}
}

// checkCycle refuses a parent that is below from on a day on which the relationship holds. One whose first day is not
// known counts from today, or for its last day when that is past.
func (s *Module) checkCycle(ctx context.Context, c *work.Call, rec *Relationship) error {
	if rec.Type != Parent {
		return nil
	}
	days := *rec
	if days.Since.IsZero() {
		today, err := c.Today(ctx)
		if err != nil {
			return err
		}
		if days.Since = today; !rec.Until.IsZero() && rec.Until.Before(today) {
			days.Since = rec.Until
		}
	}
	above, err := s.store.Ancestors(ctx, c, &days, maxDepth)
	if err != nil {
		return err
	}
	if slices.Contains(above, rec.From) {
		f := fault.Field("to", "is below from already: a parent cannot be its own descendant")
		f.Reason = "cycle"
		return f
	}
	return nil
}

// EndRelation sets the last day of a relationship. version is the one the caller saw; 0 means whatever is stored now.
//
// Errors: NotFound, Invalid for a day before its first, and for a later one than before as for Relate; Denied; Conflict
// with the current version.
func (cs Customers) EndRelation(ctx context.Context, id ident.ID, version int64, until date.Date) (Relationship, error) {
	return work.Write(ctx, cs.s.engine, cs.scope, work.Change[Relationship]{
		Op: "customer: end relation", Entity: EntityRelationship, Action: work.Edit, Kind: RelationEnded, ID: id, Version: version, Args: until,
		Load: func(ctx context.Context, c *work.Call) (*Relationship, error) {
			return cs.s.relationship(ctx, c, id, true)
		},
		Apply: func(ctx context.Context, c *work.Call, rec *Relationship) error {
			switch {
			case until.IsZero():
				return fault.Field("until", "must be a day")
			case !rec.Since.IsZero() && until.Before(rec.Since):
				return fault.Field("until", "must not be before the relationship began")
			}
			longer := !rec.Until.IsZero() && rec.Until.Before(until)
			rec.Until = until
			recordEnds(c, rec)
			if longer {
				return cs.s.checkAgain(ctx, c, *rec)
			}
			return nil
		},
		Save:   cs.s.store.UpdateRelationship,
		Replay: cs.relationAgain,
	})
}

// checkAgain looks for a circle that a relationship makes which lasts longer than it did.
func (s *Module) checkAgain(ctx context.Context, c *work.Call, rec Relationship) error {
	if rec.Type != Parent {
		return nil
	}
	ends := RelationshipDraft{From: rec.From, To: rec.To}
	if err := s.resolveEnds(ctx, c, &ends); err != nil {
		return err
	}
	rec.From, rec.To = ends.From, ends.To
	return s.checkCycle(ctx, c, &rec)
}

// Relations returns one page of a customer's relationships, each as seen from that customer, those of customers
// merged into it included. Relationships have rights of their own; the customer must be visible.
//
// Errors: NotFound for the customer, Invalid, Denied.
func (cs Customers) Relations(ctx context.Context, id ident.ID, f RelationFilter) (page.Page[Relation], error) {
	const op = "customer: relations"
	var out page.Page[Relation]
	set, err := cs.resolutionSet(ctx, op, id)
	if err != nil {
		return out, err
	}
	on := f.On
	if on.IsZero() && !f.Ended {
		if on, err = cs.today(ctx, op); err != nil {
			return out, err
		}
	}
	found, err := work.List(ctx, cs.s.engine, cs.scope, op, EntityRelationship, f.predicate(set, on), f.Query,
		func(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[Relationship], error) {
			return cs.s.store.ListRelationships(ctx, c, l)
		})
	if err != nil {
		return out, err
	}
	self := func(x ident.ID) bool { return slices.Contains(set, x) }
	out.Next, out.Items = found.Next, make([]Relation, len(found.Items))
	for i := range found.Items {
		out.Items[i] = found.Items[i].seenFrom(self)
	}
	return out, nil
}

func (cs Customers) today(ctx context.Context, op string) (date.Date, error) {
	return work.View(ctx, cs.s.engine, cs.scope, op, EntityRelationship, func(ctx context.Context, c *work.Call) (date.Date, error) {
		return c.Today(ctx)
	})
}

// resolutionSet returns the ids that are the customer, which must be visible.
func (cs Customers) resolutionSet(ctx context.Context, op string, id ident.ID) ([]ident.ID, error) {
	return work.View(ctx, cs.s.engine, cs.scope, op, EntityCustomer, func(ctx context.Context, c *work.Call) ([]ident.ID, error) {
		rec, err := cs.s.visible(ctx, c, id)
		if err != nil {
			return nil, err
		}
		if !rec.Merged {
			return []ident.ID{rec.ID}, nil
		}
		return cs.s.store.ResolutionSet(ctx, c, rec.ID)
	})
}

func (f RelationFilter) predicate(set []ident.ID, on date.Date) rule.Predicate {
	ids := make([]rule.Value, len(set))
	for i, id := range set {
		ids[i] = rule.ID(id)
	}
	all := []rule.Predicate{rule.Any(rule.In("from", ids...), rule.In("to", ids...))}
	for _, x := range [][2]string{{"type", f.Type}, {"role", f.Role}, {"department", f.Department}} {
		if x[1] != "" {
			all = append(all, rule.Eq(x[0], rule.Text(x[1])))
		}
	}
	if !f.Ended {
		all = append(all,
			rule.Any(rule.Eq("until", rule.Blank), rule.Ge("until", rule.Date(on))),
			rule.Any(rule.Eq("since", rule.Blank), rule.Le("since", rule.Date(on))))
	}
	return rule.All(all...)
}
