package customerstore

import (
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/names"
	"github.com/rapport-crm/rapport/internal/store"
)

const byPointText = `
	SELECT DISTINCT coalesce(c.canonical_id, c.id) AS id
	FROM crm_contact_point p JOIN crm_customer c ON c.tenant_id = $1 AND c.id = p.customer_id
	WHERE p.tenant_id = $1 AND p.blind = $2 AND p.valid_to IS NULL AND p.channel IN ($3, $4)
	ORDER BY id LIMIT `

var (
	byExt = store.Same("customer.by_ext", `
		SELECT coalesce(c.canonical_id, c.id) AS id
		FROM crm_customer_ext e JOIN crm_customer c ON c.tenant_id = $1 AND c.id = e.customer_id
		WHERE e.tenant_id = $1 AND e.system = $2 AND e.ext_id = $3`)

	byPoint = store.Split("customer.by_point", byPointText+"$5", byPointText+"$5 + 0")

	getCustomers = store.Split("customer.get_many", `
		SELECT c.* FROM unnest($2::uuid[]) AS s(id) CROSS JOIN LATERAL (
			SELECT `+customerColumns+` FROM crm_customer c
			WHERE c.tenant_id = $1 AND c.id = s.id AND c.deleted_at IS NULL LIMIT 1) c`, `
		SELECT `+customerColumns+` FROM crm_customer c
		WHERE c.tenant_id = $1 AND c.id`+inListSQLite+` AND c.deleted_at IS NULL`)

	losersOf = splitIn("customer.losers", `
		SELECT id, canonical_id FROM crm_customer WHERE tenant_id = $1 AND canonical_id [IN]`)

	lockCustomers = store.Split("customer.lock_many", `
		SELECT id FROM crm_customer WHERE tenant_id = $1 AND id`+inListPostgres+` ORDER BY id FOR NO KEY UPDATE`, `
		SELECT id FROM crm_customer WHERE tenant_id = $1 AND id`+inListSQLite+` ORDER BY id`)
)

func lookupStatements() []store.SQL {
	return []store.SQL{byExt, byPoint, getCustomers, losersOf, lockCustomers, takenIDs, takenExts, takenPoints, lastDocument}
}

// ByExt implements [customer.Lookups].
func (s *Store) ByExt(ctx context.Context, c *work.Call, ext ident.Ext) (ident.ID, bool, error) {
	var id store.ID
	err := s.on(c).Get(ctx, byExt, &id, c.Tenant(), ext.System, ext.ID)
	if errors.Is(err, store.ErrNoRow) {
		return ident.ID{}, false, nil
	}
	return ident.ID(id), err == nil, err
}

// ByPoint implements [customer.Lookups].
func (s *Store) ByPoint(ctx context.Context, c *work.Call, value string, limit int, channels ...personal.Channel) ([]ident.ID, error) {
	blind, err := s.blind(ctx, c, channels[0], value)
	if err != nil {
		return nil, err
	}
	var rows []store.ID
	err = s.on(c).Select(ctx, byPoint, &rows, c.Tenant(), blind, string(channels[0]), string(channels[len(channels)-1]), limit)
	return idents(rows), err
}

func idents(rows []store.ID) []ident.ID {
	out := make([]ident.ID, len(rows))
	for i, id := range rows {
		out[i] = ident.ID(id)
	}
	return out
}

// loserRow is a merged customer and its survivor.
type loserRow struct {
	ID          store.ID `bun:"id"`
	CanonicalID store.ID `bun:"canonical_id"`
}

// losers returns those that were merged into the given survivors.
func (s *Store) losers(ctx context.Context, c *work.Call, survivors []ident.ID) ([]loserRow, error) {
	if len(survivors) == 0 {
		return nil, nil
	}
	var rows []loserRow
	return rows, s.on(c).Select(ctx, losersOf, &rows, c.Tenant(), s.idList(survivors))
}

// ResolutionSet implements [customer.Histories].
func (s *Store) ResolutionSet(ctx context.Context, c *work.Call, id ident.ID) ([]ident.ID, error) {
	rows, err := s.losers(ctx, c, []ident.ID{id})
	out := []ident.ID{id}
	for _, l := range rows {
		out = append(out, ident.ID(l.ID))
	}
	return out, err
}

// Customers implements [customer.Lookups].
func (s *Store) Customers(ctx context.Context, c *work.Call, ids []ident.ID) ([]customer.Customer, error) {
	var rows []customerRow
	if err := s.on(c).Select(ctx, getCustomers, &rows, c.Tenant(), s.idList(ids)); err != nil {
		return nil, err
	}
	return s.customers(ctx, c, rows)
}

