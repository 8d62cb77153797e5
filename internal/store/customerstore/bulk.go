package customerstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

var (
	// PostgreSQL is held to one look per value: without statistics it would rather read the whole tenant.
	takenIDs = store.Split("customer.taken_ids", `
		SELECT x.id FROM unnest($2::uuid[]) AS s(id) CROSS JOIN LATERAL (
			SELECT c.id FROM crm_customer c WHERE c.tenant_id = $1 AND c.id = s.id LIMIT 1) x`, `
		SELECT id FROM crm_customer WHERE tenant_id = $1 AND id`+inListSQLite)

	takenExts = store.Split("customer.taken_exts", `
		SELECT x.ext_id FROM jsonb_array_elements_text($2::jsonb) AS s(value) CROSS JOIN LATERAL (
			SELECT e.ext_id FROM crm_customer_ext e WHERE e.tenant_id = $1 AND e.system = $3 AND e.ext_id = s.value LIMIT 1) x`, `
		SELECT ext_id FROM crm_customer_ext
		WHERE tenant_id = $1 AND system = $3 AND ext_id IN (SELECT value FROM json_each($2))`)

	takenPoints = store.Split("customer.taken_points", `
		SELECT s.value FROM jsonb_array_elements_text($2::jsonb) AS s(value) CROSS JOIN LATERAL (
			SELECT 1 FROM crm_contact_point p WHERE p.tenant_id = $1 AND p.channel = $3 AND p.verified AND p.valid_to IS NULL
			AND p.blind = decode(s.value, 'hex') LIMIT 1) x`, `
		SELECT lower(hex(blind)) FROM crm_contact_point
		WHERE tenant_id = $1 AND channel = $3 AND verified AND valid_to IS NULL
		AND blind IN (SELECT unhex(value) FROM json_each($2))`)

	// lastDocument is the greatest number FTS5 has given. Only the writer's transaction asks for it.
	lastDocument = store.Split("customer.last_document", ``, `
		SELECT rowid FROM crm_customer_fts ORDER BY rowid DESC LIMIT 1`)
)

// key is a value that only one customer may have: of an external system, or of a channel.
type key struct{ space, value string }

// CheckCustomers implements [customer.Records].
func (s *Store) CheckCustomers(ctx context.Context, c *work.Call, recs []*customer.Customer, given bool) ([]error, error) {
	ids, err := s.knownIDs(ctx, c, recs, given)
	if err != nil {
		return nil, err
	}
	points, wantPoints, err := s.verified(ctx, c, recs)
	if err != nil {
		return nil, err
	}
	wantExts := map[string][]string{}
	for _, r := range recs {
		for _, x := range r.Ext {
			wantExts[x.System] = append(wantExts[x.System], x.ID)
		}
	}
	exts, err := s.known(ctx, c, takenExts, wantExts)
	if err != nil {
		return nil, err
	}
	blinds, err := s.known(ctx, c, takenPoints, wantPoints)
	if err != nil {
		return nil, err
	}
	out := make([]error, len(recs))
	for i, r := range recs {
		if out[i] = clash(r, points[i], ids, exts, blinds); out[i] != nil {
			continue
		}
		ids[r.ID] = true
		for _, x := range r.Ext {
			exts[key{x.System, x.ID}] = true
		}
		for _, k := range points[i] {
			blinds[k] = true
		}
	}
	return out, nil
}

// clash finds what an earlier customer has already, in the order in which an insert would meet it.
func clash(r *customer.Customer, points map[int]key, ids map[ident.ID]bool, exts, blinds map[key]bool) error {
	if ids[r.ID] {
		return takenField("id")
	}
	for i, x := range r.Ext {
		if exts[key{x.System, x.ID}] {
			return takenField(fmt.Sprintf("ext[%d]", i))
		}
	}
	seen := map[key]bool{}
	for i := range r.Points {
		k, verified := points[i]
		if verified && (blinds[k] || seen[k]) {
			return takenField(fmt.Sprintf("points[%d].value", i))
		}
		seen[k] = verified
	}
	return nil
}

func takenField(field string) error {
	f := fault.New(fault.Conflict, "is taken by another customer")
	f.Field, f.Reason = field, "taken"
	return f
}

// knownIDs returns which ids are in the database. Ids that the CRM made are not looked for.
func (s *Store) knownIDs(ctx context.Context, c *work.Call, recs []*customer.Customer, given bool) (map[ident.ID]bool, error) {
	out := map[ident.ID]bool{}
	if !given {
		return out, nil
	}
	ids := make([]ident.ID, len(recs))
	for i, r := range recs {
		ids[i] = r.ID
	}
	var rows []store.ID
	err := s.on(c).Select(ctx, takenIDs, &rows, c.Tenant(), s.idList(ids))
	for _, id := range rows {
		out[ident.ID(id)] = true
	}
	return out, err
}

// verified returns the keys of each customer's verified points by their place, and all of them by channel.
func (s *Store) verified(ctx context.Context, c *work.Call, recs []*customer.Customer) ([]map[int]key, map[string][]string, error) {
	out, all := make([]map[int]key, len(recs)), map[string][]string{}
	for i, r := range recs {
		for j := range r.Points {
			p := &r.Points[j]
			if !p.Verified {
				continue
			}
			blind, err := s.blind(ctx, c, p.Channel, p.Value.Reveal())
			if err != nil {
				return nil, nil, err
			}
			if out[i] == nil {
				out[i] = map[int]key{}
			}
			k := key{string(p.Channel), hex.EncodeToString(blind)}
			out[i][j], all[k.space] = k, append(all[k.space], k.value)
		}
	}
	return out, all, nil
}

