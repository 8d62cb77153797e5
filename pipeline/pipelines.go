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
	svc   *Module
	scope work.Scope
}

// Define stores a definition as the next version of its key, or as version 1. A definition equal to the newest
// version changes nothing and returns that one. Gates are compiled against the tenant's opportunities: findings come
// as violations at stages[i].entry[j].expr, with the nearest name. Running opportunities keep their version.
//
// Errors: Invalid with every breach; Denied without the right to configure; Conflict when another Define of the same
// key was faster.
func (p Pipelines) Define(ctx context.Context, d Definition) (Pipeline, error) {
	const op = "pipeline: define"
	if err := d.Validate(); err != nil {
		return Pipeline{}, fault.At(op, err)
	}
	d = d.complete()
	var out Pipeline
	err := p.svc.cfg.Engine.Units.Write(ctx, p.scope.Unit, func(ctx context.Context, u work.Unit) (err error) {
		in := p.scope
		in.Unit = u
		out, err = p.svc.define(ctx, in, d)
		return err
	})
	return out, fault.At(op, err)
}

func (s *Module) define(ctx context.Context, scope work.Scope, d Definition) (Pipeline, error) {
	st := s.cfg.Store
	ch := work.Change[Pipeline]{
		Op: "pipeline: define", Entity: EntityPipeline, Action: work.Configure, Kind: PipelineDefined, Args: d,
		Load: func(ctx context.Context, c *work.Call) (*Pipeline, error) {
			p, err := st.LockPipeline(ctx, c, d.Key)
			return within(c, p, err)
		},
		Apply: func(ctx context.Context, c *work.Call, rec *Pipeline) error { return s.applyDefinition(ctx, c, rec, d) },
		Save: func(ctx context.Context, c *work.Call, before, after *Pipeline) error {
			return st.SavePipeline(ctx, c, before, after)
		},
		Replay: func(ctx context.Context, c *work.Call, _ ident.ID) (*Pipeline, error) {
			r, err := reader(ctx, c)
			if err != nil {
				return nil, err
			}
			p, err := st.Pipeline(ctx, c, d.Key, 0)
			return within(r, p, err)
		},
	}
	known, err := s.known(ctx, scope, d.Key)
	if err != nil {
		return Pipeline{}, err
	}
	if !known {
		ch.Load = nil
	}
	return work.Write(ctx, s.cfg.Engine, scope, ch)
}

// known reports whether a key has a version.
func (s *Module) known(ctx context.Context, scope work.Scope, key string) (bool, error) {
	return work.View(ctx, s.cfg.Engine, scope, "pipeline: define", EntityPipeline,
		func(ctx context.Context, c *work.Call) (bool, error) {
			_, err := s.cfg.Store.Pipeline(ctx, c, key, 0)
			if fault.CodeOf(err) == fault.NotFound {
				return false, nil
			}
			return err == nil, err
		})
}

func (s *Module) applyDefinition(ctx context.Context, c *work.Call, rec *Pipeline, d Definition) error {
	if err := s.checkGates(ctx, c, d); err != nil {
		return err
	}
	if !equalStages(rec.Stages, d.Stages) {
		c.Touch("stages")
	}
	rec.Key, rec.Name, rec.Stages = d.Key, d.Name, d.Stages
	c.Fact("key", d.Key)
	return nil
}

// checkGates compiles every gate and collects the findings.
func (s *Module) checkGates(ctx context.Context, c *work.Call, d Definition) error {
	ent, err := s.cfg.Engine.Schemas.Entity(ctx, c.Unit, c.Tenant(), EntityOpportunity)
	if err != nil {
		return err
	}
	env := ent.Env(nil)
	var v fault.Violations
	for i, st := range d.Stages {
		for j, g := range st.Entry {
			for _, is := range s.cfg.Engine.Rules.Check(env, g.source()) {
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
	if !word.MatchString(key) {
		return Pipeline{}, fault.At("pipeline: get", fault.Field("key", wordForm))
	}
	return work.View(ctx, p.svc.cfg.Engine, p.scope, "pipeline: get", EntityPipeline,
		func(ctx context.Context, c *work.Call) (Pipeline, error) {
			rec, err := p.svc.cfg.Store.Pipeline(ctx, c, key, version)
			if fault.CodeOf(err) == fault.NotFound && key == p.svc.cfg.Default.Key && version == 0 {
				d := p.svc.cfg.Default.complete()
				return Pipeline{Key: d.Key, Name: d.Name, Stages: d.Stages}, nil
			}
			if rec, err = within(c, rec, err); err != nil {
				return Pipeline{}, err
			}
			c.Mask(rec)
			return *rec, nil
		})
}

// Page returns one page of the newest versions, sorted by key unless the query says otherwise.
//
// Errors: Invalid for a malformed query, Denied.
func (p Pipelines) Page(ctx context.Context, q page.Query) (page.Page[Pipeline], error) {
	if q.Sort == "" {
		q.Sort = "key"
	}
	return work.List(ctx, p.svc.cfg.Engine, p.scope, "pipeline: list", EntityPipeline, rule.True(), q,
		p.svc.cfg.Store.ListPipelines)
}

// All ranges over the newest versions, page by page. It stops at the first error.
func (p Pipelines) All(ctx context.Context, q page.Query) iter.Seq2[Pipeline, error] {
	return page.All(func(cursor string) (page.Page[Pipeline], error) {
		next := q
		if cursor != "" {
			next.Cursor = cursor
		}
		return p.Page(ctx, next)
	})
}

// pinned returns one version of a pipeline for an opportunity, storing the default one at its first use.
func (s *Module) pinned(ctx context.Context, c *work.Call, key string, version int64) (*Pipeline, error) {
	if key == "" {
		key = s.cfg.Default.Key
	}
	if !word.MatchString(key) {
		return nil, noPipeline()
	}
	p, err := s.cfg.Store.Pipeline(ctx, c, key, version)
	if fault.CodeOf(err) != fault.NotFound {
		return p, err
	}
	if key != s.cfg.Default.Key || version != 0 {
		return nil, noPipeline()
	}
	return s.storeDefault(ctx, c)
}

func noPipeline() error {
	return fault.Field("pipeline", "no such pipeline or version: Pipelines.Define makes one")
}

// storeDefault defines the default pipeline in the name of the CRM itself, so that whoever creates the first
// opportunity needs no right to configure.
func (s *Module) storeDefault(ctx context.Context, c *work.Call) (*Pipeline, error) {
	scope := work.Scope{
		Principal: ident.System(c.Tenant(), "rapport"), Purpose: personal.Operations, Unit: c.Unit,
	}
	p, err := Pipelines{s, scope}.Define(ctx, s.cfg.Default)
	if fault.CodeOf(err) == fault.Invalid {
		err = fault.Wrap(fault.Internal, err, "the default pipeline cannot be stored")
	}
	if fault.CodeOf(err) == fault.Conflict { // another writer stored it meanwhile
		return s.cfg.Store.Pipeline(ctx, c, s.cfg.Default.Key, 0)
	}
	return &p, err
}

var _ schema.Aggregate = (*Pipeline)(nil)
