package customer

import (
	"context"
	"fmt"
	"iter"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

// Interactions are the contacts with the customers of a tenant as one principal sees them, for one purpose. It is a
// light value, got from [Module.Interactions].
type Interactions struct {
	s     *Module
	scope work.Scope
}

// Log stores an interaction and puts it on the timeline of every participant. Participants must be visible to the
// caller.
//
// Errors: Invalid with every breach; NotFound naming the participant; Denied; Conflict with reason "taken" when the
// id exists.
func (is Interactions) Log(ctx context.Context, d InteractionDraft) (Interaction, error) {
	return work.Write(ctx, is.s.engine, is.scope, work.Change[Interaction]{
		Op: "customer: log interaction", Entity: EntityInteraction, Action: work.Create, Kind: Logged, ID: d.ID, Args: d,
		Apply: func(ctx context.Context, c *work.Call, rec *Interaction) error {
			if err := d.fill(rec, c.Now); err != nil {
				return err
			}
			if err := is.s.checkParticipants(ctx, c, d.Participants); err != nil {
				return err
			}
			c.Fact("channel", string(rec.Channel))
			c.Fact("direction", string(rec.Direction))
			for _, p := range rec.Participants {
				c.Refer(ident.Ref{Entity: EntityCustomer, ID: p.Customer})
				c.Line(p.Customer, rec.At)
			}
			return nil
		},
		Save: func(ctx context.Context, c *work.Call, _, rec *Interaction) error {
			return is.s.store.InsertInteraction(ctx, c, rec)
		},
		Replay: is.load,
	})
}

// checkParticipants makes sure that the caller may see all of them.
func (s *Module) checkParticipants(ctx context.Context, c *work.Call, list []Participant) error {
	seen, err := s.seen(ctx, c)
	if err != nil {
		return err
	}
	for i, p := range list {
		if _, err := s.visible(ctx, seen, p.Customer); err != nil {
			return inField(fmt.Sprintf("participants[%d].customer", i), err)
		}
	}
	return nil
}

func (is Interactions) load(ctx context.Context, c *work.Call, id ident.ID) (*Interaction, error) {
	rec, err := is.s.store.Interaction(ctx, c, id)
	if err == nil && !allowed(c, rec) {
		err = missing("interaction")
	}
	return rec, err
}

// Get returns an interaction by its id.
//
// Errors: NotFound, also for one the caller may not see; Denied when it may see none.
func (is Interactions) Get(ctx context.Context, id ident.ID) (Interaction, error) {
	return work.View(ctx, is.s.engine, is.scope, "customer: get interaction", EntityInteraction,
		func(ctx context.Context, c *work.Call) (Interaction, error) {
			rec, err := is.load(ctx, c, id)
			if err != nil {
				return Interaction{}, err
			}
			c.Mask(rec)
			return *rec, nil
		})
}

// Page returns one page of interactions.
//
// Errors: Invalid for a malformed filter, sort or cursor; NotFound for a customer the caller may not see; Denied.
func (is Interactions) Page(ctx context.Context, f InteractionFilter) (page.Page[Interaction], error) {
	const op = "customer: list interactions"
	var parties []ident.ID
	if !f.Customer.IsZero() {
		var err error
		if parties, err = is.s.Customers(is.scope).resolutionSet(ctx, op, f.Customer); err != nil {
			return page.Page[Interaction]{}, err
		}
	}
	return work.List(ctx, is.s.engine, is.scope, op, EntityInteraction, f.predicate(), f.Query,
		func(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[Interaction], error) {
			return is.s.store.ListInteractions(ctx, c, l, parties)
		})
}

// All returns the interactions of every page, loading page after page. It stops at the first error.
func (is Interactions) All(ctx context.Context, f InteractionFilter) iter.Seq2[Interaction, error] {
	return page.All(func(cursor string) (page.Page[Interaction], error) {
		if cursor != "" {
			f.Query.Cursor = cursor
		}
		return is.Page(ctx, f)
	})
}

func (f InteractionFilter) predicate() rule.Predicate {
	var all []rule.Predicate
	if f.Channel != "" {
		all = append(all, rule.Eq("channel", rule.Text(string(f.Channel))))
	}
	if f.Direction != "" {
		all = append(all, rule.Eq("direction", rule.Text(string(f.Direction))))
	}
	if !f.From.IsZero() {
		all = append(all, rule.Ge("at", rule.Time(f.From)))
	}
	if !f.To.IsZero() {
		all = append(all, rule.Lt("at", rule.Time(f.To)))
	}
	return rule.All(all...)
}
