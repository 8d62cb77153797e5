package customerstore

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// lastDocument is the greatest number FTS5 has given. Only the writer's transaction asks for it.
var lastDocument = store.Split("customer.last_document", ``, `
	SELECT rowid FROM crm_customer_fts ORDER BY rowid DESC LIMIT 1`)

// load is the rows of one part of a batch, by table.
type load struct {
	customers, documents, keys, points, exts, sorts [][]any
}

// Insert implements [work.Store]. Rows are built on all processors and go into one table after the other, customers
// first.
func (s customers) Insert(ctx context.Context, c *work.Call, recs []*customer.Customer) error {
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
		{"crm_customer_ext", extColumns, func(l *load) [][]any { return l.exts }},
		{"crm_subject_key", []string{"tenant_id", "subject_id", "epoch", "wrapped", "created_at"}, func(l *load) [][]any { return l.keys }},
		{pointTable, pointColumns, func(l *load) [][]any { return l.points }},
		{"crm_field_index", store.SortKeyColumns(), func(l *load) [][]any { return l.sorts }},
	} {
		if !slices.ContainsFunc(parts, func(l load) bool { return len(t.rows(&l)) > 0 }) {
			continue
		}
		if _, err := s.on(c).BulkLoad(ctx, t.table, t.columns, rowsOf(parts, t.rows)); err != nil {
			return taken("id")(err)
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
			l.points = append(l.points, row)
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
