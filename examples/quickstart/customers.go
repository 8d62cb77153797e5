package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
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

// importer takes one data set. Rows it takes again, on a second run, are updated.
type importer struct {
	set      dataset
	session  *crm.Session
	ids      map[string]ident.ID // organizations
	persons  map[string]bool
	products map[string]bool
	faults   []rowFault
}

// child is a row whose organization names a parent.
type child struct {
	*row
	id           ident.ID
	name, parent string
}

// organizations imports the file and ties children to parents.
func (im *importer) organizations(ctx context.Context, t table) (n tally, err error) {
	c := im.set.organizations
	var children []child
	im.ids = map[string]ident.ID{}
	for x, err := range t.rows() {
		if err != nil {
			return n, err
		}
		id, parent := x.get(c.id), x.get(c.parent)
		d := customer.OrganizationDraft{Name: x.name(c.name), Country: x.get(c.country), Custom: custom(x, c.custom)}
		x.columns = map[string]string{"ext.id": c.id, "name": c.name, "country": c.country}
		for column, field := range c.custom {
			x.columns["custom."+field] = column
		}
		rec, ok, err := im.upsert(ctx, x, "organization", c.id, im.ids[id] != ident.ID{}, d)
		if err != nil {
			return n, err
		}
		n.count(ok)
		if !ok {
			continue
		}
		im.ids[id] = rec.ID
		if parent != "" {
			children = append(children, child{x, rec.ID, id, parent})
		}
	}
	for _, x := range children {
		if err := im.adopt(ctx, x); err != nil {
			return n, err
		}
	}
	return n, nil
}

// adopt relates an organization to its parent, once.
func (im *importer) adopt(ctx context.Context, x child) error {
	column := im.set.organizations.parent
	parent, known := im.ids[x.parent]
	if known {
		return im.relate(ctx, x.row, column, customer.RelationshipDraft{Type: customer.Parent, From: x.id, To: parent})
	}
	x.fault(column, "unknown organization %q: it is not in %s; imported without a parent", x.parent, im.set.organizations.file)
	im.faults = append(im.faults, x.faults...)
	return nil
}

// relate ties two customers, once. A tie that the CRM refuses is a fault of the row, which is imported without it.
func (im *importer) relate(ctx context.Context, x *row, column string, d customer.RelationshipDraft) error {
	_, err := im.session.Once(fmt.Sprintf("%s %s %s", d.Type, d.From, d.To)).Customers.Relate(ctx, d)
	f, refused := refusal(err)
	if refused {
		x.fault(column, "cannot be its %s, and it is imported without: %s", d.Type, f.Message)
		im.faults = append(im.faults, x.faults...)
		return nil
	}
	return err
}

// people imports the file, with contact points and the organization each person works for.
func (im *importer) people(ctx context.Context, t table) (n tally, err error) {
	c := im.set.persons
	im.persons = map[string]bool{}
	for x, err := range t.rows() {
		if err != nil {
			return n, err
		}
		id, organization, role := x.get(c.id), x.get(c.organization), x.get(c.role)
		employer, known := im.ids[organization]
		if organization != "" && !known {
			x.fault(c.organization, "unknown organization %q: it is not in %s", organization, im.set.organizations.file)
		}
		rec, ok, err := im.upsert(ctx, x, "person", c.id, im.persons[id], im.person(x))
		if err != nil {
			return n, err
		}
		n.count(ok)
		if !ok {
			continue
		}
		im.persons[id] = true
		if known {
			err = im.relate(ctx, x, c.organization, customer.RelationshipDraft{Type: customer.Employment, From: rec.ID, To: employer, Role: role})
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// person reads what a row says about somebody.
func (im *importer) person(x *row) customer.PersonDraft {
	c := im.set.persons
	d := customer.PersonDraft{
		Given: x.name(c.given), Family: x.name(c.family), Name: x.name(c.whole), Country: x.get(c.country), OwnerTeam: x.get(c.team),
		Points: []customer.PointDraft{},
	}
	x.columns = map[string]string{
		"ext.id": c.id, "given": c.given, "family": c.family, "name": c.whole, "country": c.country, "owner_team": c.team,
	}
	for _, p := range []struct {
		column  string
		channel personal.Channel
	}{{c.email, personal.ByEmail}, {c.phone, personal.ByPhone}} {
		if v := x.get(p.column); v != "" {
			x.columns[fmt.Sprintf("points[%d].value", len(d.Points))] = p.column
			d.Points = append(d.Points, customer.PointDraft{Channel: p.channel, Value: v})
		}
	}
	return d
}

// upsert writes one customer. What the CRM refuses becomes faults of the row; other errors end the import.
func (im *importer) upsert(ctx context.Context, x *row, kind, column string, again bool, d customer.Draft) (rec customer.Customer, ok bool, err error) {
	id := x.get(column)
	switch {
	case len(x.faults) > 0:
	case id == "":
		x.fault(column, "is blank: a customer needs an id to be found again")
	case again:
		x.fault(column, "%q stands in an earlier row already", id)
	}
	if len(x.faults) == 0 {
		rec, err = im.session.Customers.Upsert(ctx, ident.Ext{System: im.set.name + "/" + kind, ID: id}, d)
		f, refused := refusal(err)
		if !refused {
			return rec, err == nil, err
		}
		x.refuse(f)
	}
	im.faults = append(im.faults, x.faults...)
	return rec, false, nil
}

// refusal tells what the CRM has against a row from an error that is about something else.
func refusal(err error) (*fault.Error, bool) {
	f, ok := errors.AsType[*fault.Error](err)
	return f, ok && (f.Code == fault.Invalid || f.Code == fault.Conflict || f.Code == fault.LimitExceeded)
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
			sets, err = decimal(sets, revenue, s)
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

// plain is how people write numbers: package strconv would also take 0x1p4, Inf and NaN.
var plain = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

func decimal(sets []schema.Set, key schema.Key[float64], s string) ([]schema.Set, error) {
	if !plain.MatchString(s) {
		return sets, strconv.ErrSyntax
	}
	f, err := strconv.ParseFloat(s, 64)
	return append(sets, key.Set(f)), err
}
