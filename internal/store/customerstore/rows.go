package customerstore

import (
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
)

// customerRow is a row of crm_customer. Merged reports whether others were merged into it.
type customerRow struct {
	store.MetaRow

	Kind           string     `bun:"kind"`
	Name           string     `bun:"name"`
	Given          string     `bun:"given"`
	Family         string     `bun:"family"`
	SortName       string     `bun:"sort_name"`
	Language       string     `bun:"language"`
	Country        string     `bun:"country"`
	Lifecycle      string     `bun:"lifecycle"`
	LifecycleSince store.Time `bun:"lifecycle_since"`
	CanonicalID    store.ID   `bun:"canonical_id"`
	Custom         store.JSON `bun:"custom"`
	Merged         bool       `bun:"merged"`
}

// metaNames are the columns of store.MetaRow.
var metaNames = []string{"id", "version", "owner_user", "owner_team", "created_at", "updated_at", "created_by", "source_system", "source_ref"}

// customerNames are the columns of customerRow; all but the last are those of the table.
var customerNames = append(metaNames[:len(metaNames):len(metaNames)], "kind", "name", "given", "family", "sort_name", "language", "country", "lifecycle",
	"lifecycle_since", "canonical_id", "custom", "merged")

// customerColumns are the columns of customerRow with the alias c; the tenant is argument $1. Losers are looked for by
// a scalar query, since PostgreSQL may hash the one of an EXISTS, which reads every customer of the tenant.
var customerColumns = store.Qualified("c", customerNames[:len(customerNames)-1]) + `,
	(SELECT 1 FROM crm_customer l WHERE l.tenant_id = $1 AND l.canonical_id = c.id LIMIT 1) IS NOT NULL AS merged`

// wholeColumns are customerColumns and the sensitive columns, with the customer's key. Reads that show nothing sensitive
// and seal nothing leave them out.
var wholeColumns = customerColumns + `, c.tax_id,
	(SELECT k.wrapped FROM crm_subject_key k WHERE k.tenant_id = $1 AND k.subject_id = c.id) AS wrapped`

// wholeRow is a row with the columns that not every read has; they are nil when they were not read.
type wholeRow struct {
	customerRow

	TaxID   []byte     `bun:"tax_id"`
	Wrapped []byte     `bun:"wrapped"`
	Freed   store.JSON `bun:"freed"` // external ids of a deleted customer
}

func (r *customerRow) customer(c *work.Call) (customer.Customer, error) {
	rec := customer.Customer{
		Meta: r.Meta(), Kind: customer.Kind(r.Kind),
		Name: nameText(r.Name), Given: nameText(r.Given), Family: nameText(r.Family),
		Language: r.Language, Country: r.Country, Lifecycle: r.Lifecycle, LifecycleSince: time.Time(r.LifecycleSince), Merged: r.Merged,
	}
	if len(r.Custom) == 0 || c.Entity == nil {
		return rec, nil
	}
	var err error
	rec.Custom, err = c.Entity.Decode(r.Custom)
	return rec, err
}

func nameText(s string) personal.Text { return personal.NewText(personal.Name, s) }

// customerInsert lists the columns of an insert in the order of insertValues.
var customerInsert = strings.Split("tenant_id kind name given family sort_name language country lifecycle lifecycle_since custom tax_id search "+
	strings.Join(metaNames, " "), " ")

func insertValues(tenant string, rec *customer.Customer, taxID []byte, document any) []any {
	m := &rec.Meta
	return []any{
		tenant, string(rec.Kind), orNull(rec.Name), orNull(rec.Given), orNull(rec.Family), store.OrNull(rec.SortName()),
		store.OrNull(rec.Language), store.OrNull(rec.Country), rec.Lifecycle, rec.LifecycleSince, encoded(rec.Custom), taxID, document,
		m.ID, m.Version, store.OrNull(m.OwnerUser), store.OrNull(m.OwnerTeam), m.CreatedAt, m.UpdatedAt, m.CreatedBy,
		store.OrNull(m.Source.System), store.OrNull(m.Source.Ref),
	}
}

// encoded is the stored form of custom fields, NULL when there are none.
func encoded(v schema.Values) store.JSON {
	if v.IsZero() {
		return nil
	}
	return store.JSON(v.Encode())
}

// orNull is a name for storing.
func orNull(t personal.Text) any { return store.OrNull(t.Reveal()) }
