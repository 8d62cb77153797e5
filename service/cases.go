package service

import (
	"context"
	"iter"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Cases is the façade over cases. It is a light value, safe for concurrent use unless its scope is inside a
// transaction.
type Cases struct {
	svc   *Module
	scope work.Scope
}

// Open adds a case in state new and starts both clocks.
//
// Errors: Invalid; NotFound for a customer that the caller may not see; Denied; Conflict when the id is taken.
func (s Cases) Open(ctx context.Context, d CaseDraft) (Case, error) {
	var log *journal
	return s.write(ctx, work.Change[Case]{
		Op: "case: open", Action: work.Create, Kind: CaseOpened, ID: d.ID, Args: d,
		Apply: func(ctx context.Context, c *work.Call, cs *Case) error {
			log = &journal{}
			return s.open(ctx, c, cs, d, log)
		},
	}, &log)
}

func (s Cases) open(ctx context.Context, c *work.Call, cs *Case, d CaseDraft, log *journal) error {
	d = d.withDefaults()
	target, err := s.svc.sla.target(d.Priority)
	if err := d.validate(err); err != nil {
		return err
	}
	if _, err := s.svc.cfg.Customers.Resolve(ctx, c.Scope, d.Customer); err != nil {
		return noCustomer(err)
	}
	cs.Customer, cs.Type, cs.Priority = d.Customer, d.Type, d.Priority
	cs.Subject = personal.NewText(personal.Content, d.Subject)
	cs.Body = personal.NewText(personal.Content, d.Body)
	if d.OwnerUser != "" {
		cs.OwnerUser = d.OwnerUser
	}
	if d.OwnerTeam != "" {
		cs.OwnerTeam = d.OwnerTeam
	}
	cs.State, cs.StateSince = StateNew, c.Now
	cs.Policy = s.svc.sla.Version
	cs.FirstResponseTarget, cs.ResolutionTarget = target.FirstResponse, target.Resolution
	cs.FirstResponseDue, cs.ResolutionDue = c.Now.Add(target.FirstResponse), c.Now.Add(target.Resolution)
	log.moved(c, "", StateNew, "")
	for _, k := range cs.clocks() {
		log.clock(c, k, "started", c.Now)
	}
	s.svc.schedule(c, nil, cs)
	c.Fact("type", string(cs.Type))
	c.Fact("priority", string(cs.Priority))
	c.Line(cs.Customer, c.Now)
	return schema.Apply(c.Entity, &cs.Custom, d.Custom)
}

func noCustomer(err error) error {
	if fault.CodeOf(err) != fault.NotFound {
		return err
	}
	f := fault.New(fault.NotFound, "no such customer")
	f.Field = "customer"
	return f
}

func (d CaseDraft) withDefaults() CaseDraft {
	if d.Type == "" {
		d.Type = Request
	}
	if d.Priority == "" {
		d.Priority = Normal
	}
	return d
}

func (d CaseDraft) validate(priority error) error {
	var v fault.Violations
	if d.Customer.IsZero() {
		v.Add("customer", "must not be blank: a case belongs to a customer")
	}
	if strings.TrimSpace(d.Subject) == "" {
		v.Add("subject", "must not be blank")
	}
	v.AddAll("", priority)
	checkTexts(&v, d.Type, d.Subject, d.Body)
	return v.Err()
}

func checkTexts(v *fault.Violations, typ Type, subject, body string) {
	if !word.MatchString(string(typ)) {
		v.Add("type", "%s", wordForm)
	}
	v.AddAll("", schema.CheckText("subject", subject, 200))
	v.AddAll("", schema.CheckText("body", body, 20000))
}

// Get returns one case.
//
// Errors: NotFound, also for one the caller may not see; Denied.
func (s Cases) Get(ctx context.Context, id ident.ID) (Case, error) {
	return work.View(ctx, s.svc.cfg.Engine, s.scope, "case: get", EntityCase,
		func(ctx context.Context, c *work.Call) (Case, error) {
			cs, err := s.svc.cfg.Store.Case(ctx, c, id, false)
			if cs, err = within(c, cs, err); err != nil {
				return Case{}, err
			}
			c.Mask(cs)
			return *cs, nil
		})
}

// Page returns one page of cases. Sorting by resolution_due or first_response_due shows what is due next.
//
// Errors: Invalid for a malformed query or cursor; NotFound for a customer the caller may not see; Denied.
func (s Cases) Page(ctx context.Context, f CaseFilter) (page.Page[Case], error) {
	const op = "case: list"
	var ids []ident.ID
	if !f.Customer.IsZero() {
		if err := s.scope.Validate(); err != nil {
			return page.Page[Case]{}, fault.At(op, err)
		}
		var err error
		if ids, err = s.svc.cfg.Customers.Resolve(ctx, s.scope, f.Customer); err != nil {
			return page.Page[Case]{}, fault.At(op, err)
		}
	}
	return work.List(ctx, s.svc.cfg.Engine, s.scope, op, EntityCase, f.predicate(ids), f.Query, s.svc.cfg.Store.ListCases)
}

// All ranges over every case of the filter, page by page. It stops at the first error.
func (s Cases) All(ctx context.Context, f CaseFilter) iter.Seq2[Case, error] {
	return page.All(func(cursor string) (page.Page[Case], error) {
		next := f
		if cursor != "" {
			next.Query.Cursor = cursor
		}
		return s.Page(ctx, next)
	})
}

// History returns everything that happened to a case and its clocks, oldest first. A reader who may not see the body
// sees no notes either.
//
// Errors: NotFound; Denied.
func (s Cases) History(ctx context.Context, id ident.ID) ([]Entry, error) {
	return work.View(ctx, s.svc.cfg.Engine, s.scope, "case: history", EntityCase,
		func(ctx context.Context, c *work.Call) ([]Entry, error) {
			cs, err := s.svc.cfg.Store.Case(ctx, c, id, false)
			if cs, err = within(c, cs, err); err != nil {
				return nil, err
			}
			list, err := s.svc.cfg.Store.Entries(ctx, c, cs)
			if c.Hides("body", personal.Content) {
				for i := range list {
					list[i].Note = personal.NewMasked(personal.Content)
				}
			}
			return list, err
		})
}

func (s Cases) lock(id ident.ID) func(ctx context.Context, c *work.Call) (*Case, error) {
	return func(ctx context.Context, c *work.Call) (*Case, error) {
		cs, err := s.svc.cfg.Store.Case(ctx, c, id, true)
		return within(c, cs, err)
	}
}

// write runs a change with the parts that all of them share; log is where Apply leaves the history.
func (s Cases) write(ctx context.Context, ch work.Change[Case], log **journal) (Case, error) {
	ch.Entity = EntityCase
	ch.Save = func(ctx context.Context, c *work.Call, before, after *Case) error {
		return s.svc.cfg.Store.SaveCase(ctx, c, before, after, (*log).stamp(after))
	}
	ch.Replay = func(ctx context.Context, c *work.Call, id ident.ID) (*Case, error) {
		acc, err := c.AccessTo(ctx, EntityCase, work.Read)
		if err != nil {
			return nil, err
		}
		r := *c
		r.Access = acc
		cs, err := s.svc.cfg.Store.Case(ctx, c, id, false)
		return within(&r, cs, err)
	}
	return work.Write(ctx, s.svc.cfg.Engine, s.scope, ch)
}
