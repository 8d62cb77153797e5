package customer

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

var (
	relationKind = &work.Kind{
		Entity: schema.Of[Relationship](EntityRelationship), Module: ModuleName, Table: "crm_relationship", Permanent: true,
		Rights: work.Rights{Manager: "aaaatnnn", Sales: "aaannnnn", Service: "aaannnnn", Marketing: "annnnnnn", Viewer: "annnnnnn"},
	}
	relationDraft = schema.PatchOf[Relationship, RelationshipDraft](relationKind.Entity)
)

// Relate ties two customers together. Both must be visible to the caller; an id that was merged stands for its
// survivor.
//
// Errors: Invalid, also for a parent that is the customer's own descendant while the relationship lasts (reason
// "cycle"); NotFound for a customer; Denied; LimitExceeded for a chain of more than 64 parents.
func (cs Customers) Relate(ctx context.Context, d RelationshipDraft) (Relationship, error) {
	return cs.m.relations.Create(ctx, cs.scope, work.Verb[Relationship]{
		ID: d.ID, Args: d, Set: relationDraft.With(&d),
		Apply: func(ctx context.Context, c *work.Call, rec *Relationship) error {
			if err := rec.check(); err != nil {
				return err
			}
			if err := cs.m.takeSurvivors(ctx, c, rec); err != nil {
				return err
			}
			nameEnds(c, rec)
			return cs.m.checkCycle(ctx, c, rec)
		},
	})
}

// EndRelation sets the last day of a relationship. version is the one the caller saw, or [schema.AnyVersion].
//
// Errors: NotFound; Invalid for a day before its first, and for a later one than before as for Relate; Denied; Conflict
// with the current version.
func (cs Customers) EndRelation(ctx context.Context, id ident.ID, version int64, until date.Date) (Relationship, error) {
	return cs.m.relations.Change(ctx, cs.scope, work.Verb[Relationship]{
		Name: "end", Event: RelationEnded, ID: id, Version: version, Args: until, Sets: []string{"until"},
		Apply: func(ctx context.Context, c *work.Call, rec *Relationship) error {
			switch {
			case until.IsZero():
				return fault.Field("until", "must be a day")
			case !rec.Since.IsZero() && until.Before(rec.Since):
				return fault.Field("until", "must not be before the relationship began")
			}
			longer := !rec.Until.IsZero() && rec.Until.Before(until)
			rec.Until = until
			nameEnds(c, rec)
			c.LineAt(c.Now)
			if !longer || rec.Type != Parent {
				return nil
			}
			now := *rec
			if err := cs.m.takeSurvivors(ctx, c, &now); err != nil {
				return err
			}
			return cs.m.checkCycle(ctx, c, &now)
		},
	})
}

func nameEnds(c *work.Call, rec *Relationship) {
	c.Fact("type", rec.Type)
	c.Refer(ident.Ref{Entity: EntityCustomer, ID: rec.From}, ident.Ref{Entity: EntityCustomer, ID: rec.To})
}

// takeSurvivors puts customers that others were merged into in the place of these.
func (m *Module) takeSurvivors(ctx context.Context, c *work.Call, rec *Relationship) error {
	from, to := m.rows.SeenLater(ctx, c, rec.From), m.rows.SeenLater(ctx, c, rec.To)
	a, err := from(ctx)
	if err != nil {
		return work.InField("from", err)
	}
	b, err := to(ctx)
	if err != nil {
		return work.InField("to", err)
	}
	if rec.From, rec.To = a.ID, b.ID; a.ID == b.ID {
		return fault.Field("to", "must be another customer than from: they were merged")
	}
	return nil
}

// Relations returns one page of a customer's relationships, each as seen from that customer, those of customers
// merged into it included. Relationships have rights of their own; the customer must be visible.
//
// Errors: NotFound for the customer; Invalid; Denied.
func (cs Customers) Relations(ctx context.Context, id ident.ID, f RelationFilter) (page.Page[Relation], error) {
	const op = "relationship: list"
	var out page.Page[Relation]
	if f.Ended && !f.On.IsZero() {
		return out, fault.At(op, fault.Field("on", "says on which day they last, and ended that it does not matter: give one of them"))
	}
	set, err := cs.m.Resolve(ctx, *cs.scope, id, work.Read)
	if err != nil {
		return out, fault.At(op, err)
	}
	on := f.On
	if on.IsZero() && !f.Ended {
		on, err = work.View(ctx, cs.m.engine, *cs.scope, op, EntityRelationship, func(ctx context.Context, c *work.Call) (date.Date, error) {
			return c.Today(ctx)
		})
		if err != nil {
			return out, err
		}
	}
	found, err := cs.m.relations.PageIn(ctx, cs.scope, set, f.predicate(on), f.Query)
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
