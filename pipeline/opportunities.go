package pipeline

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/work"
)

// Opportunities is the façade over opportunities. It is a light value, safe for concurrent use unless its scope is
// inside a transaction.
type Opportunities struct {
	svc   *Module
	scope work.Scope
}

// Create adds an opportunity in the first stage of its pipeline, or in the stage the draft names: the entry gates of
// that stage are asked. A lost stage cannot be the first: its reason comes with [Opportunities.Lose].
//
// Errors: Invalid; Gate with the clauses that refuse; NotFound for a customer that the caller may not see; Denied;
// Conflict when the id or the external id is taken.
func (o Opportunities) Create(ctx context.Context, d OpportunityDraft) (Opportunity, error) {
	return o.create(ctx, "opportunity: create", d, nil, nil)
}

// create makes an opportunity; past is not nil for imported history, memo for bulk loads.
func (o Opportunities) create(ctx context.Context, op string, d OpportunityDraft, past *past, m *memo) (Opportunity, error) {
	var move *Transition
	return o.write(ctx, work.Change[Opportunity]{
		Op: op, Action: work.Create, Kind: OpportunityCreated, ID: d.ID, Args: d,
		Apply: func(ctx context.Context, c *work.Call, rec *Opportunity) (err error) {
			move, err = o.svc.begin(ctx, c, rec, d, past, m)
			return err
		},
	}, &move)
}

// Upsert creates the opportunity of an external id, or brings the one there is up to the draft: what the draft leaves
// zero stays as it is, and another stage is a move through its gates. The draft's own ID and Ext are not used.
//
// Errors: as Create; Conflict with reason "state" when the draft would move a closed opportunity.
func (o Opportunities) Upsert(ctx context.Context, ext ident.Ext, d OpportunityDraft) (Opportunity, error) {
	d.Ext = ext
	rec, _, err := o.upsert(ctx, d, nil, nil)
	return rec, err
}

// fate says what an upsert did.
type fate uint8

const (
	created fate = iota
	updated
	unchanged
)

func (o Opportunities) upsert(ctx context.Context, d OpportunityDraft, past *past, m *memo) (Opportunity, fate, error) {
	const op = "opportunity: upsert"
	if err := o.scope.Validate(); err != nil {
		return Opportunity{}, 0, fault.At(op, err)
	}
	if err := checkExt(d.Ext, true); err != nil {
		return Opportunity{}, 0, fault.At(op, err)
	}
	for try := 0; ; try++ {
		id, err := o.find(ctx, d.Ext)
		if err == nil {
			return o.bring(ctx, id, d, past, m)
		}
		if fault.CodeOf(err) != fault.NotFound {
			return Opportunity{}, 0, fault.At(op, err)
		}
		rec, err := o.create(ctx, op, d, past, m)
		if fault.CodeOf(err) == fault.Conflict && try == 0 { // another writer created it meanwhile
			continue
		}
		return rec, created, err
	}
}

// bring changes an existing opportunity to what a draft says.
func (o Opportunities) bring(ctx context.Context, id ident.ID, d OpportunityDraft, past *past, m *memo) (Opportunity, fate, error) {
	var move *Transition
	did := unchanged
	rec, err := o.write(ctx, work.Change[Opportunity]{
		Op: "opportunity: upsert", Action: work.Edit, Kind: OpportunityUpdated, Args: d,
		ID:   d.ID, // as in the creation, so that a repeated key finds its first write
		Load: o.lock(id),
		Apply: func(ctx context.Context, c *work.Call, rec *Opportunity) (err error) {
			move = nil
			if !d.Customer.IsZero() {
				if err = m.customer(ctx, c, o.svc, d.Customer); err != nil {
					return err
				}
				rec.Customer = d.Customer
			}
			if err = d.update().apply(c, rec, past != nil); err != nil {
				return err
			}
			if d.Stage == "" || d.Stage == rec.Stage {
				return o.svc.correct(ctx, c, rec, past)
			}
			def, err := m.pinned(ctx, c, o.svc, rec.Pipeline, rec.PipelineVersion)
			if err != nil {
				return err
			}
			move, err = o.svc.step(ctx, c, rec, def, d.Stage, past)
			return err
		},
		Save: func(ctx context.Context, c *work.Call, before, after *Opportunity) error {
			did = updated
			return o.svc.cfg.Store.SaveOpportunity(ctx, c, before, after, move.stamp(after))
		},
	}, nil)
	return rec, did, err
}

