package customerstore

import (
	"context"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/names"
	"github.com/rapport-crm/rapport/internal/store"
)

// sortName is the column names are sorted by; filters compare the name itself.
const sortName = "sort_name"

// text is what filters may do with a text column.
const text = rule.CanEqual | rule.CanRange | rule.CanMatch

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

// The customers that a search finds, by their own terms or by those of customers merged into them; the query is
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

// spec is a list of live customers that were not merged into others.
func (s *Store) spec(c *work.Call, l work.Listing) store.ListSpec {
	if l.Sort.Field == "name" {
		l.Sort.Field = sortName
	}
	spec := store.ListSpec{
		Name: "customer.list", Tenant: c.Tenant(), Select: customerColumns, From: "crm_customer c", Alias: "c",
		Where:   "c.deleted_at IS NULL AND c.canonical_id IS NULL",
		Columns: store.Columns{Dialect: s.db.Dialect(), Table: customerFields, Custom: "c.custom", Entity: c.Entity},
		NotNull: []string{"created_at", "updated_at", "kind", "lifecycle"}, Listing: l,
	}
	q := names.NewQuery(l.Search)
	searching := !q.IsZero()
	if searching {
		if spec.From = foundPostgres; s.sqlite() {
			spec.From = foundSQLite
		}
	}
	spec.Also = func(b rule.Binder) string {
		where := ""
		if searching {
			b.Arg(query(s.sqlite(), tenantTerm(c.Tenant()), q))
			where = "c.id = found.id"
		} else if strings.TrimSpace(l.Search) != "" {
			where = store.Nothing // signs only: no name has them
		}
		if len(l.Subjects) > 0 {
			where += and(where) + "c.id IN (" + store.IDs(b, l.Subjects) + ")"
		}
		return where
	}
	return spec
}

func and(where string) string {
	if where == "" {
		return ""
	}
	return " AND "
}

// List implements [work.Store]. On PostgreSQL a page is one statement, details included; on SQLite, where a statement
// costs no trip, two are faster.
func (s customers) List(ctx context.Context, c *work.Call, l work.Listing) (work.Rows[customer.Customer], error) {
	p := customerPage{s: s.Store, c: c, field: l.Sort.Field}
	spec := s.spec(c, l)
	read := p.joined
	if s.bare || s.sqlite() {
		read = func(ctx context.Context, spec store.ListSpec) (work.Rows[customer.Customer], error) {
			return p.plain(ctx, spec, !s.bare)
		}
	}
	rows, err := read(ctx, spec)
	if err != nil || len(rows.Records) == 0 {
		return rows, err // a list of nobody needs no keys
	}
	return rows, s.keys.Warm(ctx, c.Tenant())
}

// Count implements [work.Store].
func (s customers) Count(ctx context.Context, c *work.Call, l work.Listing, limit int) (int, error) {
	n, err := s.on(c).CountList(ctx, s.spec(c, l), limit)
	return int(n), err
}

// customerPage is a page under way.
type customerPage struct {
	s     *Store
	c     *work.Call
	field string // sorted by
	out   work.Rows[customer.Customer]
}

func (p *customerPage) add(r *customerRow) error {
	rec, err := r.customer(p.c)
	p.out.Records = append(p.out.Records, rec)
	if p.field == "name" {
		key := rule.Blank
		if r.SortName != "" {
			key = rule.Text(r.SortName)
		}
		p.out.Keys = append(p.out.Keys, key)
	}
	return err
}

func (p *customerPage) records(from int) []*customer.Customer {
	recs := make([]*customer.Customer, len(p.out.Records)-from)
	for i := range recs {
		recs[i] = &p.out.Records[from+i]
	}
	return recs
}

