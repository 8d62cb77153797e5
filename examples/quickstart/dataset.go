package main

import (
	"embed"
	"io/fs"
	"os"
	"time"

	"github.com/rapport-crm/rapport/core/date"
)

//go:embed data
var ownData embed.FS

// dataset says how one set of CSV files names what the quickstart imports.
type dataset struct {
	name     string // also the system of the external ids
	files    fs.FS
	currency string // of amounts without a currency column
	dates    string // layout of dates, as package time has it
	dateForm string // the same, in words

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
		name: "quickstart", files: files, currency: "EUR", dates: time.DateOnly, dateForm: "YYYY-MM-DD",
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
		name: "crm-sales", files: os.DirFS(folder), currency: "USD", dates: "1/2/2006", dateForm: "M/D/YYYY",
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

// day reads a date of the set, and nothing that merely looks like one.
func (d dataset) day(s string) (date.Date, error) {
	t, err := time.Parse(d.dates, s)
	if err != nil {
		return date.Date{}, err
	}
	return date.FromTime(t, time.UTC), nil
}