// find resolves an external id past the row predicate: the write that follows checks the rights to the row.
func (o Opportunities) find(ctx context.Context, ext ident.Ext) (ident.ID, error) {
	return work.View(ctx, o.svc.cfg.Engine, o.scope, "opportunity: upsert", EntityOpportunity,
		func(ctx context.Context, c *work.Call) (ident.ID, error) {
			return o.svc.cfg.Store.OpportunityByExt(ctx, c, ext)
		})
}

// Get returns one opportunity.
//
// Errors: NotFound, also for one the caller may not see; Denied.
func (o Opportunities) Get(ctx context.Context, id ident.ID) (Opportunity, error) {
	return work.View(ctx, o.svc.cfg.Engine, o.scope, "opportunity: get", EntityOpportunity,
		func(ctx context.Context, c *work.Call) (Opportunity, error) { return o.get(ctx, c, id) })
}

func (o Opportunities) get(ctx context.Context, c *work.Call, id ident.ID) (Opportunity, error) {
	rec, err := o.svc.cfg.Store.Opportunity(ctx, c, id, false)
	if rec, err = within(c, rec, err); err != nil {
		return Opportunity{}, err
	}
	c.Mask(rec)
	return *rec, nil
}

// ByExt returns the opportunity of an external id.
//
// Errors: Invalid for a malformed external id; NotFound; Denied.
func (o Opportunities) ByExt(ctx context.Context, ext ident.Ext) (Opportunity, error) {
	if err := checkExt(ext, true); err != nil {
		return Opportunity{}, fault.At("opportunity: get", err)
	}
	return work.View(ctx, o.svc.cfg.Engine, o.scope, "opportunity: get", EntityOpportunity,
		func(ctx context.Context, c *work.Call) (Opportunity, error) {
			id, err := o.svc.cfg.Store.OpportunityByExt(ctx, c, ext)
			if err != nil {
				return Opportunity{}, err
			}
			return o.get(ctx, c, id)
		})
}

// Update changes fields. version is the version the caller saw; 0 means whatever is stored now. Changes that change
// nothing write nothing.
//
// Errors: Invalid; NotFound; Denied; Conflict with the current version.
func (o Opportunities) Update(ctx context.Context, id ident.ID, version int64, up OpportunityUpdate) (Opportunity, error) {
	var none *Transition
	return o.write(ctx, work.Change[Opportunity]{
		Op: "opportunity: update", Action: work.Edit, Kind: OpportunityUpdated, ID: id, Version: version, Args: up,
		Load: o.lock(id),
		Apply: func(_ context.Context, c *work.Call, rec *Opportunity) error {
			err := up.apply(c, rec, false)
			if err == nil && up.LostReason != nil && (rec.Category == Lost) == (rec.LostReason == "") {
				err = fault.Field("lost_reason", "a lost opportunity has one, and no other: use Lose")
			}
			return err
		},
	}, &none)
}

// Delete removes an opportunity from every list. Its history and events stay. Deleting one that is gone is NotFound.
//
// Errors: NotFound; Denied.
func (o Opportunities) Delete(ctx context.Context, id ident.ID) error {
	_, err := o.write(ctx, work.Change[Opportunity]{
		Op: "opportunity: delete", Action: work.Delete, Kind: OpportunityDeleted, ID: id, Load: o.lock(id),
		Apply: func(_ context.Context, c *work.Call, _ *Opportunity) error {
			c.Touch("deleted")
			return nil
		},
		Save: o.svc.cfg.Store.DeleteOpportunity,
		Replay: func(context.Context, *work.Call, ident.ID) (*Opportunity, error) {
			return &Opportunity{}, nil // it is gone, as the first call said
		},
	}, nil)
	return err
}

