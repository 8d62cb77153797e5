package pipelinestore

import (
	"context"
	"encoding/json"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
)

type pipelineRow struct {
	store.MetaRow

	Key    string     `bun:"key"`
	Name   string     `bun:"name"`
	Stages store.JSON `bun:"stages"`
}

var (
	pipelineFields = append(store.MetaColumns(), "key", "name", "stages")
	pipelineSelect = store.Qualified("p", store.BirthColumns()[1:], pipelineFields)
	versionColumns = []string{"tenant_id", "pipeline_id", "version", "name", "stages", "created_at", "created_by"}

	onePipeline  = "SELECT " + pipelineSelect + " FROM crm_pipeline p WHERE p.tenant_id = $1 AND p.key = $2"
	getPipeline  = store.Same("pipeline.get_pipeline", onePipeline)
	lockPipeline = store.Split("pipeline.lock_pipeline", onePipeline+" FOR UPDATE", onePipeline)
	getVersion   = store.Same("pipeline.get_pipeline_version", `
		SELECT p.id, v.version, p.owner_user, p.owner_team, p.created_at, v.created_at AS updated_at, v.created_by, p.key, v.name, v.stages
		FROM crm_pipeline p
		JOIN crm_pipeline_version v ON v.tenant_id = p.tenant_id AND v.pipeline_id = p.id
		WHERE p.tenant_id = $1 AND p.key = $2 AND v.version = $3`)
	insertPipeline = store.Same("pipeline.insert_pipeline",
		store.InsertText("crm_pipeline", store.BirthColumns(), pipelineFields))
	updatePipeline = store.Same("pipeline.update_pipeline", store.UpdateText("crm_pipeline", "", pipelineFields))
	insertVersion  = store.Same("pipeline.insert_pipeline_version", store.InsertText("crm_pipeline_version", versionColumns))
)

func pipelineStatements() []store.SQL {
	return []store.SQL{getPipeline, lockPipeline, getVersion, insertPipeline, updatePipeline, insertVersion}
}

var pipelineTable = table("p", map[string]rule.Column{
	"key":  store.Field("p.key", rule.TypeText),
	"name": store.Field("p.name", rule.TypeText),
})

func toPipeline(_ *work.Call, r *pipelineRow) (*pipeline.Pipeline, error) {
	p := &pipeline.Pipeline{Meta: r.Meta(), Key: r.Key, Name: r.Name}
	if err := json.Unmarshal(r.Stages, &p.Stages); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "pipeline %s version %d cannot be read", r.Key, r.Version)
	}
	return p, nil
}

// Pipeline implements [pipeline.PipelineStore].
func (s *Store) Pipeline(ctx context.Context, c *work.Call, key string, version int64) (*pipeline.Pipeline, error) {
	if version == 0 {
		return s.pipeline(ctx, c, getPipeline, key)
	}
	return s.pipeline(ctx, c, getVersion, key, version)
}

// LockPipeline implements [pipeline.PipelineStore].
func (s *Store) LockPipeline(ctx context.Context, c *work.Call, key string) (*pipeline.Pipeline, error) {
	return s.pipeline(ctx, c, lockPipeline, key)
}

func (s *Store) pipeline(ctx context.Context, c *work.Call, q store.SQL, args ...any) (*pipeline.Pipeline, error) {
	var r pipelineRow
	if err := s.on(c).Get(ctx, q, &r, append([]any{c.Tenant()}, args...)...); err != nil {
		return nil, missing(err, pipeline.EntityPipeline)
	}
	return toPipeline(c, &r)
}

// SavePipeline implements [pipeline.PipelineStore].
func (s *Store) SavePipeline(ctx context.Context, c *work.Call, before, after *pipeline.Pipeline) error {
	b, err := json.Marshal(after.Stages)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "stages cannot be encoded")
	}
	conn, stages := s.on(c), store.JSON(b)
	values := append(store.MetaValues(&after.Meta), after.Key, after.Name, stages)
	if before == nil {
		if _, err := conn.Exec(ctx, insertPipeline, append(store.BirthValues(c.Tenant(), &after.Meta), values...)...); err != nil {
			return taken(err)
		}
	} else {
		n, err := conn.Exec(ctx, updatePipeline, append([]any{c.Tenant(), after.ID, before.Version}, values...)...)
		if err := changed(n, err, before.Version); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, insertVersion, c.Tenant(), after.ID, after.Version, after.Name, stages, after.UpdatedAt, c.Principal.ID)
	return err
}

// ListPipelines implements [pipeline.PipelineStore].
func (s *Store) ListPipelines(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[pipeline.Pipeline], error) {
	var list []pipelineRow
	err := s.on(c).SelectList(ctx, store.ListSpec{
		Name: "pipeline.list_pipelines", Tenant: c.Tenant(), Select: pipelineSelect, From: "crm_pipeline p", Alias: "p",
		Columns: store.Columns{Dialect: s.db.Dialect(), Table: pipelineTable, Entity: c.Entity},
		NotNull: []string{"key", "created_at", "updated_at"}, Listing: l,
	}, &list)
	if err != nil {
		return nil, err
	}
	return records(c, list, l, toPipeline)
}
