package pipelinestore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/pipeline"
)

var tier = schema.NewKey[string]("tier")

// withGate is a definition whose second stage has the given gates.
func withGate(key string, exprs ...string) pipeline.Definition {
	var gates []pipeline.Gate
	for i, e := range exprs {
		gates = append(gates, pipeline.Gate{ID: string(rune('a' + i)), Expr: e})
	}
	return pipeline.Definition{Key: key, Stages: []pipeline.Stage{
		{Key: "first", Probability: 100},
		{Key: "second", Probability: 200, Entry: gates},
		{Key: "parked", Category: pipeline.Omitted},
		{Key: "won", Category: pipeline.Won, Probability: pipeline.Full},
		{Key: "lost", Category: pipeline.Lost},
		{Key: "dropped", Category: pipeline.Lost},
	}}
}

func (l *lab) defineTier(t *testing.T) {
	t.Helper()
	_, err := l.Fields.In(&l.scope).Define(t.Context(), schema.Definition{
		Entity: pipeline.EntityOpportunity, Key: "tier", Type: rule.TypeText, Class: personal.None, Sortable: true,
	})
	require.NoError(t, err)
}

func TestDefineStoresVersionsThatNeverChange(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		v1, err := l.pipelines.Define(ctx, withGate("hw", "amount != null"))
		require.NoError(t, err)
		require.EqualValues(t, 1, v1.Version)
		require.Equal(t, "hw", v1.Name, "a name defaults to the key")
		same, err := l.pipelines.Define(ctx, withGate("hw", "amount != null"))
		require.NoError(t, err)
		require.EqualValues(t, 1, same.Version)
		v2, err := l.pipelines.Define(ctx, withGate("hw", "close_date != null"))
		require.NoError(t, err)
		require.EqualValues(t, 2, v2.Version)
		require.Equal(t, v1.ID, v2.ID)

		old, err := l.pipelines.Get(ctx, "hw", 1)
		require.NoError(t, err)
		require.Equal(t, v1.Stages, old.Stages)
		require.EqualValues(t, 1, old.Version)
		newest, err := l.pipelines.Get(ctx, "hw", 0)
		require.NoError(t, err)
		require.Equal(t, v2.Stages, newest.Stages)
		_, err = l.pipelines.Get(ctx, "hw", 3)
		require.ErrorIs(t, err, fault.ErrNotFound)

		unsaved, err := l.pipelines.Get(ctx, "standard", 0)
		require.NoError(t, err)
		require.Zero(t, unsaved.Version)
		list, err := l.pipelines.Page(ctx, page.Query{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
	})
}

func TestDefineTellsEveryBreach(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		_, err := l.pipelines.Define(t.Context(), withGate("hw", "amont != null", "stage == ", "amount"))
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		require.Equal(t, fault.Invalid, f.Code)
		fields := map[string]string{}
		for _, v := range f.Violations {
			fields[v.Field] = v.Message
		}
		require.Len(t, fields, 3)
		require.Contains(t, fields["stages[1].entry[0].expr"], "amount", "the nearest name is given")
		require.Contains(t, fields, "stages[1].entry[1].expr")
		require.Contains(t, fields, "stages[1].entry[2].expr")
		_, err = l.pipelines.Get(t.Context(), "hw", 0)
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}

func TestUnknownBlocksAndNamesTheBlankField(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		l.defineTier(t)
		_, err := l.pipelines.Define(ctx, withGate("hw",
			`amount >= money("10000 EUR") && custom.tier == "gold"`, `stage == "first" && now > created_at`))
		require.NoError(t, err)
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Pipeline: "hw"})
		require.NoError(t, err)
		_, err = l.Move(ctx, o.ID, "second")
		f := gate(t, err)
		require.Equal(t, "amount", f.Field)
		require.Len(t, f.Clauses, 3)
		require.Equal(t, []string{"a", "a", "b"}, []string{f.Clauses[0].ID, f.Clauses[1].ID, f.Clauses[2].ID})
		require.Equal(t, "unknown", f.Clauses[0].Outcome)
		require.Equal(t, "amount", f.Clauses[0].Field)
		require.Empty(t, f.Clauses[0].Value)
		require.Equal(t, "custom.tier", f.Clauses[1].Field)
		require.Equal(t, "false", f.Clauses[1].Outcome)
		require.NotContains(t, err.Error(), "gold")

		few := eur("9999.99")
		_, err = l.Move(ctx, o.ID, "second", pipeline.OpportunityUpdate{Amount: &few})
		f = gate(t, err)
		require.Equal(t, "false", f.Clauses[0].Outcome)
		require.Equal(t, "9999.99 EUR", f.Clauses[0].Value)
		require.Contains(t, f.Clauses[0].Need, "10000")

		l.Advance(time.Second)
		enough := eur("10000.00")
		o, err = l.Move(ctx, o.ID, "second", pipeline.OpportunityUpdate{Amount: &enough, Custom: []schema.Set{tier.Set("gold")}})
		require.NoError(t, err)
		require.Equal(t, "second", o.Stage)
		got, ok := tier.Get(o.Custom)
		require.True(t, ok)
		require.Equal(t, "gold", got)
		_, err = l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Pipeline: "hw", Stage: "second"})
		gate(t, err)
	})
}

