package pipelinestore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
)

type moveRow struct {
	OpportunityID   store.ID   `bun:"opportunity_id"`
	Version         int64      `bun:"version"`
	FromStage       string     `bun:"from_stage"`
	ToStage         string     `bun:"to_stage"`
	Category        string     `bun:"category"`
	Pipeline        string     `bun:"pipeline"`
	PipelineVersion int64      `bun:"pipeline_version"`
	At              store.Time `bun:"at"`
	Spent           int64      `bun:"spent"`
	Reason          string     `bun:"reason"`
	Imported        bool       `bun:"imported"`
	Evidence        store.JSON `bun:"evidence"`
	ActorKind       string     `bun:"actor_kind"`
	ActorID         string     `bun:"actor_id"`
}

var moveColumns = []string{
	"tenant_id", "opportunity_id", "version", "from_stage", "to_stage", "category", "pipeline", "pipeline_version", "at",
	"spent", "reason", "imported", "evidence", "actor_kind", "actor_id",
}

func moveValues(tenant string, m *pipeline.Transition) ([]any, error) {
	var evidence store.JSON
	if len(m.Evidence) > 0 {
		b, err := json.Marshal(m.Evidence)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "evidence cannot be encoded")
		}
		evidence = b
	}
	return []any{
		tenant, m.Opportunity, m.Version, store.OrNull(m.From), m.To, m.Category, m.Pipeline, m.PipelineVersion, m.At,
		m.Stay.Microseconds(), store.OrNull(m.Reason), m.Imported, evidence, m.Actor.Kind, m.Actor.ID,
	}, nil
}

// Transitions implements [pipeline.OpportunityStore].
func (s *Store) Transitions(ctx context.Context, c *work.Call, id ident.ID) ([]pipeline.Transition, error) {
	var list []moveRow
	if err := s.on(c).Select(ctx, getMoves, &list, c.Tenant(), id); err != nil {
		return nil, err
	}
	out := make([]pipeline.Transition, len(list))
	for i := range list {
		r := &list[i]
		out[i] = pipeline.Transition{
			Opportunity: ident.ID(r.OpportunityID), Version: r.Version, From: r.FromStage, To: r.ToStage,
			Category: pipeline.Category(r.Category), Pipeline: r.Pipeline, PipelineVersion: r.PipelineVersion,
			At: time.Time(r.At), Stay: time.Duration(r.Spent) * time.Microsecond, Reason: r.Reason, Imported: r.Imported,
			Actor: ident.Principal{Tenant: c.Tenant(), Kind: ident.Kind(r.ActorKind), ID: r.ActorID},
		}
		if len(r.Evidence) == 0 {
			continue
		}
		if err := json.Unmarshal(r.Evidence, &out[i].Evidence); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "evidence cannot be read")
		}
	}
	return out, nil
}
