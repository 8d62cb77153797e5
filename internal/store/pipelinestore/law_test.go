package pipelinestore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/pipeline"
)

// The law's pipeline is withGate("hw", `amount >= money("10 EUR")`), written down a second time.
var (
	lawStages = []string{"first", "second", "parked", "won", "lost", "dropped", "nowhere"}
	lawChance = map[string]int64{"first": 100, "second": 200, "won": 10000}
	lawKind   = map[string]string{"first": "open", "second": "open", "parked": "omitted", "won": "won", "lost": "lost", "dropped": "lost"}
)

func ended(stage string) bool { return lawKind[stage] == "won" || lawKind[stage] == "lost" }

// model is the oracle: what an opportunity must look like after the steps so far.
type model struct {
	stage, reason string
	amount        int64 // cents; -1 for none
	booked        int64
	override      int64 // -1 for none
	since         time.Time
	closed        time.Time
	trail         []string // "from>to stay reason"
}

// refusal is what a step must be answered with.
type refusal struct{ err error }

var (
	fine    = refusal{}
	state   = refusal{&fault.Error{Code: fault.Conflict, Reason: "state"}}
	invalid = refusal{fault.ErrInvalid}
	blocked = refusal{fault.ErrGate}
)

func (m *model) enter(to, reason string, now time.Time) refusal {
	if to == "second" && m.amount < 1000 {
		return blocked
	}
	stay := time.Duration(0)
	if m.stage != "" {
		stay = now.Sub(m.since)
	}
	m.trail = append(m.trail, fmt.Sprintf("%s>%s %s %s", m.stage, to, stay, reason))
	m.stage, m.since, m.reason, m.booked, m.closed = to, now, reason, -1, time.Time{}
	if to == "won" {
		m.booked = m.amount
	}
	if ended(to) {
		m.closed = now
	}
	return fine
}

// move is Move with an amount, -2 for none, and a reason.
func (m *model) move(to string, amount int64, reason string, now time.Time) refusal {
	changes := amount != -2 && amount != m.amount || reason != "" && reason != m.reason
	switch {
	case to == m.stage && changes, to != m.stage && ended(m.stage):
		return state
	case to == m.stage:
		return fine
	case lawKind[to] == "", lawKind[to] == "lost" && reason == "":
		return invalid
	}
	was := *m
	if amount != -2 {
		m.amount = amount
	}
	if lawKind[to] != "lost" {
		reason = ""
	}
	r := m.enter(to, reason, now)
	if r != fine {
		*m = was
	}
	return r
}

func (m *model) end(to, reason string, now time.Time) refusal {
	switch {
	case lawKind[m.stage] == lawKind[to] && reason == m.reason:
		return fine
	case ended(m.stage):
		return state
	}
	return m.enter(to, reason, now)
}

func (m *model) reopen(to string, now time.Time) refusal {
	switch {
	case !ended(m.stage) && (to == "" || to == m.stage):
		return fine
	case !ended(m.stage):
		return state
	case to != "" && (lawKind[to] == "" || ended(to)):
		return invalid
	}
	if to == "" {
		last := m.trail[len(m.trail)-1]
		_, err := fmt.Sscanf(last, "%s", &to)
		if err != nil {
			panic(err)
		}
		for i := range to {
			if to[i] == '>' {
				to = to[:i]
				break
			}
		}
	}
	return m.enter(to, "", now)
}

func (m *model) update(amount, override int64) refusal {
	if ended(m.stage) && (amount != m.amount || override != m.override) {
		return state
	}
	m.amount, m.override = amount, override
	return fine
}

func (m *model) compare(ctx context.Context, l *lab, o pipeline.Opportunity) error {
	var errs []error
	eq := func(what string, want, got any) {
		if want != got {
			errs = append(errs, fmt.Errorf("%s: want %v, have %v", what, want, got))
		}
	}
	chance := lawChance[m.stage]
	if m.override >= 0 && !ended(m.stage) {
		chance = m.override
	}
	eq("stage", m.stage, o.Stage)
	eq("category", lawKind[m.stage], string(o.Category))
	eq("amount", cents(m.amount), o.Amount)
	eq("booked", cents(m.booked), o.Booked)
	eq("reason", m.reason, o.LostReason)
	eq("probability", chance, o.Probability)
	eq("stage probability", lawChance[m.stage], o.StageProbability)
	eq("closed at", m.closed, o.ClosedAt)
	eq("closed on", date.FromTime(m.closed, time.UTC), o.ClosedOn)
	eq("since", m.since, o.StageSince)
	hist, err := l.History(ctx, o.ID)
	if err != nil {
		return err
	}
	eq("history", len(m.trail), len(hist))
	for i := range min(len(hist), len(m.trail)) {
		h := hist[i]
		eq("history", m.trail[i], fmt.Sprintf("%s>%s %s %s", h.From, h.To, h.Stay, h.Reason))
	}
	return errors.Join(errs...)
}

