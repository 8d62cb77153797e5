package main

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/service"
)

// entity is what the commands know about one kind of record.
type entity struct {
	name    string
	kind    *work.Kind
	columns []string // members shown by list, as paths into the record's JSON
	// byExt is nil when it has no external ids, target, where the rows of files go, when it cannot be imported.
	byExt  func(ctx context.Context, s *crm.Session, ext ident.Ext) (schema.Aggregate, error)
	target func(s *crm.Session, kind string) transfer.Target
}

// entities are all kinds of records: what each can beyond the others, and the columns that people look for first.
func entities() []entity {
	more := map[string]entity{
		customer.EntityCustomer: {
			columns: []string{"id", "kind", "name", "country", "lifecycle", "owner_user"},
			byExt: func(ctx context.Context, s *crm.Session, x ident.Ext) (schema.Aggregate, error) {
				rec, err := s.Customers.ByExt(ctx, x)
				return &rec, err
			},
			target: func(s *crm.Session, _ string) transfer.Target { return s.Customers.Import() },
		},
		pipeline.EntityOpportunity: {
			columns: []string{"id", "name", "stage", "amount", "close_date", "customer", "owner_user"},
			byExt: func(ctx context.Context, s *crm.Session, x ident.Ext) (schema.Aggregate, error) {
				rec, err := s.Opportunities.ByExt(ctx, x)
				return &rec, err
			},
			target: func(s *crm.Session, _ string) transfer.Target { return s.Opportunities.Import() },
		},
		service.EntityCase: {
			columns: []string{"id", "type", "priority", "state", "subject", "customer", "owner_user"},
			target:  func(s *crm.Session, _ string) transfer.Target { return s.Cases.Import() },
		},
		pipeline.EntityLead: {
			columns: []string{"id", "state", "origin", "score", "customer", "owner_user"},
			target:  func(s *crm.Session, _ string) transfer.Target { return s.Leads.Import() },
		},
		custom.Family: {
			columns: []string{"id", "name", "customer", "owner_user", "created_at"},
			target: func(s *crm.Session, kind string) transfer.Target {
				return s.Objects(strings.TrimPrefix(kind, custom.Family+".")).Import()
			},
		},
	}
	var out, last []entity
	for _, k := range crm.Kinds() {
		e := more[k.Name()]
		if e.name, e.kind = k.Name(), k; k.Family {
			e.name += ".KEY" // of one that the tenant has defined
		}
		if e.columns == nil {
			e.columns = columnsOf(k)
		}
		if k.Module == work.Foundation {
			last = append(last, e)
			continue
		}
		out = append(out, e)
	}
	return append(out, last...)
}

// columnsOf are the id and the first fields of a kind's own.
func columnsOf(k *work.Kind) []string {
	out := []string{"id"}
	for _, f := range k.Entity.Fields() {
		if _, meta := reflect.TypeFor[schema.Meta]().FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, strings.ReplaceAll(f.Name, "_", "")) }); meta {
			continue
		}
		if out = append(out, f.Name); len(out) == 6 {
			break
		}
	}
	return out
}

// importForms lists what rows of files can hold, by kind of record.
func importForms() []transfer.Form {
	return slices.Concat(customer.ImportForms(), pipeline.ImportForms(), service.ImportForms(), object.ImportForms())
}

// entityNames are the names of all kinds.
func entityNames() []string { return namesOf(func(entity) bool { return true }) }

// entityHelp says what ENTITY may be.
func entityHelp() string {
	names := entityNames()
	half := len(names) / 2
	return "ENTITY is " + strings.Join(names[:half], ", ") + ",\n" + strings.Join(names[half:], ", ") + ".\n"
}

// importNames are the names of the kinds that can be imported.
func importNames() []string { return namesOf(func(e entity) bool { return e.target != nil }) }

func namesOf(some func(e entity) bool) []string {
	var names []string
	for _, e := range entities() {
		if some(e) {
			names = append(names, e.name)
		}
	}
	return names
}

func findEntity(name string) (entity, error) {
	all, names := entities(), entityNames()
	kind := work.Find(crm.Kinds(), name)
	for _, e := range all {
		switch family, own := schema.FamilyOf(name); {
		case e.name == name && !e.kind.Family:
			return e, nil
		case kind != nil && own && e.kind.Family && family == e.kind.Name():
			e.name, e.kind = name, kind
			return e, nil
		}
	}
	if near := rule.Nearest(name, names); near != "" {
		return entity{}, usage("%q is no entity; did you mean %q?", name, near)
	}
	return entity{}, usage("%q is no entity: want %s", name, strings.Join(names, ", "))
}
