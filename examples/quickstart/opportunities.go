package main

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/pipeline"
)

// salesPipeline is the process both data sets follow. Nobody enters Proposal without an amount and a date.
func salesPipeline(currency string) pipeline.Definition {
	return pipeline.Definition{Key: "sales", Name: "Sales", Stages: []pipeline.Stage{
		{Key: "prospecting", Name: "Prospecting", Probability: 1000},
		{Key: "engaging", Name: "Engaging", Probability: 3000},
		{Key: "proposal", Name: "Proposal", Probability: 6000, Entry: []pipeline.Gate{
			{ID: "amount-known", Expr: fmt.Sprintf(`amount >= money("1000.00 %s")`, currency), Message: "A proposal needs an amount worth the work."},
			{ID: "date-known", Expr: `close_date > today`, Message: "A proposal needs a closing date to come."},
		}},
		{Key: "won", Name: "Won", Category: pipeline.Won, Probability: pipeline.Full},
		{Key: "lost", Name: "Lost", Category: pipeline.Lost},
	}}
}

// reader turns rows of one data set into opportunities. What it cannot take as it stands becomes a fault.
type reader struct {
	set       dataset
	customers map[string]ident.ID
	products  map[string]bool
	persons   map[string]bool // known owners; nil when the set does not list them
	seen      map[string]int  // id → row
	lines     []int           // of the rows that were handed over
	faults    []rowFault
}

// read checks one row and returns what to load. A row with faults returns ok false.
func (rd *reader) read(x *row) (d pipeline.OpportunityDraft, ok bool) {
	c := rd.set.opportunities
	if x.broken {
		return d, false
	}
	d.Ext = ident.Ext{System: rd.set.name, ID: rd.unique(x, c.id)}
	d.Pipeline, d.Stage = "sales", rd.stage(x)
	d.Product = x.get(c.product)
	if !rd.products[d.Product] {
		x.fault(c.product, "unknown product %q: it is not in %s", d.Product, rd.set.products.file)
	}
	d.Customer = rd.customer(x, c.organization)
	if d.OwnerUser = x.get(c.owner); rd.persons != nil && !rd.persons[d.OwnerUser] {
		x.fault(c.owner, "is no sales agent of %s", rd.set.persons.file)
	}
	d.OpenedOn, d.ClosedOn = rd.date(x, c.opened), rd.date(x, c.closed)
	d.Amount = rd.amount(x)
	rd.consistent(x, &d)
	return d, len(x.faults) == 0
}

func (rd *reader) unique(x *row, column string) string {
	id := x.get(column)
	switch first, again := rd.seen[id]; {
	case id == "":
		x.fault(column, "is blank: an opportunity needs its id")
	case again:
		x.fault(column, "%q stands in line %d already", id, first)
	default:
		rd.seen[id] = x.line
	}
	return id
}

// stage returns the stage for the set's own word, spelled as the set spells it.
func (rd *reader) stage(x *row) string {
	c := rd.set.opportunities.stage
	word := x.get(c)
	stage, known := rd.set.stages[word]
	switch {
	case word == "":
		x.fault(c, "is blank: want one of %q", slices.Sorted(maps.Keys(rd.set.stages)))
	case !known:
		x.fault(c, "unknown stage %q: want one of %q", word, slices.Sorted(maps.Keys(rd.set.stages)))
	}
	return stage
}

func (rd *reader) customer(x *row, column string) ident.ID {
	name := x.get(column)
	id, known := rd.customers[name]
	switch {
	case name == "":
		x.fault(column, "is blank: an opportunity needs its customer")
	case !known:
		x.fault(column, "unknown organization %q: it is not in %s", name, rd.set.organizations.file)
	}
	return id
}

func (rd *reader) date(x *row, column string) (d date.Date) {
	if s := x.get(column); s != "" {
		var err error
		if d, err = rd.set.day(s); err != nil {
			x.fault(column, "%q is not a date of the form %s", s, rd.set.dateForm)
		}
	}
	return d
}

func (rd *reader) amount(x *row) money.Amount {
	c := rd.set.opportunities
	s, currency := x.get(c.amount), rd.set.currency
	if s == "" {
		return money.Amount{}
	}
	if c.currency != "" && x.get(c.currency) != "" {
		currency = x.get(c.currency)
	}
	a, err := money.ParseDecimal(s, currency)
	switch {
	case !money.ValidCurrency(currency):
		x.fault(c.currency, "%q is no currency: want a code such as EUR", currency)
	case err != nil:
		x.fault(c.amount, "%q is not an amount in %s, written like 1054.50", s, currency)
	case a.Minor < 0:
		x.fault(c.amount, "is negative")
	}
	return a
}

// consistent checks what the stage demands of the other columns.
func (rd *reader) consistent(x *row, d *pipeline.OpportunityDraft) {
	c := rd.set.opportunities
	closed := d.Stage == "won" || d.Stage == "lost"
	switch {
	case d.Stage == "": // nothing can be said
	case closed && x.get(c.closed) == "":
		x.fault(c.closed, "is blank: a deal that is %s has a closing date", d.Stage)
	case !closed && x.get(c.closed) != "":
		x.fault(c.closed, "is set, but the deal is still open")
	case !closed && x.get(c.opened) == "":
		x.fault(c.opened, "is blank: an open deal without any date cannot be placed in the pipeline")
	}
	if d.Stage == "won" && x.get(c.amount) == "" {
		x.fault(c.amount, "is blank: a deal that is won has a value")
	}
	if !d.ClosedOn.IsZero() && !d.OpenedOn.IsZero() && d.ClosedOn.Before(d.OpenedOn) {
		x.fault(c.closed, "lies before %s", c.opened)
	}
}

// column names the column of a field that the CRM refuses.
func (rd *reader) column(field string) string {
	c := rd.set.opportunities
	for prefix, column := range map[string]string{
		"ext": c.id, "customer": c.organization, "product": c.product, "stage": c.stage, "opened_on": c.opened, "closed_on": c.closed,
		"amount": c.amount, "owner_user": c.owner,
	} {
		if field == prefix || strings.HasPrefix(field, prefix+".") {
			return column
		}
	}
	return field
}

// load yields the rows that can be taken and collects the faults of the others.
func (rd *reader) load(t table, n *tally, failed *error) iter.Seq2[pipeline.OpportunityDraft, error] {
	return func(yield func(pipeline.OpportunityDraft, error) bool) {
		for x, err := range t.rows() {
			if err != nil {
				*failed = err
				return
			}
			d, ok := rd.read(x)
			n.count(ok)
			if !ok {
				rd.faults = append(rd.faults, x.faults...)
				continue
			}
			rd.lines = append(rd.lines, x.line)
			if !yield(d, nil) {
				return
			}
		}
	}
}
