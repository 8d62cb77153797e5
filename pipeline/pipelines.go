package pipeline

import (
	"context"
	"fmt"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Pipelines is the façade over versioned definitions. It is a light value, safe for concurrent use.
type Pipelines struct {
	m     *Module
	scope *work.Scope
}

// Opportunities pin versions, so no pipeline is ever deleted.
var pipelineKind = &work.Kind{
	Entity: schema.Of[Pipeline](EntityPipeline), Module: ModuleName, Table: "crm_pipeline", Permanent: true,
	Rights: work.Rights{Manager: "annnnnnn", Sales: "annnnnnn", Service: "annnnnnn", Marketing: "annnnnnn", Viewer: "annnnnnn"},
}

// Define stores a definition as the next version of its key, or as version 1. A definition equal to the newest
// version changes nothing and returns that one. Gates are compiled against the tenant's opportunities: findings come
// as violations at stages[i].entry[j].expr, with the nearest name. Running opportunities keep their version.
//
// Errors: Invalid with every breach; Denied without the right to configure; Conflict when another Define of the same
// key was faster.
func (p Pipelines) Define(ctx context.Context, d Definition) (Pipeline, error) {
	if err := d.Validate(); err != nil {
		return Pipeline{}, fault.At("pipeline: define", err)
	}
	d = d.complete()
	v := work.Verb[Pipeline]{
		Name: "define", Event: PipelineDefined, Action: work.Configure, Args: d,
		Apply: func(ctx context.Context, c *work.Call, rec *Pipeline) error { return p.m.define(ctx, c, rec, d) },
	}
	lock := func(ctx context.Context, c *work.Call) (*Pipeline, error) {
		return p.m.pipelineStore.Lock(ctx, c, d.Key)
	}
	rec, _, err := p.m.pipelines.Upsert(ctx, p.scope, lock, v, v)
	return rec, err
}

func (m *Module) define(ctx context.Context, c *work.Call, rec *Pipeline, d Definition) error {
	if err := m.checkGates(ctx, c, d); err != nil {
		return err
	}
	rec.Key, rec.Name, rec.Stages = d.Key, d.Name, d.Stages
	c.Fact("key", d.Key)
	return nil
}

// checkGates compiles every gate and collects the findings.
func (m *Module) checkGates(ctx context.Context, c *work.Call, d Definition) error {
	ent, err := m.engine.Schemas.Entity(ctx, c.Unit, c.Tenant(), EntityOpportunity)
	if err != nil {
		return err
	}
	env := ent.Env(nil)
	var v fault.Violations
	for i, st := range d.Stages {
		for j, g := range st.Entry {
			for _, is := range m.engine.Rules.Check(env, g.source()) {
				v.Add(fmt.Sprintf("stages[%d].entry[%d].expr", i, j), "%s", explain(is))
			}
		}
	}
	return v.Err()
}

func (g Gate) source() rule.Source { return rule.Source{ID: g.ID, Expr: g.Expr, Message: g.Message} }

func explain(is rule.Issue) string {
	if is.Fix == "" {
		return is.Message
	}
	return fmt.Sprintf("%s (at %d: write %s)", is.Message, is.From, is.Fix)
}

// Get returns one version of a pipeline, or the newest for version 0. The default pipeline, asked for before its
// first use, is returned with version 0.
//
// Errors: Invalid for a malformed key, NotFound, Denied.
func (p Pipelines) Get(ctx context.Context, key string, version int64) (Pipeline, error) {
	if err := schema.CheckWord("key", key); err != nil {
		return Pipeline{}, fault.At("pipeline: get", err)
	}
	return p.m.pipelines.By(ctx, p.scope, "get", func(ctx context.Context, c *work.Call) (*Pipeline, error) {
		rec, err := p.m.pipelineStore.Version(ctx, c, key, version)(ctx)
		if d := p.m.defaultPipeline; fault.CodeOf(err) == fault.NotFound && key == d.Key && version == 0 {
			return &Pipeline{Key: d.Key, Name: d.Name, Stages: cloneStages(d.Stages)}, nil
		}
		return rec, err
	})
}

// Page returns one page of the newest versions, sorted by key unless the query says otherwise.
//
// Errors: Invalid for a malformed query, Denied.
func (p Pipelines) Page(ctx context.Context, q page.Query) (page.Page[Pipeline], error) {
	if q.Sort == "" {
		q.Sort = "key"
	}
	return p.m.pipelines.Page(ctx, p.scope, rule.True(), q)
}

// All ranges over the newest versions, page by page. It stops at the first error.
func (p Pipelines) All(ctx context.Context, q page.Query) iter.Seq2[Pipeline, error] {
	return work.All(q, func(q page.Query) (page.Page[Pipeline], error) { return p.Page(ctx, q) })
}

// pinned returns one version of a pipeline for an opportunity, see [Module.pin].
func (m *Module) pinned(ctx context.Context, c *work.Call, key string, version int64) (*Pipeline, error) {
	return m.pin(ctx, c, key, version)(ctx)
}

// pin asks for one version of a pipeline, for opportunities, whoever may see pipelines. What waits for it stores the default
// one at its first use.
func (m *Module) pin(ctx context.Context, c *work.Call, key string, version int64) (wait func(ctx context.Context) (*Pipeline, error)) {
	if key == "" {
		key = m.defaultPipeline.Key
	}
	if schema.CheckWord("key", key) != nil {
		return func(context.Context) (*Pipeline, error) { return nil, noPipeline() }
	}
	read := m.pipelineStore.Version(ctx, c, key, version)
	return func(ctx context.Context) (*Pipeline, error) {
		p, err := read(ctx)
		switch {
		case fault.CodeOf(err) != fault.NotFound:
			return p, err
		case key == m.defaultPipeline.Key && version == 0:
			return m.storeDefault(ctx, c)
		}
		return nil, noPipeline()
	}
}

func noPipeline() error {
	return fault.Field("pipeline", "no such pipeline or version: Pipelines.Define makes one")
}

// storeDefault defines the default pipeline in the name of the CRM itself, so that whoever creates the first
// opportunity needs no right to configure.
func (m *Module) storeDefault(ctx context.Context, c *work.Call) (*Pipeline, error) {
	scope := work.Scope{Principal: ident.System(c.Tenant(), "rapport"), Purpose: personal.Operations, Unit: c.Unit}
	p, err := m.Pipelines(&scope).Define(ctx, m.defaultPipeline)
	if fault.CodeOf(err) == fault.Invalid {
		err = fault.Wrap(fault.Internal, err, "the default pipeline cannot be stored")
	}
	return &p, err
}
