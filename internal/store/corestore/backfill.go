package corestore

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

// backfillPage is how many records are indexed at a time.
const backfillPage = 1000

type customRow struct {
	ID     store.ID   `bun:"id"`
	Custom store.JSON `bun:"custom"`
}

// backfill indexes what is already stored under a field that is made sortable, within the transaction that makes it so.
func (s *Store) backfill(ctx context.Context, conn store.Conn, tenant string, d schema.Definition) error {
	kind := work.Find(s.kinds, d.Entity)
	if kind == nil {
		return nil
	}
	if _, err := conn.Exec(ctx, dropSortKeys, tenant, d.Entity, d.Key); err != nil {
		return err
	}
	field := d.Field()
	reader, err := readerOf(field)
	if err != nil {
		return err
	}
	where := rule.Ne("value", rule.Blank)
	if _, own := schema.FamilyOf(d.Entity); own {
		where = rule.All(rule.Eq("kind", rule.Text(d.Entity)), where) // its table has those of other kinds, too
	}
	spec := store.ListSpec{
		Name: "corestore.backfill", Tenant: tenant, Select: "r.id, r.custom", From: kind.Table + " r", Alias: "r",
		Columns: store.Columns{Dialect: s.db.Dialect(), Table: map[string]rule.Column{
			"kind": store.Field("r.kind", rule.TypeText), "value": s.db.Dialect().Custom("r.custom", d.Key, d.Type),
		}},
		Listing: work.Listing{Where: where, Sort: page.Sort{Field: "id"}, Limit: backfillPage},
	}
	for {
		var rows []customRow
		if err := conn.SelectList(ctx, spec, &rows); err != nil {
			return err
		}
		_, err := conn.BulkLoad(ctx, "crm_field_index", store.SortKeyColumns(), func(yield func([]any, error) bool) {
			for i := range rows {
				v, err := reader.Decode(rows[i].Custom)
				x := v.Get(d.Key)
				if err == nil && x.IsBlank() {
					continue
				}
				if !yield(store.SortKeyRow(tenant, d.Entity, d.Key, ident.ID(rows[i].ID), x), err) {
					return
				}
			}
		})
		if err != nil || len(rows) < backfillPage {
			return err
		}
		spec.Listing.After = &page.Position{ID: ident.ID(rows[len(rows)-1].ID)}
	}
}

// readerOf returns an entity that knows one custom field and can decode stored values.
func readerOf(f schema.Field) (*schema.Entity, error) {
	return schema.Of[struct {
		schema.Meta
		Custom schema.Values `crm:"custom"`
	}]("backfill").With(f)
}
