package customer

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// The stages of the default lifecycle.
const (
	StagePotential = "potential"
	StageNew       = "new"
	StageSatisfied = "satisfied"
	StageRetained  = "retained"
	StageLoyal     = "loyal"
	StageLost      = "lost" // outside the order: reached from every stage and left for every stage, with a reason
)

// DefaultLifecycle returns the stages in order, without [StageLost].
func DefaultLifecycle() []string {
	return []string{StagePotential, StageNew, StageSatisfied, StageRetained, StageLoyal}
}

// StageChange is one move through the lifecycle.
type StageChange struct {
	Customer ident.ID      `json:"customer"`                            // who was moved: the customer, or one merged into it
	Version  int64         `json:"version"`                             // the customer's version with this change
	From     string        `json:"from"`                                // the stage it left
	To       string        `json:"to"`                                  // the stage it came to
	At       time.Time     `json:"at"`                                  // when it was moved
	Spent    time.Duration `json:"spent"`                               // in the stage From
	By       string        `json:"by"`                                  // id of who moved it
	Reason   personal.Text `json:"reason,omitzero" crm:"class=content"` // absent on moves forward without one
}

// maxReason is the greatest length of a reason in characters.
const maxReason = 1000

// MoveLifecycle brings a customer to a stage. Moves forward, over several stages too, are free; moves backward,
// to [StageLost] and back from it need a reason. A move to the present stage does nothing.
//
// Errors: Invalid for an unknown stage or a missing reason; NotFound; Denied.
func (cs Customers) MoveLifecycle(ctx context.Context, id ident.ID, stage, reason string) (Customer, error) {
	return cs.m.customers.Change(ctx, cs.scope, work.Verb[Customer]{
		Name: "move lifecycle", Event: LifecycleMoved, ID: id, Args: []string{stage, reason}, Sets: []string{"lifecycle"},
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error {
			reason := strings.TrimSpace(reason)
			if err := cs.m.checkMove(rec.Lifecycle, stage, reason); err != nil || rec.Lifecycle == stage {
				return err
			}
			c.Keep(cs.m.stages, &StageChange{
				From: rec.Lifecycle, To: stage, At: c.Now, Spent: c.Now.Sub(rec.LifecycleSince),
				By: c.Principal.ID, Reason: personal.NewText(personal.Content, reason),
			})
			c.Fact("from", rec.Lifecycle)
			c.Fact("to", stage)
			c.Line(rec.ID, c.Now)
			rec.Lifecycle, rec.LifecycleSince = stage, c.Now
			return nil
		},
	})
}

// checkMove returns a fault for a move that is not allowed with the reason given.
func (m *Module) checkMove(from, to, reason string) error {
	if err := schema.CheckText("reason", reason, maxReason); err != nil {
		return err
	}
	at, want := slices.Index(m.lifecycle, from), slices.Index(m.lifecycle, to)
	switch {
	case want < 0 && to != StageLost:
		return fault.Field("stage", "unknown: want one of %s, %s", strings.Join(m.lifecycle, ", "), StageLost)
	case from == to || reason != "":
		return nil
	case to == StageLost || from == StageLost:
		return fault.Field("reason", "must not be empty: a customer is lost or won back for a reason")
	case want < at:
		return fault.Field("reason", "must not be empty: a move backward from %s to %s needs one", from, to)
	}
	return nil
}

// LifecycleHistory returns the moves of a customer, and of those merged into it, oldest first.
// Reasons are masked for callers who may not see the field lifecycle_reason.
//
// Errors: NotFound; Denied.
func (cs Customers) LifecycleHistory(ctx context.Context, id ident.ID) ([]StageChange, error) {
	return work.Beside(ctx, cs.m.rows, cs.scope, "lifecycle history", id, cs.m.stages.Of, cs.m.stageChanges)
}

func (m *Module) stageChanges(ctx context.Context, c *work.Call, rec *Customer, own func(ctx context.Context, subject ident.ID) ([]StageChange, error)) ([]StageChange, error) {
	ids, err := m.resolution(ctx, c.Scope, rec)
	if err != nil {
		return nil, err
	}
	out, err := own(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range ids[1:] {
		moves, err := m.stages.Of(ctx, c, id)(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, moves...)
	}
	slices.SortStableFunc(out, func(a, b StageChange) int { return a.At.Compare(b.At) })
	for i := range out {
		if c.Hides("lifecycle_reason", personal.Content) {
			out[i].Reason = personal.NewMasked(personal.Content)
		}
	}
	return out, nil
}