// Page returns one page of opportunities.
//
// Errors: Invalid for a malformed query or cursor; NotFound for a customer the caller may not see; Denied.
func (o Opportunities) Page(ctx context.Context, f OpportunityFilter) (page.Page[Opportunity], error) {
	const op = "opportunity: list"
	var ids []ident.ID
	if !f.Customer.IsZero() {
		if err := o.scope.Validate(); err != nil {
			return page.Page[Opportunity]{}, fault.At(op, err)
		}
		var err error
		if ids, err = o.svc.cfg.Customers.Resolve(ctx, o.scope, f.Customer); err != nil {
			return page.Page[Opportunity]{}, fault.At(op, err)
		}
	}
	return work.List(ctx, o.svc.cfg.Engine, o.scope, op, EntityOpportunity, f.predicate(ids), f.Query,
		o.svc.cfg.Store.ListOpportunities)
}

// All ranges over every opportunity of the filter, page by page. It stops at the first error. Records that are
// created or changed meanwhile may or may not appear, none twice under an unchanging sort key.
func (o Opportunities) All(ctx context.Context, f OpportunityFilter) iter.Seq2[Opportunity, error] {
	return page.All(func(cursor string) (page.Page[Opportunity], error) {
		next := f
		if cursor != "" {
			next.Query.Cursor = cursor
		}
		return o.Page(ctx, next)
	})
}

// History returns the stages an opportunity went through, oldest first. Values in the evidence that the caller may
// not see are [Hidden].
//
// Errors: NotFound; Denied.
func (o Opportunities) History(ctx context.Context, id ident.ID) ([]Transition, error) {
	return work.View(ctx, o.svc.cfg.Engine, o.scope, "opportunity: history", EntityOpportunity,
		func(ctx context.Context, c *work.Call) ([]Transition, error) {
			if _, err := o.get(ctx, c, id); err != nil {
				return nil, err
			}
			list, err := o.svc.cfg.Store.Transitions(ctx, c, id)
			for i := range list {
				hide(c, list[i].Evidence)
			}
			return list, err
		})
}

func hide(c *work.Call, list []Evidence) {
	for i := range list {
		if list[i].Field != "" && c.CheckField(list[i].Field) != nil {
			list[i].Value = Hidden
		}
	}
}

func (o Opportunities) lock(id ident.ID) func(ctx context.Context, c *work.Call) (*Opportunity, error) {
	return func(ctx context.Context, c *work.Call) (*Opportunity, error) {
		rec, err := o.svc.cfg.Store.Opportunity(ctx, c, id, true)
		return within(c, rec, err)
	}
}

// write runs a change with the parts that all of them share. move is where Apply leaves the row of history; nil when
// the change brings its own Save.
func (o Opportunities) write(ctx context.Context, ch work.Change[Opportunity], move **Transition) (Opportunity, error) {
	ch.Entity = EntityOpportunity
	if ch.Save == nil {
		ch.Save = func(ctx context.Context, c *work.Call, before, after *Opportunity) error {
			return o.svc.cfg.Store.SaveOpportunity(ctx, c, before, after, (*move).stamp(after))
		}
	}
	if ch.Replay == nil {
		ch.Replay = func(ctx context.Context, c *work.Call, id ident.ID) (*Opportunity, error) {
			r, err := reader(ctx, c)
			if err != nil {
				return nil, err
			}
			rec, err := o.svc.cfg.Store.Opportunity(ctx, c, id, false)
			return within(r, rec, err)
		}
	}
	return work.Write(ctx, o.svc.cfg.Engine, o.scope, ch)
}
