package main

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/date"
)

//go:embed data
var ownData embed.FS

// dataset says how one set of CSV files names what the quickstart imports.
type dataset struct {
	name     string // also the system of the external ids
	folder   string // for messages
	files    fs.FS
	currency string            // of amounts without a currency column
	dates    string            // layout of dates, as package time has it
	dateForm string            // the same, in words
	stages   map[string]string // words of the set → stages of the pipeline

	organizations organizationColumns
	persons       personColumns
	products      productColumns
	opportunities opportunityColumns
}

type organizationColumns struct {
	file, id, name, country, parent string
	custom                          map[string]string // column → custom field
}

type personColumns struct {
	file, id, given, family, whole, country, email, phone, organization, role, team string
}

type productColumns struct{ file, product string }

type opportunityColumns struct {
	file, id, organization, product, stage, opened, closed, amount, currency, owner string
}

// own is the data set the repository ships.
func own() (dataset, error) {
	files, err := fs.Sub(ownData, "data")
	return dataset{
		name: "quickstart", folder: "data", files: files, currency: "EUR", dates: time.DateOnly, dateForm: "YYYY-MM-DD",
		stages: map[string]string{"Engaging": "engaging", "Proposal": "proposal", "Won": "won", "Lost": "lost"},
		organizations: organizationColumns{
			file: "organizations.csv", id: "id", name: "name", country: "country", parent: "parent",
			custom: map[string]string{"industry": "sector"},
		},
		persons: personColumns{
			file: "persons.csv", id: "id", given: "given", family: "family", country: "country",
			email: "email", phone: "phone", organization: "organization", role: "role",
		},
		products: productColumns{"products.csv", "product"},
		opportunities: opportunityColumns{
			file: "opportunities.csv", id: "id", organization: "organization", product: "product", stage: "stage",
			opened: "opened", closed: "closed", amount: "amount", currency: "currency", owner: "owner",
		},
	}, err
}

// salesOpportunities is the public data set "CRM Sales Opportunities" in a folder of its five files.
func salesOpportunities(folder string) dataset {
	return dataset{
		name: "crm-sales", folder: folder, files: os.DirFS(folder), currency: "USD", dates: "1/2/2006", dateForm: "M/D/YYYY",
		stages: map[string]string{"Prospecting": "prospecting", "Engaging": "engaging", "Won": "won", "Lost": "lost"},
		organizations: organizationColumns{
			file: "accounts.csv", id: "account", name: "account", parent: "subsidiary_of",
			custom: map[string]string{
				"sector": "sector", "year_established": "founded", "revenue": "revenue", "employees": "employees",
				"office_location": "location",
			},
		},
		persons:  personColumns{file: "sales_teams.csv", id: "sales_agent", whole: "sales_agent", team: "regional_office"},
		products: productColumns{"products.csv", "product"},
		opportunities: opportunityColumns{
			file: "sales_pipeline.csv", id: "opportunity_id", organization: "account", product: "product",
			stage: "deal_stage", opened: "engage_date", closed: "close_date", amount: "close_value", owner: "sales_agent",
		},
	}
}

// tables are the files with the columns they must have.
func (d dataset) tables() (organizations, persons, products, opportunities table) {
	g, p, o := d.organizations, d.persons, d.opportunities
	custom := []string{g.id, g.name, g.country, g.parent}
	for column := range g.custom {
		custom = append(custom, column)
	}
	of := func(file string, columns ...string) table {
		slices.Sort(columns)
		return table{d, file, slices.DeleteFunc(slices.Compact(columns), func(s string) bool { return s == "" })}
	}
	return of(g.file, custom...),
		of(p.file, p.id, p.given, p.family, p.whole, p.country, p.email, p.phone, p.organization, p.role, p.team),
		of(d.products.file, d.products.product),
		of(o.file, o.id, o.organization, o.product, o.stage, o.opened, o.closed, o.amount, o.currency, o.owner)
}

// check looks at the headers, so that a set that is not whole is refused before anything is written.
func (d dataset) check() error {
	var errs []error
	organizations, persons, products, opportunities := d.tables()
	for _, t := range []table{organizations, persons, products, opportunities} {
		_, done, err := t.open()
		done()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// day reads a date of the set, and nothing that merely looks like one. The first day of the year 1 is no date: it
// stands for none.
func (d dataset) day(s string) (date.Date, error) {
	t, err := time.Parse(d.dates, s)
	if err != nil {
		return date.Date{}, err
	}
	if day := date.FromTime(t, time.UTC); !day.IsZero() {
		return day, nil
	}
	return date.Date{}, errors.New("is no date")
}
