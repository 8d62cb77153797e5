package pipelinestore_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store/pipelinestore"
	"github.com/rapport-crm/rapport/pipeline"
)

// mutant is a deliberate fault: in what is saved, in the line of the history, which true keeps, or in how gates answer.
type mutant struct {
	save func(before, after *pipeline.Opportunity)
	keep func(line *pipeline.Transition) bool
	gate func(o rule.Outcome) rule.Outcome
}

var mutants = map[string]mutant{
	"gates ask nothing": {gate: func(rule.Outcome) rule.Outcome { return rule.Yes }},
	"unknown passes": {gate: func(o rule.Outcome) rule.Outcome {
		if o == rule.Unknown {
			return rule.Yes
		}
		return o
	}},
	"gates never pass": {gate: func(rule.Outcome) rule.Outcome { return rule.No }},
	"nothing is booked": {save: func(_, a *pipeline.Opportunity) {
		a.Booked = money.Amount{}
	}},
	"booked stays after reopening": {save: func(b, a *pipeline.Opportunity) {
		if b != nil && b.Category == pipeline.Won {
			a.Booked = b.Booked
		}
	}},
	"reason stays after reopening": {save: func(b, a *pipeline.Opportunity) {
		if b != nil && b.LostReason != "" {
			a.LostReason = b.LostReason
		}
	}},
	"closing day stays": {save: func(b, a *pipeline.Opportunity) {
		if b != nil && !b.ClosedOn.IsZero() {
			a.ClosedOn = b.ClosedOn
		}
	}},
	"override counts when closed": {save: func(_, a *pipeline.Opportunity) {
		if a.Override != nil {
			a.Probability = *a.Override
		}
	}},
	"stay is not counted": {keep: func(line *pipeline.Transition) bool {
		line.Stay = 0
		return true
	}},
	"history skips closings": {keep: func(line *pipeline.Transition) bool { return !line.Category.Closed() }},
	"since is when it was created": {save: func(b, a *pipeline.Opportunity) {
		if b != nil {
			a.StageSince = a.CreatedAt
		}
	}},
	"closed at is cut to days": {save: func(_, a *pipeline.Opportunity) {
		if !a.ClosedAt.IsZero() {
			a.ClosedAt = a.ClosedAt.Truncate(24 * time.Hour)
		}
	}},
}

func TestMutantsAreKilled(t *testing.T) {
	t.Parallel()

	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			l := newLab(t, dbtest.SQLite(t))
			l.defineLaw(t)
			if m.gate != nil {
				l.Engine.Rules = lenient{l.Engine.Rules, m.gate}
			}
			svc := pipeline.New(pipeline.Config{Engine: l.Engine, Store: sick{pipelinestore.New(l.DB), m}})
			l.Opportunities = svc.Opportunities(&l.scope)
			seen := map[string]int{}
			for seed := range uint64(60) {
				if err := moveLaw(t.Context(), l, rand.New(rand.NewPCG(seed, 2)), 40, seen); err != nil {
					t.Logf("killed by seed %d: %v", seed, err)
					return
				}
			}
			require.Fail(t, "the mutant lives")
		})
	}
}

// sick is a store that spoils what it saves.
type sick struct {
	pipeline.Store
	m mutant
}

func (s sick) Opportunities() pipeline.OpportunityStore {
	return sickOpportunities{s.Store.Opportunities(), s.m}
}

func (s sick) Transitions() work.Lines[pipeline.Transition] {
	return &sickTransitions{s.Store.Transitions(), s.m}
}

type sickOpportunities struct {
	pipeline.OpportunityStore
	m mutant
}

func (s sickOpportunities) Save(ctx context.Context, c *work.Call, before, after *pipeline.Opportunity) error {
	if s.m.save != nil {
		s.m.save(before, after)
	}
	return s.OpportunityStore.Save(ctx, c, before, after)
}

type sickTransitions struct {
	work.Lines[pipeline.Transition]
	m mutant
}

func (s *sickTransitions) Append(ctx context.Context, c *work.Call, lines []work.HistoryLine) error {
	if s.m.keep != nil {
		lines = slices.DeleteFunc(lines, func(x work.HistoryLine) bool {
			line, ok := x.Row.(*pipeline.Transition)
			return ok && !s.m.keep(line)
		})
	}
	return s.Lines.Append(ctx, c, lines)
}

// lenient is a compiler whose programs answer otherwise.
type lenient struct {
	rule.Compiler
	gate func(o rule.Outcome) rule.Outcome
}

func (l lenient) Compile(env *rule.Env, src rule.Source) (rule.Program, error) {
	p, err := l.Compiler.Compile(env, src)
	return answering{p, l.gate}, err
}

type answering struct {
	rule.Program
	gate func(o rule.Outcome) rule.Outcome
}

func (a answering) Explain(rec rule.Record, in rule.Input) *rule.Trace {
	tr := a.Program.Explain(rec, in)
	tr.Outcome = a.gate(tr.Outcome)
	return tr
}
