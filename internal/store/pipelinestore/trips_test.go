package pipelinestore_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/pipeline"
)

// How many round trips each verb takes: the reads that wait for each other, and one for what is written with its commit.
// Customers are there by decree here; in the CRM the question for them travels with the one for the pipeline.
func TestTripsOfEachVerb(t *testing.T) {
	t.Parallel()

	b, trips := dbtest.TripsBackend(t)
	l, ctx := newLab(t, b), t.Context()
	_, err := l.pipelines.Define(ctx, withGate("hw", "amount != null"))
	require.NoError(t, err)
	fresh := func() pipeline.Opportunity {
		o, err := l.Create(ctx, pipeline.OpportunityDraft{
			Customer: l.acme, Pipeline: "hw", Amount: eur("5.00"), Ext: ident.Ext{System: "erp", ID: ident.New().String()},
		})
		require.NoError(t, err)
		return o
	}
	lost := func() pipeline.Opportunity {
		o, err := l.Lose(ctx, fresh().ID, "price")
		require.NoError(t, err)
		return o
	}
	second := func(_ any, err error) error { return err }
	for _, v := range []struct {
		name string
		want int
		on   func() pipeline.Opportunity
		run  func(o pipeline.Opportunity) error
	}{
		{"create", 2, nil, func(pipeline.Opportunity) error {
			return second(l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Pipeline: "hw"}))
		}},
		{"get", 1, fresh, func(o pipeline.Opportunity) error { return second(l.Get(ctx, o.ID)) }},
		{"by external id", 1, fresh, func(o pipeline.Opportunity) error { return second(l.ByExt(ctx, o.Ext)) }},
		{"page", 1, fresh, func(o pipeline.Opportunity) error {
			return second(l.Page(ctx, pipeline.OpportunityFilter{Customer: l.acme, Query: page.Query{Sort: "-created_at"}}))
		}},
		{"history", 2, fresh, func(o pipeline.Opportunity) error { return second(l.History(ctx, o.ID)) }},
		{"update", 2, fresh, func(o pipeline.Opportunity) error {
			return second(l.Update(ctx, o.ID, o.Version, pipeline.OpportunityUpdate{Product: new("seats")}))
		}},
		{"move through a gate", 3, fresh, func(o pipeline.Opportunity) error { return second(l.Move(ctx, o.ID, "second")) }},
		{"win", 3, fresh, func(o pipeline.Opportunity) error { return second(l.Win(ctx, o.ID)) }},
		{"reopen", 3, lost, func(o pipeline.Opportunity) error { return second(l.Reopen(ctx, o.ID, "")) }},
		{"upsert a new one", 3, nil, func(pipeline.Opportunity) error {
			return second(l.Upsert(ctx, ident.Ext{System: "erp", ID: ident.New().String()}, pipeline.OpportunityDraft{Customer: l.acme, Pipeline: "hw"}))
		}},
		{"upsert one with a move", 3, fresh, func(o pipeline.Opportunity) error {
			return second(l.Upsert(ctx, o.Ext, pipeline.OpportunityDraft{Stage: "second"}))
		}},
		{"delete", 2, fresh, func(o pipeline.Opportunity) error { return l.Delete(ctx, o.ID, schema.AnyVersion) }},
		{"define a version", 2, nil, func(pipeline.Opportunity) error {
			return second(l.pipelines.Define(ctx, withGate("hw", "amount != null", "product == '"+ident.New().String()+"'")))
		}},
		{"convert into a new one", 4, nil, func(pipeline.Opportunity) error {
			ld, err := l.leads.Create(ctx, pipeline.LeadDraft{Customer: l.acme})
			trips.Reset()
			return errors.Join(err, second(l.leads.Convert(ctx, ld.ID, pipeline.ConvertOptions{Draft: &pipeline.OpportunityDraft{Pipeline: "hw"}})))
		}},
	} {
		for again := range 3 { // the first ones prepare
			var o pipeline.Opportunity
			if v.on != nil {
				o = v.on()
			}
			trips.Reset()
			require.NoError(t, v.run(o), v.name)
			if again == 2 {
				require.Equal(t, v.want, trips.Count(), v.name)
			}
		}
	}
}
