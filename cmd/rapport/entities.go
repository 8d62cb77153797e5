package main

import (
	"context"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/service"
)

// entity is what get and list know about one kind of record.
type entity struct {
	name    string
	columns []string // members shown by list, as paths into the record's JSON
	get     func(ctx context.Context, s *crm.Session, id ident.ID) (any, error)
	byExt   func(ctx context.Context, s *crm.Session, ext ident.Ext) (any, error) // nil when it has no external ids
	reveal  func(ctx context.Context, s *crm.Session, rec any) (any, error)       // with its sensitive fields; nil when it has none
	page    func(ctx context.Context, s *crm.Session, q page.Query) (any, error)
	target  func(s *crm.Session) transfer.Target // where the rows of files go
}

func entities() []entity {
	return []entity{
		{
			name: customer.EntityCustomer, target: func(s *crm.Session) transfer.Target { return s.Customers.Import() },
			columns: []string{"id", "kind", "name", "country", "lifecycle", "owner_user"},
			get:     func(ctx context.Context, s *crm.Session, id ident.ID) (any, error) { return s.Customers.Get(ctx, id) },
			byExt:   func(ctx context.Context, s *crm.Session, x ident.Ext) (any, error) { return s.Customers.ByExt(ctx, x) },
			reveal: func(ctx context.Context, s *crm.Session, rec any) (any, error) {
				masked, ok := rec.(customer.Customer)
				if !ok {
					return rec, nil
				}
				return s.Customers.Reveal(ctx, masked.ID)
			},
			page: func(ctx context.Context, s *crm.Session, q page.Query) (any, error) {
				return s.Customers.Page(ctx, customer.Filter{Query: q})
			},
		},
		{
			name: pipeline.EntityOpportunity, target: func(s *crm.Session) transfer.Target { return s.Opportunities.Import() },
			columns: []string{"id", "name", "stage", "amount", "close_date", "customer", "owner_user"},
			get: func(ctx context.Context, s *crm.Session, id ident.ID) (any, error) {
				return s.Opportunities.Get(ctx, id)
			},
			byExt: func(ctx context.Context, s *crm.Session, x ident.Ext) (any, error) {
				return s.Opportunities.ByExt(ctx, x)
			},
			page: func(ctx context.Context, s *crm.Session, q page.Query) (any, error) {
				return s.Opportunities.Page(ctx, pipeline.OpportunityFilter{Query: q})
			},
		},
		{
			name: service.EntityCase, target: func(s *crm.Session) transfer.Target { return s.Cases.Import() },
			columns: []string{"id", "type", "priority", "state", "subject", "customer", "owner_user"},
			get:     func(ctx context.Context, s *crm.Session, id ident.ID) (any, error) { return s.Cases.Get(ctx, id) },
			page: func(ctx context.Context, s *crm.Session, q page.Query) (any, error) {
				return s.Cases.Page(ctx, service.CaseFilter{Query: q})
			},
		},
		{
			name: pipeline.EntityLead, target: func(s *crm.Session) transfer.Target { return s.Leads.Import() },
			columns: []string{"id", "state", "origin", "score", "customer", "owner_user"},
			get:     func(ctx context.Context, s *crm.Session, id ident.ID) (any, error) { return s.Leads.Get(ctx, id) },
			page: func(ctx context.Context, s *crm.Session, q page.Query) (any, error) {
				return s.Leads.Page(ctx, pipeline.LeadFilter{Query: q})
			},
		},
	}
}

// importForms lists what rows of files can hold, by kind of record.
func importForms() []transfer.Form {
	return slices.Concat(customer.ImportForms(), pipeline.ImportForms(), service.ImportForms())
}

func entityNames() []string {
	var names []string
	for _, e := range entities() {
		names = append(names, e.name)
	}
	return names
}

func findEntity(name string) (entity, error) {
	all, names := entities(), entityNames()
	i := slices.IndexFunc(all, func(e entity) bool { return e.name == name })
	if i >= 0 {
		return all[i], nil
	}
	if near := rule.Nearest(name, names); near != "" {
		return entity{}, usage("%q is no entity; did you mean %q?", name, near)
	}
	return entity{}, usage("%q is no entity: want %s", name, strings.Join(names, ", "))
}
