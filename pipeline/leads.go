package pipeline

import (
	"context"
	"iter"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Leads is the façade over leads. It is a light value, safe for concurrent use unless its scope is inside a
// transaction.
type Leads struct {
	svc   *Module
	scope work.Scope
}

// Create adds a lead in state new.
//
// Errors: Invalid; NotFound for a customer that the caller may not see; Denied; Conflict when the id is taken.
func (l Leads) Create(ctx context.Context, d LeadDraft) (Lead, error) {
	var move *LeadMove
	return l.write(ctx, work.Change[Lead]{
		Op: "lead: create", Action: work.Create, Kind: LeadCreated, ID: d.ID, Args: d,
		Apply: func(ctx context.Context, c *work.Call, rec *Lead) error {
			if err := d.validate(); err != nil {
				return err
			}
			if err := l.known(ctx, c, d.Customer); err != nil {
				return err
			}
			rec.Customer, rec.Origin, rec.Campaign, rec.Score = d.Customer, d.Origin, d.Campaign, d.Score
			if d.OwnerUser != "" {
				rec.OwnerUser = d.OwnerUser
			}
			if d.OwnerTeam != "" {
				rec.OwnerTeam = d.OwnerTeam
			}
			move = rec.enter(c, LeadNew, "")
			c.Line(rec.Customer, c.Now)
			return schema.Apply(c.Entity, &rec.Custom, d.Custom)
		},
	}, &move)
}

// known checks that a customer exists and may be seen; the zero id is nobody.
func (l Leads) known(ctx context.Context, c *work.Call, id ident.ID) error {
	if id.IsZero() {
		return nil
	}
	return (*memo)(nil).customer(ctx, c, l.svc, id)
}

// Get returns one lead.
//
// Errors: NotFound, also for one the caller may not see; Denied.
func (l Leads) Get(ctx context.Context, id ident.ID) (Lead, error) {
	return work.View(ctx, l.svc.cfg.Engine, l.scope, "lead: get", EntityLead,
		func(ctx context.Context, c *work.Call) (Lead, error) { return l.get(ctx, c, id) })
}

func (l Leads) get(ctx context.Context, c *work.Call, id ident.ID) (Lead, error) {
	rec, err := l.svc.cfg.Store.Lead(ctx, c, id, false)
	if rec, err = within(c, rec, err); err != nil {
		return Lead{}, err
	}
	c.Mask(rec)
	return *rec, nil
}

// Update changes fields. version is the version the caller saw; 0 means whatever is stored now.
//
// Errors: Invalid; NotFound; Denied; Conflict with the current version, or with reason "state" when the customer of
// a converted lead would change.
func (l Leads) Update(ctx context.Context, id ident.ID, version int64, up LeadUpdate) (Lead, error) {
	var none *LeadMove
	return l.write(ctx, work.Change[Lead]{
		Op: "lead: update", Action: work.Edit, Kind: LeadUpdated, ID: id, Version: version, Args: up, Load: l.lock(id),
		Apply: func(ctx context.Context, c *work.Call, rec *Lead) error {
			if err := c.CheckSets(up.sets()...); err != nil {
				return err
			}
			if up.Customer != nil && *up.Customer != rec.Customer {
				if rec.State == Converted {
					return refused(rec.Version, "a converted lead keeps its customer")
				}
				if err := l.known(ctx, c, *up.Customer); err != nil {
					return err
				}
			}
			if err := (LeadDraft{Origin: deref(up.Origin), Campaign: deref(up.Campaign)}).validate(); err != nil {
				return err
			}
			put(&rec.Customer, up.Customer)
			put(&rec.Origin, up.Origin)
			put(&rec.Campaign, up.Campaign)
			put(&rec.Score, up.Score)
			put(&rec.OwnerUser, up.OwnerUser)
			put(&rec.OwnerTeam, up.OwnerTeam)
			return schema.Apply(c.Entity, &rec.Custom, up.Custom)
		},
	}, &none)
}

// sets names the fields that the update is about.
func (up LeadUpdate) sets() []string {
	out := schema.Names(up.Custom)
	for name, set := range map[string]bool{
		"customer": up.Customer != nil, "origin": up.Origin != nil, "campaign": up.Campaign != nil, "score": up.Score != nil,
		"owner_user": up.OwnerUser != nil, "owner_team": up.OwnerTeam != nil,
	} {
		if set {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Work says that somebody has taken up a new lead. Working on one again changes nothing.
//
// Errors: Conflict with reason "state" when it is past that; NotFound; Denied.
func (l Leads) Work(ctx context.Context, id ident.ID) (Lead, error) {
	return l.move(ctx, id, verbWork, "")
}

// Qualify says that a lead is worth an opportunity. Qualifying one again changes nothing.
//
// Errors: Conflict with reason "state" when it is converted or disqualified; NotFound; Denied.
func (l Leads) Qualify(ctx context.Context, id ident.ID) (Lead, error) {
	return l.move(ctx, id, verbQualify, "")
}

// Disqualify says that a lead is not worth an opportunity. The reason is a key of the host's, such as "no-budget", so
// that reports can count it. Disqualifying one again changes nothing; its first reason stays.
//
// Errors: Invalid for a malformed reason; Conflict with reason "state" when it is converted; NotFound; Denied.
func (l Leads) Disqualify(ctx context.Context, id ident.ID, reason string) (Lead, error) {
	if !word.MatchString(reason) {
		return Lead{}, fault.At("lead: disqualify", fault.Field("reason", "%s, such as \"no-budget\"", wordForm))
	}
	return l.move(ctx, id, verbDisqualify, reason)
}

// Reopen takes a disqualified lead back to working. Reopening one that is worked on changes nothing.
//
// Errors: Conflict with reason "state" in every other state; NotFound; Denied.
func (l Leads) Reopen(ctx context.Context, id ident.ID) (Lead, error) {
	return l.move(ctx, id, verbReopen, "")
}

func (l Leads) move(ctx context.Context, id ident.ID, v leadVerb, reason string) (Lead, error) {
	var move *LeadMove
	return l.write(ctx, work.Change[Lead]{
		Op: "lead: " + string(v), Action: work.Edit, Kind: LeadMoved, ID: id, Args: reason, Load: l.lock(id),
		Apply: func(_ context.Context, c *work.Call, rec *Lead) error {
			move = nil
			if err := c.CheckSets("state"); err != nil {
				return err
			}
			to, err := rec.next(v)
			if err != nil || to == rec.State {
				return err
			}
			move = rec.enter(c, to, reason)
			c.Fact("from", string(move.From))
			c.Fact("to", string(move.To))
			if to == Disqualified {
				c.Emit(LeadDisqualified, map[string]string{"reason": reason})
			}
			return nil
		},
	}, &move)
}

// enter is the one place where a lead's state changes.
func (rec *Lead) enter(c *work.Call, to LeadState, reason string) *LeadMove {
	m := &LeadMove{
		From: rec.State, To: to, At: c.Now, Reason: reason,
		Actor: ident.Principal{Tenant: c.Tenant(), ID: c.Principal.ID, Kind: c.Principal.Kind},
	}
	if !rec.StateSince.IsZero() {
		m.Stay = max(0, c.Now.Sub(rec.StateSince))
	}
	rec.State, rec.StateSince, rec.Reason = to, c.Now, reason
	return m
}

// Delete removes a lead from every list. Its history and events stay.
//
// Errors: NotFound; Denied.
func (l Leads) Delete(ctx context.Context, id ident.ID) error {
	_, err := l.write(ctx, work.Change[Lead]{
		Op: "lead: delete", Action: work.Delete, Kind: LeadDeleted, ID: id, Load: l.lock(id),
		Apply: func(_ context.Context, c *work.Call, _ *Lead) error {
			c.Touch("deleted")
			return nil
		},
		Save:   l.svc.cfg.Store.DeleteLead,
		Replay: func(context.Context, *work.Call, ident.ID) (*Lead, error) { return &Lead{}, nil },
	}, nil)
	return err
}

// Page returns one page of leads.
//
// Errors: Invalid for a malformed query or cursor; NotFound for a customer the caller may not see; Denied.
func (l Leads) Page(ctx context.Context, f LeadFilter) (page.Page[Lead], error) {
	const op = "lead: list"
	var ids []ident.ID
	if !f.Customer.IsZero() {
		if err := l.scope.Validate(); err != nil {
			return page.Page[Lead]{}, fault.At(op, err)
		}
		var err error
		if ids, err = l.svc.cfg.Customers.Resolve(ctx, l.scope, f.Customer); err != nil {
			return page.Page[Lead]{}, fault.At(op, err)
		}
	}
	return work.List(ctx, l.svc.cfg.Engine, l.scope, op, EntityLead, f.predicate(ids), f.Query, l.svc.cfg.Store.ListLeads)
}

// All ranges over every lead of the filter, page by page. It stops at the first error.
func (l Leads) All(ctx context.Context, f LeadFilter) iter.Seq2[Lead, error] {
	return page.All(func(cursor string) (page.Page[Lead], error) {
		next := f
		if cursor != "" {
			next.Query.Cursor = cursor
		}
		return l.Page(ctx, next)
	})
}

// History returns the states a lead went through, oldest first.
//
// Errors: NotFound; Denied.
func (l Leads) History(ctx context.Context, id ident.ID) ([]LeadMove, error) {
	return work.View(ctx, l.svc.cfg.Engine, l.scope, "lead: history", EntityLead,
		func(ctx context.Context, c *work.Call) ([]LeadMove, error) {
			if _, err := l.get(ctx, c, id); err != nil {
				return nil, err
			}
			return l.svc.cfg.Store.LeadHistory(ctx, c, id)
		})
}

func (l Leads) lock(id ident.ID) func(ctx context.Context, c *work.Call) (*Lead, error) {
	return func(ctx context.Context, c *work.Call) (*Lead, error) {
		rec, err := l.svc.cfg.Store.Lead(ctx, c, id, true)
		return within(c, rec, err)
	}
}

// write runs a change with the parts that all of them share; move is where Apply leaves the row of history.
func (l Leads) write(ctx context.Context, ch work.Change[Lead], move **LeadMove) (Lead, error) {
	ch.Entity = EntityLead
	if ch.Save == nil {
		ch.Save = func(ctx context.Context, c *work.Call, before, after *Lead) error {
			if m := *move; m != nil {
				m.Lead, m.Version = after.ID, after.Version
			}
			return l.svc.cfg.Store.SaveLead(ctx, c, before, after, *move)
		}
	}
	if ch.Replay == nil {
		ch.Replay = func(ctx context.Context, c *work.Call, id ident.ID) (*Lead, error) {
			r, err := reader(ctx, c)
			if err != nil {
				return nil, err
			}
			rec, err := l.svc.cfg.Store.Lead(ctx, c, id, false)
			return within(r, rec, err)
		}
	}
	return work.Write(ctx, l.svc.cfg.Engine, l.scope, ch)
}