// known returns which of the wanted values are in the database.
func (s *Store) known(ctx context.Context, c *work.Call, q store.SQL, want map[string][]string) (map[key]bool, error) {
	out := map[key]bool{}
	for space, values := range want {
		var rows []string
		if err := s.on(c).Select(ctx, q, &rows, c.Tenant(), values, space); err != nil {
			return nil, err
		}
		for _, v := range rows {
			out[key{space, v}] = true
		}
	}
	return out, nil
}

// load is the rows of one part of a batch, by table.
type load struct {
	customers, documents, keys, points, exts, sorts [][]any
}

// InsertCustomers implements [customer.Records]. Rows are built on all processors and go into one table after the
// other, customers first.
func (s *Store) InsertCustomers(ctx context.Context, c *work.Call, recs []*customer.Customer) error {
	if err := s.keys.Prove(ctx, c.Unit, c.Tenant()); err != nil {
		return err
	}
	var document int64
	if s.sqlite() {
		if err := s.on(c).Get(ctx, lastDocument, &document); err != nil && !errors.Is(err, store.ErrNoRow) {
			return err
		}
	}
	parts, err := s.build(ctx, c, recs, document)
	if err != nil {
		return err
	}
	for _, t := range []struct {
		table   string
		columns []string
		rows    func(l *load) [][]any
	}{
		{"crm_customer_fts", []string{"rowid", "tokens"}, func(l *load) [][]any { return l.documents }},
		{"crm_customer", customerInsert, func(l *load) [][]any { return l.customers }},
		{"crm_customer_ext", []string{"tenant_id", "system", "ext_id", "customer_id", "created_at"}, func(l *load) [][]any { return l.exts }},
		{"crm_subject_key", []string{"tenant_id", "subject_id", "epoch", "wrapped", "created_at"}, func(l *load) [][]any { return l.keys }},
		{pointTable, pointColumns, func(l *load) [][]any { return l.points }},
		{"crm_field_index", store.SortKeyColumns(), func(l *load) [][]any { return l.sorts }},
	} {
		if !slices.ContainsFunc(parts, func(l load) bool { return len(t.rows(&l)) > 0 }) {
			continue
		}
		if _, err := s.on(c).BulkLoad(ctx, t.table, t.columns, rowsOf(parts, t.rows)); err != nil {
			return taken(err, "id")
		}
	}
	return nil
}

func rowsOf(parts []load, rows func(l *load) [][]any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range parts {
			for _, row := range rows(&parts[i]) {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// build makes the rows of all customers, in order. document is the number of the last FTS document there is.
func (s *Store) build(ctx context.Context, c *work.Call, recs []*customer.Customer, document int64) ([]load, error) {
	size := max(64, (len(recs)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var parts []load
	var errs []error
	var wg sync.WaitGroup
	n := (len(recs) + size - 1) / size
	parts, errs = make([]load, n), make([]error, n)
	for i := range n {
		from, to := i*size, min((i+1)*size, len(recs))
		wg.Go(func() { errs[i] = s.buildPart(ctx, c, &parts[i], recs[from:to], document+int64(from)) })
	}
	wg.Wait()
	return parts, errors.Join(errs...)
}

func (s *Store) buildPart(ctx context.Context, c *work.Call, l *load, recs []*customer.Customer, document int64) error {
	fresh, err := s.newKeys(ctx, c, recs)
	if err != nil {
		return err
	}
	sorts := sortable(c.Entity)
	term := tenantTerm(c.Tenant())
	l.customers = make([][]any, 0, len(recs))
	for i, r := range recs {
		var key keys.Key
		if sealing(r) {
			key, fresh = fresh[0], fresh[1:]
			l.keys = append(l.keys, []any{c.Tenant(), r.ID, int64(key.Epoch()), key.Wrapped(), c.Now})
		}
		taxID, err := sealTaxID(key, r)
		if err != nil {
			return err
		}
		terms := s.documentOf(l, term, r, document+int64(i)+1)
		l.customers = append(l.customers, insertValues(c.Tenant(), r, taxID, terms))
		for _, x := range r.Ext {
			l.exts = append(l.exts, []any{c.Tenant(), x.System, x.ID, r.ID, c.Now})
		}
		for _, f := range sorts {
			if v := r.Custom.Get(f); !v.IsBlank() {
				l.sorts = append(l.sorts, store.SortKeyRow(c.Tenant(), c.Entity.Name, f, r.ID, v))
			}
		}
		for j := range r.Points {
			row, err := s.pointValues(ctx, c, key, r.ID, &r.Points[j])
			if err != nil {
				return err
			}
			l.points = append(l.points, append(row, c.Now))
		}
	}
	return nil
}

// documentOf returns what the column search of a new customer holds.
func (s *Store) documentOf(l *load, tenant string, r *customer.Customer, number int64) any {
	text := document(s.sqlite(), tenant, r.Terms())
	if !s.sqlite() {
		return text
	}
	l.documents = append(l.documents, []any{number, text})
	return number
}

// newKeys makes a key for each customer that has something to seal.
func (s *Store) newKeys(ctx context.Context, c *work.Call, recs []*customer.Customer) ([]keys.Key, error) {
	var ids []ident.ID
	for _, r := range recs {
		if sealing(r) {
			ids = append(ids, r.ID)
		}
	}
	return s.keys.NewKeys(ctx, c.Tenant(), ids...)
}

// sortable lists the keys of the custom fields that lists may be sorted by.
func sortable(e *schema.Entity) []string {
	var out []string
	for _, name := range e.SortFields() {
		if key, custom := strings.CutPrefix(name, schema.CustomPrefix); custom {
			out = append(out, key)
		}
	}
	return out
}
