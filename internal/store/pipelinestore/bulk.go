package pipelinestore

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
)

var manyByExt = store.Split("pipeline.opportunities_by_ext", `
		SELECT id, ext_id FROM crm_opportunity WHERE tenant_id = $1 AND ext_system = $2 AND deleted_at IS NULL
		AND ext_id = ANY(ARRAY(SELECT jsonb_array_elements_text($3::jsonb)))`, `
		SELECT id, ext_id FROM crm_opportunity WHERE tenant_id = $1 AND ext_system = $2 AND deleted_at IS NULL
		AND ext_id IN (SELECT value FROM json_each($3))`)

type extRow struct {
	ID    store.ID `bun:"id"`
	ExtID string   `bun:"ext_id"`
}

// OpportunitiesByExt implements [pipeline.OpportunityStore].
func (s *Store) OpportunitiesByExt(ctx context.Context, c *work.Call, exts []ident.Ext) (map[ident.Ext]ident.ID, error) {
	bySystem := map[string][]string{}
	for _, x := range exts {
		bySystem[x.System] = append(bySystem[x.System], x.ID)
	}
	out := make(map[ident.Ext]ident.ID, len(exts))
	for system, ids := range bySystem {
		var list []extRow
		if err := s.on(c).Select(ctx, manyByExt, &list, c.Tenant(), system, ids); err != nil {
			return nil, err
		}
		for _, r := range list {
			out[ident.Ext{System: system, ID: r.ExtID}] = ident.ID(r.ID)
		}
	}
	return out, nil
}

// InsertOpportunities implements [pipeline.OpportunityStore].
func (s *Store) InsertOpportunities(ctx context.Context, c *work.Call, recs []*pipeline.Opportunity, moves []*pipeline.Transition) error {
	conn := s.on(c)
	columns := slices.Concat(opportunityBirth, opportunityFields)
	if _, err := conn.BulkLoad(ctx, "crm_opportunity", columns, func(yield func([]any, error) bool) {
		for _, o := range recs {
			if !yield(append(birthValues(c.Tenant(), o), opportunityValues(o)...), nil) {
				return
			}
		}
	}); err != nil {
		return taken(err)
	}
	if _, err := conn.BulkLoad(ctx, "crm_opportunity_move", moveColumns, func(yield func([]any, error) bool) {
		for _, m := range moves {
			if !yield(moveValues(c.Tenant(), m)) {
				return
			}
		}
	}); err != nil {
		return err
	}
	for _, name := range c.Entity.SortFields() {
		if key, custom := strings.CutPrefix(name, schema.CustomPrefix); custom {
			if _, err := conn.BulkLoad(ctx, "crm_field_index", store.SortKeyColumns(), sortKeys(c, key, recs)); err != nil {
				return err
			}
		}
	}
	return nil
}

// sortKeys are the index rows of one custom field.
func sortKeys(c *work.Call, key string, recs []*pipeline.Opportunity) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, o := range recs {
			v := o.Custom.Get(key)
			if !v.IsBlank() && !yield(store.SortKeyRow(c.Tenant(), c.Entity.Name, key, o.ID, v), nil) {
				return
			}
		}
	}
}
