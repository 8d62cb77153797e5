package main

import (
	"fmt"
	"iter"
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
}

// read checks one row and returns what to load. A row with faults returns ok false.
func (rd *reader) read(x *row) (out pipeline.Row, ok bool) {
	c := rd.set.opportunities
	if out.Line = x.line; !x.readable() {
		return out, false
	}
	d := &out.Draft
	d.Ext = ident.Ext{System: rd.set.name, ID: rd.unique(x, c.id)}
	d.Pipeline, d.Stage = "sales", strings.ToLower(x.get(c.stage))
	d.Product = x.get(c.product)
	if !rd.products[d.Product] {
		x.fault(c.product, "unknown product %q: it is not in %s", d.Product, rd.set.products.file)
	}
	d.Customer = rd.customer(x, c.organization)
	if d.OwnerUser = x.get(c.owner); rd.persons != nil && !rd.persons[d.OwnerUser] {
		x.fault(c.owner, "unknown sales agent: not in %s", rd.set.persons.file)
	}
	d.OpenedOn, out.ClosedOn = rd.date(x, c.opened), rd.date(x, c.closed)
	d.Amount = rd.amount(x)
	rd.consistent(x, &out)
	return out, len(x.faults) == 0
}

func (rd *reader) unique(x *row, column string) string {
	id := x.get(column)
	switch first, again := rd.seen[id]; {
	case id == "":
		x.fault(column, "is blank: an opportunity needs its id")
	case again:
		x.fault(column, "%q stands in row %d already", id, first)
	default:
		rd.seen[id] = x.line
	}
	return id
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
	if err != nil {
		x.fault(c.amount, "%q is not an amount in %s", s, currency)
	} else if a.Minor < 0 {
		x.fault(c.amount, "is negative")
	}
	return a
}

// consistent checks what the stage demands of the other columns.
func (rd *reader) consistent(x *row, r *pipeline.Row) {
	c := rd.set.opportunities
	closed := r.Draft.Stage == "won" || r.Draft.Stage == "lost"
	switch {
	case r.Draft.Stage == "":
		x.fault(c.stage, "is blank")
	case !closed && r.Draft.Stage != "prospecting" && r.Draft.Stage != "engaging" && r.Draft.Stage != "proposal":
		x.fault(c.stage, "unknown stage %q", x.get(c.stage))
	case closed && x.get(c.closed) == "":
		x.fault(c.closed, "is blank: a deal that is %s has a closing date", r.Draft.Stage)
	case !closed && x.get(c.opened) == "" && x.get(c.closed) == "":
		x.fault(c.opened, "is blank: an open deal without any date cannot be placed in the pipeline")
	case !closed && x.get(c.closed) != "":
		x.fault(c.closed, "is set, but the deal is still open")
	}
	if r.Draft.Stage == "won" && x.get(c.amount) == "" {
		x.fault(c.amount, "is blank: a deal that is won has a value")
	}
	if !r.ClosedOn.IsZero() && !r.Draft.OpenedOn.IsZero() && r.ClosedOn.Before(r.Draft.OpenedOn) {
		x.fault(c.closed, "lies before %s", c.opened)
	}
}

// load yields the rows that can be taken and collects the faults of the others.
func (rd *reader) load(faults *[]rowFault, rejected *int, failed *error) iter.Seq2[pipeline.Row, error] {
	c := rd.set.opportunities
	return func(yield func(pipeline.Row, error) bool) {
		for x, err := range rows(rd.set.files, c.file, c.id, c.organization, c.product, c.stage, c.opened, c.closed, c.amount) {
			if err != nil {
				*failed = err
				return
			}
			out, ok := rd.read(x)
			if !ok {
				*faults = append(*faults, x.faults...)
				*rejected++
				continue
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}