func cents(n int64) money.Amount {
	if n < 0 {
		return money.Amount{}
	}
	return money.Amount{Minor: n, Currency: "EUR"}
}

var lawVerbs = []string{"move", "move with amount", "drop", "win", "lose", "reopen", "reopen at", "update"}

// moveLaw plays random steps on one opportunity and compares it with the oracle after each of them.
func moveLaw(ctx context.Context, l *lab, rng *rand.Rand, steps int, seen map[string]int) error {
	o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Pipeline: "hw"})
	if err != nil {
		return err
	}
	m := &model{amount: -1, booked: -1, override: -1}
	m.enter("first", "", l.Now())
	for n := range steps {
		verb := lawVerbs[rng.IntN(len(lawVerbs))]
		now := l.Advance(time.Duration(rng.IntN(3)) * time.Hour)
		want, err := play(ctx, l, m, o.ID, verb, rng, now)
		if want.err == nil && err != nil || want.err != nil && !errors.Is(err, want.err) {
			return fmt.Errorf("step %d %s: want %q, have: %w", n, verb, fault.CodeOf(want.err), err)
		}
		seen[verb]++
		seen[fmt.Sprint("answer ", fault.CodeOf(want.err))]++
		got, err := l.Get(ctx, o.ID)
		if err != nil {
			return err
		}
		if err := m.compare(ctx, l, got); err != nil {
			return fmt.Errorf("after step %d %s: %w", n, verb, err)
		}
	}
	return nil
}

func play(ctx context.Context, l *lab, m *model, id ident.ID, verb string, rng *rand.Rand, now time.Time) (refusal, error) {
	stage := lawStages[rng.IntN(len(lawStages))]
	amount := []int64{0, 999, 1000, 5000}[rng.IntN(4)]
	reason := []string{"price", "timing"}[rng.IntN(2)]
	var err error
	var want refusal
	switch verb {
	case "move":
		want = m.move(stage, -2, "", now)
		_, err = l.Move(ctx, id, stage)
	case "move with amount":
		a := cents(amount)
		want = m.move(stage, amount, "", now)
		_, err = l.Move(ctx, id, stage, pipeline.OpportunityUpdate{Amount: &a})
	case "drop":
		want = m.move("dropped", -2, reason, now)
		_, err = l.Move(ctx, id, "dropped", pipeline.OpportunityUpdate{LostReason: &reason})
	case "win":
		want = m.end("won", "", now)
		_, err = l.Win(ctx, id)
	case "lose":
		want = m.end("lost", reason, now)
		_, err = l.Lose(ctx, id, reason)
	case "reopen":
		want = m.reopen("", now)
		_, err = l.Reopen(ctx, id, "")
	case "reopen at":
		want = m.reopen(stage, now)
		_, err = l.Reopen(ctx, id, stage)
	default:
		override := []int64{-1, 0, 4200}[rng.IntN(3)]
		up := pipeline.OpportunityUpdate{}
		if a := cents(amount); rng.IntN(3) > 0 {
			up.Amount = &a
		} else {
			amount, up.Clear = -1, append(up.Clear, "amount")
		}
		if override >= 0 {
			up.Override = &override
		} else {
			up.Clear = append(up.Clear, "probability_override")
		}
		want = m.update(amount, override)
		_, err = l.Update(ctx, id, 0, up)
	}
	return want, err
}

func (l *lab) defineLaw(t testing.TB) {
	t.Helper()
	_, err := l.pipelines.Define(t.Context(), withGate("hw", `amount >= money("10 EUR")`))
	require.NoError(t, err)
}

func TestMovesAgreeWithTheOracle(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		l.defineLaw(t)
		runs := 8
		if l.Name == "sqlite" {
			runs = 120
		}
		seen, total := map[string]int{}, 0
		for seed := range uint64(runs) {
			require.NoError(t, moveLaw(t.Context(), l, rand.New(rand.NewPCG(seed, 1)), 40, seen), "seed %d", seed)
			total += 40
		}
		for _, class := range append(lawVerbs, "answer ", "answer gate", "answer conflict", "answer invalid") {
			require.GreaterOrEqual(t, seen[class]*100, total, "%s occurs in 1 %% of the steps: %v", class, seen)
		}
	})
}
