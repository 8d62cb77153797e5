package pipelinestore_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/pipeline"
)

func seq(rows ...pipeline.Row) iter.Seq2[pipeline.Row, error] {
	return func(yield func(pipeline.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// history is a scope that may bring history in.
func (l *lab) history() pipeline.Opportunities {
	s := l.scope
	s.Source = personal.Source{System: "old-crm", Ref: "deals.csv"}
	opps, _, _ := l.as(s)
	return opps
}

func TestLoadCountsEveryRowOnce(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		ext := func(n int) ident.Ext { return ident.Ext{System: "old-crm", ID: fmt.Sprint(n)} }
		rows := func(yield func(pipeline.Row, error) bool) {
			list := []pipeline.Row{
				{Line: 2, Draft: pipeline.OpportunityDraft{Ext: ext(1), Customer: l.acme, Stage: "won", Amount: eur("10.00"),
					OpenedOn: date.MustParse("2025-01-02")}, ClosedOn: date.MustParse("2025-03-04")},
				{Line: 3, Draft: pipeline.OpportunityDraft{Ext: ext(2), Customer: ident.New(), Stage: "won"}},
				{Line: 4, Draft: pipeline.OpportunityDraft{Ext: ext(3), Stage: "prospecting"}},
				{Line: 5, Draft: pipeline.OpportunityDraft{Ext: ext(4), Customer: l.acme, Stage: "wone"}},
				{Line: 6, Draft: pipeline.OpportunityDraft{Ext: ext(5), Customer: l.acme, Stage: "proposal"}},
				{Line: 8, Draft: pipeline.OpportunityDraft{Ext: ext(6), Customer: l.acme, Stage: "lost"}, LostReason: "price"},
			}
			for _, r := range list {
				if !yield(r, nil) {
					return
				}
			}
			yield(pipeline.Row{Line: 9}, fault.Field("amount", "want a number"))
		}
		var steps []int
		rep, err := l.history().Load(ctx, rows, pipeline.LoadOptions{History: true, Batch: 3, Progress: func(n int) { steps = append(steps, n) }})
		require.NoError(t, err)
		require.Equal(t, 3, rep.Created)
		require.Equal(t, []int{3, 6, 7}, steps)
		var got []string
		for _, f := range rep.Faults {
			got = append(got, fmt.Sprint(f.Line, " ", f.Code, " ", f.Field))
		}
		require.Equal(t, []string{"3 not_found customer", "4 invalid customer", "5 invalid stage", "9 invalid amount"}, got)

		won, err := l.ByExt(ctx, ext(1))
		require.NoError(t, err)
		require.Equal(t, pipeline.Won, won.Category)
		require.Equal(t, date.MustParse("2025-03-04"), won.ClosedOn)
		require.Equal(t, date.MustParse("2025-01-02"), won.OpenedOn)
		require.Equal(t, eur("10.00"), won.Booked)
		require.Equal(t, "old-crm", won.Source.System)
		hist, err := l.History(ctx, won.ID)
		require.NoError(t, err)
		require.Len(t, hist, 1)
		require.True(t, hist[0].Imported)
		require.Equal(t, time.Date(2025, 3, 4, 0, 0, 0, 0, time.UTC), hist[0].At)
		open, err := l.ByExt(ctx, ext(5))
		require.NoError(t, err)
		require.Equal(t, "proposal", open.Stage, "history asks no gate")
		require.True(t, open.OpenedOn.IsZero(), "nothing unknown is filled in")
		lost, err := l.ByExt(ctx, ext(6))
		require.NoError(t, err)
		require.Equal(t, "price", lost.LostReason)
		require.True(t, lost.ClosedOn.IsZero())

		rep, err = l.history().Load(ctx, rows, pipeline.LoadOptions{History: true})
		require.NoError(t, err)
		require.Equal(t, 3, rep.Unchanged, "loading again changes nothing")
		require.Equal(t, 7, rep.Rows())
		rep, err = l.history().Load(ctx, seq(pipeline.Row{
			Draft: pipeline.OpportunityDraft{Ext: ext(1), Customer: l.acme, Stage: "won", Amount: eur("11.00")}, ClosedOn: date.MustParse("2025-03-05"),
		}), pipeline.LoadOptions{History: true})
		require.NoError(t, err)
		require.Equal(t, 1, rep.Updated, "history may correct what a closing has fixed")
		won, err = l.ByExt(ctx, ext(1))
		require.NoError(t, err)
		require.Equal(t, eur("11.00"), won.Booked)
		require.Equal(t, date.MustParse("2025-03-05"), won.ClosedOn)
	})
}

func TestLoadWithoutHistoryAsksGates(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		rep, err := l.Load(ctx, seq(
			pipeline.Row{Line: 1, Draft: pipeline.OpportunityDraft{Customer: l.acme, Stage: "proposal"}},
			pipeline.Row{Line: 2, Draft: pipeline.OpportunityDraft{Customer: l.acme, Stage: "proposal", Amount: eur("1.00")}},
			pipeline.Row{Line: 3, Draft: pipeline.OpportunityDraft{Customer: l.acme}, ClosedOn: date.MustParse("2025-03-05")},
		), pipeline.LoadOptions{})
		require.NoError(t, err)
		require.Equal(t, 1, rep.Created)
		require.Equal(t, fault.Gate, rep.Faults[0].Code)
		require.Equal(t, "closed_on", rep.Faults[1].Field)

		_, err = l.Load(ctx, seq(), pipeline.LoadOptions{History: true})
		require.ErrorIs(t, err, fault.ErrInvalid, "history needs a source")
		_, err = l.Load(ctx, seq(), pipeline.LoadOptions{Batch: -1})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

// What history tells of an end must fit the stage: nothing of a row is dropped.
func TestHistoryOfAnEndThatTheStageDoesNotHave(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ext := func(n int) ident.Ext { return ident.Ext{System: "old-crm", ID: fmt.Sprint(n)} }
		load := func(rows ...pipeline.Row) (report pipeline.Report, faults []string) {
			for i := range rows {
				rows[i].Line, rows[i].Draft.Customer, rows[i].Draft.Ext = i+1, l.acme, ext(i+1)
			}
			rep, err := l.history().Load(t.Context(), seq(rows...), pipeline.LoadOptions{History: true})
			require.NoError(t, err)
			for _, f := range rep.Faults {
				require.Equal(t, fault.Invalid, f.Code)
				faults = append(faults, fmt.Sprint(f.Line, " ", f.Field))
			}
			return rep, faults
		}
		day := date.MustParse("2025-03-05")
		bad := []pipeline.Row{
			{Draft: pipeline.OpportunityDraft{Stage: "prospecting"}, ClosedOn: day},
			{Draft: pipeline.OpportunityDraft{Stage: "won", OpenedOn: day.AddDays(1)}, ClosedOn: day},
			{Draft: pipeline.OpportunityDraft{Stage: "won"}, ClosedOn: day, LostReason: "price"},
			{Draft: pipeline.OpportunityDraft{Stage: "prospecting"}, LostReason: "price"},
		}
		want := []string{"1 closed_on", "2 closed_on", "3 lost_reason", "4 lost_reason"}
		_, faults := load(slices.Clone(bad)...)
		require.Equal(t, want, faults)

		rep, faults := load([]pipeline.Row{
			{Draft: pipeline.OpportunityDraft{Stage: "prospecting"}}, {Draft: pipeline.OpportunityDraft{Stage: "won", OpenedOn: day}, ClosedOn: day},
			{Draft: pipeline.OpportunityDraft{Stage: "won"}, ClosedOn: day}, {Draft: pipeline.OpportunityDraft{Stage: "prospecting"}},
		}...)
		require.Empty(t, faults)
		require.Equal(t, 4, rep.Created)
		_, faults = load(slices.Clone(bad)...)
		require.Equal(t, want, faults, "nor for rows that are known already")
	})
}

