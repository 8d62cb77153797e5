package pipelinestore_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/pipeline"
)

func TestLoadTakesARepeatedRowAsAnUpdate(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		l.defineTier(t)
		ext := ident.Ext{System: "old", ID: "1"}
		taken := ident.New()
		rep, err := l.Load(ctx, seq(
			pipeline.OpportunityDraft{Ext: ext, Customer: l.acme, Custom: []schema.Set{tier.Set("silver")}},
			pipeline.OpportunityDraft{Ext: ext, Customer: l.acme, Product: "seats"},
			pipeline.OpportunityDraft{ID: taken, Customer: l.acme, Custom: []schema.Set{tier.Set("gold")}},
			pipeline.OpportunityDraft{ID: taken, Customer: l.acme},
			pipeline.OpportunityDraft{Customer: l.acme, Custom: []schema.Set{schema.NewKey[string]("tire").Set("x")}},
			pipeline.OpportunityDraft{Customer: l.acme, Pipeline: "nowhere"},
			pipeline.OpportunityDraft{Ext: ident.Ext{System: "old"}, Customer: l.acme},
		), nil)
		require.NoError(t, err)
		require.Equal(t, 2, rep.Created)
		require.Equal(t, 1, rep.Updated)
		require.Equal(t, []string{"3 conflict id", "4 invalid custom.tire", "5 invalid pipeline", "6 invalid ext.id"}, faultsOf(rep))
		var tiers []string
		for o, err := range l.All(ctx, pipeline.OpportunityFilter{Query: page.Query{Sort: "custom.tier", Limit: 1}}) {
			require.NoError(t, err)
			v, _ := tier.Get(o.Custom)
			tiers = append(tiers, v+o.Product)
		}
		require.Equal(t, []string{"gold", "silverseats"}, tiers)
	})
}

func TestTwoLoadsOfTheSameRowsAtOnce(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		const rows = 60
		_, err := l.Create(t.Context(), pipeline.OpportunityDraft{Customer: l.acme})
		require.NoError(t, err)
		var wg sync.WaitGroup
		reports, errs := make([]work.LoadReport, 3), make([]error, 3)
		for n := range reports {
			wg.Go(func() {
				reports[n], errs[n] = l.Load(t.Context(), func(yield func(pipeline.OpportunityDraft, error) bool) {
					for i := range rows {
						if !yield(pipeline.OpportunityDraft{
							Ext: ident.Ext{System: "old", ID: fmt.Sprint(i)}, Customer: l.acme,
						}, nil) {
							return
						}
					}
				}, &work.LoadOptions{Batch: 20})
			})
		}
		wg.Wait()
		created := 0
		for n := range reports {
			require.NoError(t, errs[n])
			require.Empty(t, reports[n].Faults)
			require.Equal(t, rows, reports[n].Rows)
			created += reports[n].Created
		}
		require.Equal(t, rows, created)
		p, err := l.Page(t.Context(), pipeline.OpportunityFilter{Query: page.Query{Limit: 1000}})
		require.NoError(t, err)
		require.Len(t, p.Items, rows+1)
	})
}

func TestConcurrentFirstUseStoresOneDefaultPipeline(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for n := range errs {
			wg.Go(func() { _, errs[n] = l.Create(t.Context(), pipeline.OpportunityDraft{Customer: l.acme}) })
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		p, err := l.pipelines.Get(t.Context(), "standard", 0)
		require.NoError(t, err)
		require.EqualValues(t, 1, p.Version)
		_, err = l.pipelines.Get(t.Context(), "standard", 2)
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}