// customers turns rows of survivors into records with their details.
func (s *Store) customers(ctx context.Context, c *work.Call, rows []customerRow) ([]customer.Customer, error) {
	out := make([]customer.Customer, len(rows))
	recs := make([]*customer.Customer, len(rows))
	var merged []ident.ID
	for i := range rows {
		var err error
		if out[i], err = rows[i].customer(c); err != nil {
			return nil, err
		}
		recs[i] = &out[i]
		if rows[i].Merged {
			merged = append(merged, out[i].ID)
		}
	}
	return out, s.completeAll(ctx, c, recs, merged)
}

// live is the condition of every list: neither deleted nor merged into another.
const live = "c.deleted_at IS NULL AND c.canonical_id IS NULL"

func (s *Store) list(c *work.Call, name string, l work.Listing) store.ListSpec {
	return store.ListSpec{
		Name: name, Tenant: c.Tenant(), Select: customerColumns, From: "crm_customer c", Alias: "c", Where: live,
		Columns: store.Columns{Dialect: s.db.Dialect(), Table: customerFields, Custom: "c.custom", Entity: c.Entity},
		NotNull: []string{"created_at", "updated_at", "kind", "lifecycle"}, Listing: l,
	}
}

// sortName is the column names are sorted by; filters compare the name itself.
const sortName = "sort_name"

var customerFields = func() map[string]rule.Column {
	out := store.MetaFields("c")
	for field, can := range map[string]rule.Ability{
		"kind": rule.CanEqual | rule.CanSort, "lifecycle": rule.CanEqual | rule.CanSort,
		"name": text | rule.CanSort, "given": text, "family": text, "language": text, "country": text, sortName: rule.CanSort,
	} {
		out[field] = rule.Column{Expr: "c." + field, Type: rule.TypeText, Can: can}
	}
	out["lifecycle_since"] = rule.Column{Expr: "c.lifecycle_since", Type: rule.TypeTime, Can: rule.CanEqual | rule.CanRange}
	return out
}()

// text is what filters may do with a text column.
const text = rule.CanEqual | rule.CanRange | rule.CanMatch

// ListCustomers implements [customer.Lookups].
func (s *Store) ListCustomers(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[customer.Customer], error) {
	field := l.Sort.Field
	if field == "name" {
		l.Sort.Field = sortName
	}
	var rows []customerRow
	if err := s.on(c).SelectList(ctx, s.list(c, "customer.list", l), &rows); err != nil {
		return nil, err
	}
	recs, err := s.customers(ctx, c, rows)
	if err != nil {
		return nil, err
	}
	out := make([]work.Row[customer.Customer], len(recs))
	for i := range recs {
		key := rule.Blank
		if field != "name" {
			key = c.Entity.Record(&recs[i]).Field(field)
		} else if rows[i].SortName != "" {
			key = rule.Text(rows[i].SortName)
		}
		out[i] = work.Row[customer.Customer]{Record: recs[i], Key: key}
	}
	return out, nil
}

// CountCustomers implements [customer.Lookups].
func (s *Store) CountCustomers(ctx context.Context, c *work.Call, where rule.Predicate, limit int) (int, error) {
	n, err := s.on(c).CountList(ctx, s.list(c, "customer.count", work.Listing{Where: where}), limit)
	return int(n), err
}

// The customers that a query finds, by their own terms or by those of customers merged into them; the query is
// argument $2. Both databases are held to this order: read the index of terms, then look at each customer found. Left
// alone, either may walk all names in their order and ask for each whether it was found.
const (
	foundPostgres = `(SELECT DISTINCT coalesce(m.canonical_id, m.id) AS id FROM crm_customer m
		WHERE m.tenant_id = $1 AND m.search @@ $2::tsquery AND m.deleted_at IS NULL) found
		CROSS JOIN LATERAL (SELECT * FROM crm_customer x WHERE x.tenant_id = $1 AND x.id = found.id LIMIT 1) c`
	foundSQLite = `(SELECT DISTINCT coalesce(m.canonical_id, m.id) AS id FROM crm_customer_fts f CROSS JOIN crm_customer m
		WHERE f.crm_customer_fts MATCH $2 AND m.tenant_id = $1 AND m.search = f.rowid AND m.deleted_at IS NULL) found
		CROSS JOIN crm_customer c`
)

// SearchCustomers implements [customer.Lookups].
func (s *Store) SearchCustomers(ctx context.Context, c *work.Call, where rule.Predicate, q names.Query, limit int) ([]customer.Customer, error) {
	l := s.list(c, "customer.search", work.Listing{Where: where, Limit: limit})
	l.Listing.Sort.Field = sortName
	if l.From = foundPostgres; s.sqlite() {
		l.From = foundSQLite
	}
	l.Also = func(b rule.Binder) string {
		b.Arg(query(s.sqlite(), tenantTerm(c.Tenant()), q))
		return "c.id = found.id"
	}
	var rows []customerRow
	if err := s.on(c).SelectList(ctx, l, &rows); err != nil {
		return nil, err
	}
	return s.customers(ctx, c, rows)
}
