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
	From   string        `json:"from"`            // the stage it left
	To     string        `json:"to"`              // the stage it came to
	At     time.Time     `json:"at"`              // when it was moved
	Spent  time.Duration `json:"spent"`           // in the stage From
	By     string        `json:"by"`              // id of who moved it
	Reason personal.Text `json:"reason,omitzero"` // class content; absent on moves forward without one
}

// maxReason is the greatest length of a reason in characters.
const maxReason = 1000

// MoveLifecycle brings a customer to a stage. Moves forward, over several stages too, are free; moves backward,
// to [StageLost] and back from it need a reason. A move to the present stage does nothing.
//
// Errors: Invalid for an unknown stage or a missing reason, NotFound, Denied.
func (cs Customers) MoveLifecycle(ctx context.Context, id ident.ID, stage, reason string) (Customer, error) {
	var move StageChange
	return cs.change(ctx, work.Change[Customer]{
		Op: "customer: move lifecycle", Kind: LifecycleMoved, ID: id, Args: []string{stage, reason},
		Apply: func(_ context.Context, c *work.Call, rec *Customer) error {
			if err := c.CheckSets("lifecycle"); err != nil {
				return err
			}
			reason = strings.TrimSpace(reason)
			if err := cs.s.checkMove(rec.Lifecycle, stage, reason); err != nil {
				return err
			}
			move = StageChange{
				From: rec.Lifecycle, To: stage, At: c.Now, Spent: c.Now.Sub(rec.LifecycleSince),
				By: c.Principal.ID, Reason: personal.NewText(personal.Content, reason),
			}
			if rec.Lifecycle != stage {
				rec.Lifecycle, rec.LifecycleSince = stage, c.Now
			}
			c.Fact("from", move.From)
			c.Fact("to", stage)
			c.Line(rec.ID, c.Now)
			return nil
		},
		Save: func(ctx context.Context, c *work.Call, before, after *Customer) error {
			if err := cs.s.store.UpdateCustomer(ctx, c, before, after); err != nil {
				return err
			}
			return cs.s.store.AddStageChange(ctx, c, after, move)
		},
	})
}

// checkMove says whether a move is allowed with the reason given.
func (s *Module) checkMove(from, to, reason string) error {
	if err := schema.CheckText("reason", reason, maxReason); err != nil {
		return err
	}
	at, want := slices.Index(s.lifecycle, from), slices.Index(s.lifecycle, to)
	switch {
	case want < 0 && to != StageLost:
		return fault.Field("stage", "unknown: want one of %s, %s", strings.Join(s.lifecycle, ", "), StageLost)
	case from == to || reason != "":
		return nil
	case to == StageLost || from == StageLost:
		return fault.Field("reason", "must not be empty: a customer is lost or won back for a reason")
	case want < at:
		return fault.Field("reason", "must not be empty: a move backward from %s to %s needs one", from, to)
	}
	return nil
}

// LifecycleHistory returns the moves of a customer, and of those merged into it, oldest first; at most 1,000.
// Reasons are masked for callers who may not see the field lifecycle_reason.
//
// Errors: NotFound, Denied.
func (cs Customers) LifecycleHistory(ctx context.Context, id ident.ID) ([]StageChange, error) {
	return work.View(ctx, cs.s.engine, cs.scope, "customer: lifecycle history", EntityCustomer,
		func(ctx context.Context, c *work.Call) ([]StageChange, error) {
			rec, err := cs.s.visible(ctx, c, id)
			if err != nil {
				return nil, err
			}
			moves, err := cs.s.store.StageChanges(ctx, c, rec.ID)
			for i := range moves {
				if c.Hides("lifecycle_reason", personal.Content) {
					moves[i].Reason = personal.NewMasked(personal.Content)
				}
			}
			return moves, err
		})
}
