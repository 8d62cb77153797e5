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

// metaColumns are the columns of store.MetaRow.
const metaColumns = `id, version, owner_user, owner_team, created_at, updated_at, created_by, source_system, source_ref`

// metaValues are the values of metaColumns.
func metaValues(m *schema.Meta) []any {
	return []any{
		m.ID, m.Version, store.OrNull(m.OwnerUser), store.OrNull(m.OwnerTeam), m.CreatedAt, m.UpdatedAt, m.CreatedBy,
		store.OrNull(m.Source.System), store.OrNull(m.Source.Ref),
	}
}

// customerRow is a row of crm_customer. Merged tells that others were merged into it.
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

// customerColumns are the columns of customerRow with the alias c; the tenant is argument $1. Losers are looked for by
// a scalar query, since PostgreSQL may hash the one of an EXISTS, which reads every customer of the tenant.
var customerColumns = "c." + strings.ReplaceAll(metaColumns, ", ", ", c.") + `,
	c.kind, c.name, c.given, c.family, c.sort_name, c.language, c.country, c.lifecycle, c.lifecycle_since, c.canonical_id, c.custom,
	(SELECT 1 FROM crm_customer l WHERE l.tenant_id = $1 AND l.canonical_id = c.id LIMIT 1) IS NOT NULL AS merged`

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

func profileText(s string) personal.Text { return personal.NewText(personal.Profile, s) }

// encoded is the stored form of custom fields, NULL when there are none.
func encoded(v schema.Values) store.JSON {
	if v.IsZero() {
		return nil
	}
	return store.JSON(v.Encode())
}

// orNull is a name for storing.
func orNull(t personal.Text) any { return store.OrNull(t.Reveal()) }