// A refusal never calls blank what has a value, and says of a choice what it saw and what would do.
func TestEvidenceIsTrueAndComplete(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		_, err := l.pipelines.Define(ctx, withGate("hw",
			`amount >= money("10000 EUR")`, `1 / probability > 0`, `product == "p" || amount > money("5 EUR")`))
		require.NoError(t, err)
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Pipeline: "hw", Amount: money.MustParse("99999.00 USD"), Override: new(int64(0)), Product: "q"})
		require.NoError(t, err)
		_, err = l.Move(ctx, o.ID, "second")
		f := gate(t, err)
		require.Contains(t, err.Error(), "amount: need >= 10000.00 EUR")
		require.Equal(t, "99999.00 USD", f.Clauses[0].Value)
		require.Equal(t, "amount: 99999.00 USD, product: q", f.Clauses[2].Value)
		require.Equal(t, `product is "p" or amount > 5.00 EUR`, f.Clauses[2].Need)

		_, err = l.Move(ctx, o.ID, "second", pipeline.OpportunityUpdate{Amount: new(eur("10000.00"))})
		f = gate(t, err)
		require.Len(t, f.Clauses, 1)
		require.Equal(t, "0", f.Clauses[0].Value)
		require.NotContains(t, err.Error(), "blank")
		l.Engine.Policy = masking{l.Engine.Policy, work.NewMask("amount")}
		_, err = l.Move(ctx, o.ID, "second")
		require.Equal(t, pipeline.Hidden, gate(t, err).Clauses[2].Value)
	})
}

func TestGateHidesWhatTheCallerMayNotSee(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		_, err := l.pipelines.Define(ctx, withGate("hw", `amount >= money("10 EUR")`))
		require.NoError(t, err)
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Pipeline: "hw", Amount: eur("7.77")})
		require.NoError(t, err)
		full := l.Engine.Policy
		l.Engine.Policy = masking{full, work.NewMask("amount")}
		_, err = l.Move(ctx, o.ID, "second")
		f := gate(t, err)
		require.Equal(t, pipeline.Hidden, f.Clauses[0].Value)

		l.Engine.Policy = full
		more := eur("10.00")
		_, err = l.Move(ctx, o.ID, "second", pipeline.OpportunityUpdate{Amount: &more})
		require.NoError(t, err)
		l.Engine.Policy = masking{full, work.NewMask("amount")}
		hist, err := l.History(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, pipeline.Hidden, hist[1].Evidence[0].Value)
	})
}

func TestBrokenGateBlocks(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		l.defineTier(t)
		_, err := l.pipelines.Define(ctx, withGate("hw", `custom.tier == "gold"`))
		require.NoError(t, err)
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Pipeline: "hw", Custom: []schema.Set{tier.Set("gold")}})
		require.NoError(t, err)
		require.NoError(t, l.Fields.In(&l.scope).Retire(ctx, pipeline.EntityOpportunity, "tier"))
		_, err = l.Move(ctx, o.ID, "second")
		f := gate(t, err)
		require.Equal(t, "unknown", f.Clauses[0].Outcome)
		require.Contains(t, f.Clauses[0].Need, "compiles")
	})
}

func TestSwitchVersionIsExplicit(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		_, err := l.pipelines.Define(ctx, withGate("hw"))
		require.NoError(t, err)
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Pipeline: "hw"})
		require.NoError(t, err)
		next := withGate("hw", "amount != null")
		next.Stages[0].Probability = 900
		next.Stages[0].Key = "start"
		_, err = l.pipelines.Define(ctx, next)
		require.NoError(t, err)

		moved, err := l.Move(ctx, o.ID, "second")
		require.NoError(t, err, "it keeps the version it was created under")
		require.EqualValues(t, 1, moved.PipelineVersion)
		o, err = l.Move(ctx, o.ID, "first")
		require.NoError(t, err)
		_, err = l.SwitchVersion(ctx, o.ID, 0, "")
		require.ErrorIs(t, err, fault.ErrInvalid, "the stage is gone in version 2")
		_, err = l.SwitchVersion(ctx, o.ID, 2, "second")
		gate(t, err)
		o, err = l.SwitchVersion(ctx, o.ID, 0, "start")
		require.NoError(t, err)
		require.EqualValues(t, 2, o.PipelineVersion)
		require.EqualValues(t, 900, o.Probability)
		again, err := l.SwitchVersion(ctx, o.ID, 2, "")
		require.NoError(t, err)
		l.same(t, o, again)
		o, err = l.Win(ctx, o.ID)
		require.NoError(t, err)
		_, err = l.SwitchVersion(ctx, o.ID, 1, "")
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "state"})
		require.NotEqual(t, ident.ID{}, o.ID)
	})
}

func TestFailedFirstUseLeavesNoDefaultPipeline(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		stop := errors.New("stop")
		err := l.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
			in := l.scope
			in.Unit = u
			opps, _, _ := l.as(in)
			_, err := opps.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme})
			require.NoError(t, err)
			return stop
		})
		require.ErrorIs(t, err, stop)
		p, err := l.pipelines.Get(ctx, "standard", 0)
		require.NoError(t, err)
		require.Zero(t, p.Version)
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme})
		require.NoError(t, err)
		require.EqualValues(t, 1, o.PipelineVersion)
	})
}

// masking is a policy that hides fields from everybody.
type masking struct {
	work.Policy
	mask work.Mask
}

func (m masking) Access(ctx context.Context, s work.Scope, entity string, a work.Action) (work.Access, error) {
	acc, err := m.Policy.Access(ctx, s, entity, a)
	acc.Mask = m.mask
	return acc, err
}
