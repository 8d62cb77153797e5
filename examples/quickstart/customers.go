package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
)

// Custom fields of organizations: what the data sets know beyond the built-in fields, with typed keys.
var (
	sector    = schema.NewKey[string]("sector")
	location  = schema.NewKey[string]("location")
	founded   = schema.NewKey[int64]("founded")
	employees = schema.NewKey[int64]("employees")
	revenue   = schema.NewKey[float64]("revenue")
)

func defineFields(ctx context.Context, s *crm.Session) error {
	for _, d := range []schema.Definition{
		{Key: "sector", Type: rule.TypeText, Label: "Sector", Sortable: true},
		{Key: "location", Type: rule.TypeText, Label: "Location"},
		{Key: "founded", Type: rule.TypeInt, Label: "Founded in"},
		{Key: "employees", Type: rule.TypeInt, Label: "Employees"},
		{Key: "revenue", Type: rule.TypeFloat, Label: "Revenue in millions"},
	} {
		d.Entity, d.Class = customer.EntityCustomer, personal.None
		if _, err := s.Schema.Define(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// importer takes organizations and persons of one data set. Rows it takes again, on a second run, are updated.
type importer struct {
	set     dataset
	session *crm.Session
	ids     map[string]ident.ID // organizations
	persons map[string]bool
	faults  []rowFault
}

func (im *importer) ext(kind, id string) ident.Ext {
	return ident.Ext{System: im.set.name + "/" + kind, ID: id}
}

// organizations imports the file and ties children to parents.
func (im *importer) organizations(ctx context.Context) (int, error) {
	c := im.set.organizations
	children := map[string]*row{}
	im.ids = map[string]ident.ID{}
	for x, err := range rows(im.set.files, c.file, c.id, c.name) {
		if err != nil {
			return 0, err
		}
		id := x.get(c.id)
		d := customer.OrganizationDraft{Name: x.get(c.name), Country: x.get(c.country), Custom: custom(x, c.custom)}
		im.identify(x, c.id, im.ids[id] != ident.ID{})
		x.columns = map[string]string{"ext.id": c.id, "name": c.name, "country": c.country}
		for column, field := range c.custom {
			x.columns["custom."+field] = column
		}
		rec, ok, err := im.upsert(ctx, x, "organization", id, d)
		if err != nil {
			return 0, err
		}
		if ok {
			im.ids[id] = rec.ID
			if x.get(c.parent) != "" {
				children[id] = x
			}
		}
	}
	for _, child := range slices.Sorted(maps.Keys(children)) {
		if err := im.adopt(ctx, children[child], child); err != nil {
			return 0, err
		}
	}
	return len(im.ids), nil
}

// adopt relates an organization to its parent, once.
func (im *importer) adopt(ctx context.Context, x *row, child string) error {
	column := im.set.organizations.parent
	parent, known := im.ids[x.get(column)]
	if !known {
		im.faults = append(im.faults, rowFault{x.file, x.line, column, fmt.Sprintf("unknown organization %q; imported without a parent", x.get(column))})
		return nil
	}
	return im.relate(ctx, customer.RelationshipDraft{Type: customer.Parent, From: im.ids[child], To: parent})
}

func (im *importer) relate(ctx context.Context, d customer.RelationshipDraft) error {
	_, err := im.session.Once(fmt.Sprintf("%s %s %s", d.Type, d.From, d.To)).Customers.Relate(ctx, d)
	return err
}

// persons imports the file, with contact points and the organization each works for.
func (im *importer) people(ctx context.Context) (int, error) {
	c := im.set.persons
	im.persons = map[string]bool{}
	for x, err := range rows(im.set.files, c.file, c.id) {
		if err != nil {
			return 0, err
		}
		id := x.get(c.id)
		im.identify(x, c.id, im.persons[id])
		d := customer.PersonDraft{
			Given: x.get(c.given), Family: x.get(c.family), Name: x.get(c.whole), Country: x.get(c.country), OwnerTeam: x.get(c.team),
			Points: []customer.PointDraft{},
		}
		x.columns = map[string]string{"ext.id": c.id, "given": c.given, "family": c.family, "name": c.whole, "country": c.country}
		for _, p := range []struct {
			column  string
			channel personal.Channel
		}{{c.email, personal.ByEmail}, {c.phone, personal.ByPhone}} {
			if v := x.get(p.column); v != "" {
				x.columns[fmt.Sprintf("points[%d].value", len(d.Points))] = p.column
				d.Points = append(d.Points, customer.PointDraft{Channel: p.channel, Value: v})
			}
		}
		employer, known := im.ids[x.get(c.organization)]
		if x.get(c.organization) != "" && !known {
			x.fault(c.organization, "unknown organization %q: it is not in %s", x.get(c.organization), im.set.organizations.file)
		}
		rec, ok, err := im.upsert(ctx, x, "person", id, d)
		if err != nil {
			return 0, err
		}
		if !ok {
			continue
		}
		im.persons[id] = true
		if known {
			err = im.relate(ctx, customer.RelationshipDraft{Type: customer.Employment, From: rec.ID, To: employer, Role: x.get(c.role)})
		}
		if err != nil {
			return 0, err
		}
	}
	return len(im.persons), nil
}

func (im *importer) identify(x *row, column string, again bool) {
	switch {
	case len(x.faults) > 0:
	case x.get(column) == "":
		x.fault(column, "is blank: a customer needs an id to be found again")
	case again:
		x.fault(column, "%q stands in an earlier row already", x.get(column))
	}
}

// upsert writes one customer. What the CRM refuses as invalid becomes faults of the row; other errors end the import.
func (im *importer) upsert(ctx context.Context, x *row, kind, id string, d customer.Draft) (rec customer.Customer, ok bool, err error) {
	if len(x.faults) == 0 {
		if rec, err = im.session.Customers.Upsert(ctx, im.ext(kind, id), d); err == nil {
			return rec, true, nil
		}
		f, isFault := errors.AsType[*fault.Error](err)
		if !isFault || (f.Code != fault.Invalid && f.Code != fault.Conflict) {
			return rec, false, err
		}
		x.refuse(f)
	}
	im.faults = append(im.faults, x.faults...)
	return rec, false, nil
}

// custom reads the custom fields of a row; a number that is none is a fault.
func custom(x *row, columns map[string]string) (sets []schema.Set) {
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		s := x.get(column)
		if s == "" {
			continue
		}
		var err error
		switch columns[column] {
		case sector.Name():
			sets = append(sets, sector.Set(s))
		case location.Name():
			sets = append(sets, location.Set(s))
		case founded.Name():
			sets, err = number(sets, founded, s)
		case employees.Name():
			sets, err = number(sets, employees, s)
		case revenue.Name():
			var f float64
			f, err = strconv.ParseFloat(s, 64)
			sets = append(sets, revenue.Set(f))
		}
		if err != nil {
			x.fault(column, "%q is not a number", s)
		}
	}
	return sets
}

func number(sets []schema.Set, key schema.Key[int64], s string) ([]schema.Set, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return append(sets, key.Set(n)), err
}
