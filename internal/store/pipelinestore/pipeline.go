package pipelinestore

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
)

var (
	pipelines = store.TableOf[pipeline.Pipeline](
		work.Find(pipeline.Kinds(), pipeline.EntityPipeline), map[string]string{"Stages": "stages"})
	pipelineByKey = pipelines.KeyOf("_by_key", "key")

	getVersion = store.Same("pipeline.get_version", `
		SELECT p.id, v.version, p.key, v.name, v.stages, p.owner_user, p.owner_team, p.created_at, v.created_at AS updated_at, v.created_by
		FROM crm_pipeline p
		JOIN crm_pipeline_version v ON v.tenant_id = p.tenant_id AND v.pipeline_id = p.id
		WHERE p.tenant_id = $1 AND p.key = $2 AND v.version = $3`)
	keepVersion = store.Same("pipeline.keep_version", `
		INSERT INTO crm_pipeline_version (tenant_id, pipeline_id, version, name, stages, created_at, created_by)
		SELECT p.tenant_id, p.id, p.version, p.name, p.stages, p.updated_at, $3 FROM crm_pipeline p WHERE p.tenant_id = $1 AND p.id = $2`)
)

func pipelineStatements() []store.SQL {
	return slices.Concat(pipelines.Statements(), pipelineByKey.Statements(), []store.SQL{getVersion, keepVersion})
}

// Pipelines implements [pipeline.Store].
func (s *Store) Pipelines() pipeline.PipelineStore { return pipelineStore{pipelines.On(s.db, nil)} }

type pipelineStore struct {
	*store.Bound[pipeline.Pipeline, *pipeline.Pipeline]
}

// Save implements [work.Store], and keeps the version for ever.
func (s pipelineStore) Save(ctx context.Context, c *work.Call, before, after *pipeline.Pipeline) error {
	if err := s.Bound.Save(ctx, c, before, after); err != nil {
		return err
	}
	return s.DB.On(c.Unit).Queue(keepVersion, nil, c.Tenant(), after.ID, c.Principal.ID)
}

// Lock implements [pipeline.PipelineStore].
func (s pipelineStore) Lock(ctx context.Context, c *work.Call, key string) (*pipeline.Pipeline, error) {
	return s.By(ctx, c, &pipelineByKey, work.Lock, key)
}

// Version implements [pipeline.PipelineStore].
func (s pipelineStore) Version(ctx context.Context, c *work.Call, key string, version int64) (wait func(ctx context.Context) (*pipeline.Pipeline, error)) {
	if version == 0 {
		return s.ByLater(ctx, c, &pipelineByKey, work.Look, key)
	}
	return s.OneLater(ctx, c, getVersion, c.Tenant(), key, version)
}
