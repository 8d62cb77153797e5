package pipelinestore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
)

var (
	eventsOf = store.Same("test.events", `SELECT kind FROM crm_event WHERE tenant_id = $1 AND record_id = $2 ORDER BY version, ordinal`)
	linesOf  = store.Same("test.lines", `SELECT kind FROM crm_timeline WHERE tenant_id = $1 AND customer_id = $2 ORDER BY at, event_id`)
)

func (l *lab) kinds(t *testing.T, q store.SQL, id ident.ID) (out []string) {
	t.Helper()
	require.NoError(t, l.DB.On(nil).Select(t.Context(), q, &out, tenant, id))
	return out
}

func TestEventsAndTimeline(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Amount: eur("1.00")})
		require.NoError(t, err)
		for _, step := range []func() error{
			func() error { _, err := l.Move(ctx, o.ID, "proposal"); return err },
			func() error { _, err := l.Move(ctx, o.ID, "proposal"); return err },
			func() error { _, err := l.Lose(ctx, o.ID, "price"); return err },
			func() error { _, err := l.Reopen(ctx, o.ID, ""); return err },
			func() error { _, err := l.Win(ctx, o.ID); return err },
			func() error { return l.Delete(ctx, o.ID, schema.AnyVersion) },
		} {
			l.Advance(1_000_000)
			require.NoError(t, step())
		}
		require.Equal(t, []string{
			"opportunity.created", "opportunity.moved", "opportunity.moved", "opportunity.lost", "opportunity.moved",
			"opportunity.reopened", "opportunity.moved", "opportunity.won", "opportunity.deleted",
		}, l.kinds(t, eventsOf, o.ID))
		require.Equal(t, []string{
			"opportunity.created", "opportunity.moved", "opportunity.moved", "opportunity.moved", "opportunity.moved",
		}, l.kinds(t, linesOf, l.acme))
	})
}

func TestRolledBackTransactionLeavesNothing(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme})
		require.NoError(t, err)
		ld, err := l.leads.Create(ctx, pipeline.LeadDraft{Customer: l.acme})
		require.NoError(t, err)
		stop := errors.New("stop")
		err = l.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
			in := l.scope
			in.Unit = u
			opps, leads, pipes := l.as(in)
			_, err := opps.Move(ctx, o.ID, "proposal")
			gate(t, err) // a refusal leaves the transaction usable
			_, err = opps.Move(ctx, o.ID, "won")
			require.NoError(t, err)
			_, err = leads.Convert(ctx, ld.ID, pipeline.ConvertOptions{Draft: &pipeline.OpportunityDraft{}})
			require.NoError(t, err)
			_, err = pipes.Define(ctx, withGate("hw"))
			require.NoError(t, err)
			return stop
		})
		require.ErrorIs(t, err, stop)
		got, err := l.Get(ctx, o.ID)
		require.NoError(t, err)
		l.same(t, o, got)
		lead, err := l.leads.Get(ctx, ld.ID)
		require.NoError(t, err)
		require.Equal(t, ld, lead)
		_, err = l.pipelines.Get(ctx, "hw", 0)
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.Equal(t, []string{"opportunity.created"}, l.kinds(t, eventsOf, o.ID))
	})
}

func TestBadInputNamesTheField(t *testing.T) {
	t.Parallel()

	l := newLab(t, dbtest.SQLite(t))
	tooSure, long := int64(10001), string(make([]byte, 300))
	for field, d := range map[string]pipeline.OpportunityDraft{
		"customer":             {},
		"name":                 {Customer: l.acme, Name: "a\x00b"},
		"product":              {Customer: l.acme, Product: "\xff"},
		"amount.currency":      {Customer: l.acme, Amount: money.Amount{Minor: 5}},
		"probability_override": {Customer: l.acme, Override: &tooSure},
		"ext.system":           {Customer: l.acme, Ext: ident.Ext{ID: "7"}},
		"ext.id":               {Customer: l.acme, Ext: ident.Ext{System: "erp", ID: long}},
		"stage":                {Customer: l.acme, Stage: "nowhere"},
		"pipeline":             {Customer: l.acme, Pipeline: "nowhere"},
	} {
		_, err := l.Create(t.Context(), d)
		var f *fault.Error
		require.ErrorAs(t, err, &f, field)
		require.Equal(t, fault.Invalid, f.Code, field)
		require.Equal(t, field, f.Field)
	}
	p, err := l.Page(t.Context(), pipeline.OpportunityFilter{})
	require.NoError(t, err)
	require.Empty(t, p.Items)
}