func (p *customerPage) plain(ctx context.Context, spec store.ListSpec, details bool) (work.Rows[customer.Customer], error) {
	var rows []customerRow
	if err := p.s.on(p.c).SelectList(ctx, spec, &rows); err != nil {
		return p.out, err
	}
	p.out.Records = make([]customer.Customer, 0, len(rows))
	for i := range rows {
		if err := p.add(&rows[i]); err != nil {
			return p.out, err
		}
	}
	if !details {
		return p.out, nil
	}
	return p.out, p.s.addDetails(ctx, p.c, p.records(0)...)
}

// joinedRow is a customer with the key of its points, or one of its details.
type joinedRow struct {
	customerRow
	detailRow

	Place int `bun:"place"` // of the customer on the page, from 1
}

// joinDetails adds the details to the customers of a page, in rows of their own: their columns would otherwise be sent
// and read once for each detail. Each part is held to one look for each customer, as [detailsOfAll] is.
func joinDetails(page string) string {
	noCustomer := strings.Repeat(", NULL", len(customerNames))
	return `WITH q AS MATERIALIZED (SELECT row_number() OVER () AS place, x.*,
			(SELECT k.wrapped FROM crm_subject_key k WHERE k.tenant_id = $1 AND k.subject_id = x.id) AS wrapped
			FROM (` + page + `) x)
		SELECT q.place, NULL::uuid AS customer_id, NULL::uuid AS point_id, 0 AS point_version, '' AS word, '' AS text, false AS is_primary,
			false AS verified, false AS invalid, NULL::timestamptz AS valid_from, NULL::bytea AS sealed, q.wrapped, ` + store.Qualified("q", customerNames) + `
			FROM q
		UNION ALL
		SELECT q.place, ` + detailOfPoint + `, NULL` + noCustomer + ` FROM q CROSS JOIN LATERAL (SELECT * FROM crm_contact_point p
			WHERE p.tenant_id = $1 AND p.customer_id = q.id` + livePoint + ` OFFSET 0) p
		UNION ALL
		SELECT q.place, ` + detailOfExt + `, NULL` + noCustomer + ` FROM q CROSS JOIN LATERAL (SELECT * FROM crm_customer_ext e
			WHERE e.tenant_id = $1 AND e.customer_id = q.id OFFSET 0) e`
}

func (p *customerPage) joined(ctx context.Context, spec store.ListSpec) (work.Rows[customer.Customer], error) {
	spec.Around = joinDetails
	on := p.s.on(p.c)
	err := on.EachPart(spec, func(q store.SQL, args []any, want int) (int, error) {
		rows := make([]joinedRow, 0, 3*want) // most customers have two details
		if err := on.Select(ctx, q, &rows, args...); err != nil {
			return 0, err
		}
		return p.fold(rows, want)
	})
	if err != nil {
		return p.out, err
	}
	recs := p.records(0)
	err = p.s.addMerged(ctx, p.c, recs...)
	for _, rec := range recs {
		order(rec)
	}
	return p.out, err
}

// fold turns the rows of one statement into at most want customers.
func (p *customerPage) fold(rows []joinedRow, want int) (int, error) {
	from := len(p.out.Records)
	found := make([]*joinedRow, 0, min(want, len(rows)))
	for i := range rows {
		if r := &rows[i]; r.ID != (store.ID{}) && r.Place <= want {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *joinedRow) int { return a.Place - b.Place }) // a union has no order
	p.out.Records = slices.Grow(p.out.Records, len(found))
	for _, r := range found {
		if err := p.add(&r.customerRow); err != nil {
			return 0, err
		}
	}
	recs := p.records(from)
	holders := make([]holder, len(recs))
	for i := range rows {
		r := &rows[i]
		if r.ID != (store.ID{}) || r.Place > len(recs) {
			continue
		}
		h := &holders[r.Place-1]
		h.s, h.tenant, h.rec = p.s, p.c.Tenant(), recs[r.Place-1]
		r.Wrapped = found[r.Place-1].Wrapped
		h.add(&r.detailRow)
	}
	return len(recs), nil
}
