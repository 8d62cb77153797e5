package pipelinestore

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
)

var (
	opportunities    = store.TableOf[pipeline.Opportunity](work.Find(pipeline.Kinds(), pipeline.EntityOpportunity), nil)
	opportunityByExt = opportunities.KeyOf("_by_ext", "ext_system", "ext_id")
	transitions      = store.LinesOf[pipeline.Transition]("opportunity.moves", "crm_opportunity_move", "opportunity", "", "version",
		map[string]string{"from": "from_stage", "to": "to_stage", "stay": "spent"})

	// knownExts looks for the external ids of one system.
	knownExts = store.Split("opportunity.known", `
		SELECT ext_id FROM crm_opportunity WHERE tenant_id = $1 AND ext_system = $2 AND deleted_at IS NULL
		AND ext_id = ANY(ARRAY(SELECT jsonb_array_elements_text($3::jsonb)))`, `
		SELECT ext_id FROM crm_opportunity WHERE tenant_id = $1 AND ext_system = $2 AND deleted_at IS NULL
		AND ext_id IN (SELECT value FROM json_each($3))`)
)

func opportunityStatements() []store.SQL {
	return slices.Concat(opportunities.Statements(), opportunityByExt.Statements(), transitions.Statements(), []store.SQL{knownExts})
}

// Opportunities implements [pipeline.Store].
func (s *Store) Opportunities() pipeline.OpportunityStore {
	return opportunityStore{opportunities.On(s.db, nil)}
}

// Transitions implements [pipeline.Store].
func (s *Store) Transitions() work.Lines[pipeline.Transition] { return transitions.On(s.db, nil) }

type opportunityStore struct {
	*store.Bound[pipeline.Opportunity, *pipeline.Opportunity]
}

// ByExt implements [pipeline.OpportunityStore].
func (s opportunityStore) ByExt(ctx context.Context, c *work.Call, ext ident.Ext, how work.Fetch) (*pipeline.Opportunity, error) {
	return s.By(ctx, c, &opportunityByExt, how, ext.System, ext.ID)
}

// Known implements [pipeline.OpportunityStore].
func (s opportunityStore) Known(ctx context.Context, c *work.Call, exts []ident.Ext) (map[ident.Ext]bool, error) {
	bySystem, out := map[string][]string{}, map[ident.Ext]bool{}
	for _, x := range exts {
		bySystem[x.System] = append(bySystem[x.System], x.ID)
	}
	for system, ids := range bySystem {
		var found []string
		if err := s.DB.On(c.Unit).Select(ctx, knownExts, &found, c.Tenant(), system, ids); err != nil {
			return nil, err
		}
		for _, id := range found {
			out[ident.Ext{System: system, ID: id}] = true
		}
	}
	return out, nil
}