func TestAForeignErrorIsTheFaultOfItsRow(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		rep, err := l.Load(t.Context(), func(yield func(pipeline.Row, error) bool) {
			_ = yield(pipeline.Row{Line: 1, Draft: pipeline.OpportunityDraft{Customer: l.acme}}, nil) &&
				yield(pipeline.Row{Line: 2}, errors.New("disk on fire")) &&
				yield(pipeline.Row{Line: 3, Draft: pipeline.OpportunityDraft{Customer: l.acme}}, nil)
		}, pipeline.LoadOptions{})
		require.NoError(t, err)
		require.Equal(t, 2, rep.Created)
		require.Len(t, rep.Faults, 1)
		require.Equal(t, 2, rep.Faults[0].Line)
		require.Equal(t, fault.Invalid, rep.Faults[0].Code)
		p, err := l.Page(t.Context(), pipeline.OpportunityFilter{})
		require.NoError(t, err)
		require.Len(t, p.Items, 2)
	})
}

// BenchmarkLoad loads 1,000 closed opportunities of history an iteration.
func BenchmarkLoad(b *testing.B) {
	for name, open := range backends {
		b.Run(name, func(b *testing.B) {
			l := newLab(b, open(b))
			n := 0
			for b.Loop() {
				rep, err := l.history().Load(b.Context(), func(yield func(pipeline.Row, error) bool) {
					for range 1000 {
						n++
						if !yield(pipeline.Row{Line: n, Draft: pipeline.OpportunityDraft{
							Ext: ident.Ext{System: "old", ID: fmt.Sprint(n)}, Customer: l.acme, Stage: "won", Amount: eur("10.00"),
							Name: "fifty seats", Product: "GTX Pro",
						}, ClosedOn: date.MustParse("2025-03-05")}, nil) {
							return
						}
					}
				}, pipeline.LoadOptions{History: true})
				require.NoError(b, err)
				require.Equal(b, 1000, rep.Created)
			}
		})
	}
}
