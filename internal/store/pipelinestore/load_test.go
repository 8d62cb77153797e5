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
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/pipeline"
)

func seq(drafts ...pipeline.OpportunityDraft) iter.Seq2[pipeline.OpportunityDraft, error] {
	return func(yield func(pipeline.OpportunityDraft, error) bool) {
		for _, d := range drafts {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// faultsOf lists the refused rows with their codes and fields.
func faultsOf(rep work.LoadReport) (out []string) {
	for _, f := range rep.Faults {
		why, ok := errors.AsType[*fault.Error](f.Err)
		if !ok {
			why = &fault.Error{Message: f.Err.Error()}
		}
		out = append(out, fmt.Sprint(f.Row, " ", why.Code, " ", why.Field))
	}
	return out
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
		rows := func(yield func(pipeline.OpportunityDraft, error) bool) {
			list := []pipeline.OpportunityDraft{
				{Ext: ext(1), Customer: l.acme, Stage: "won", Amount: eur("10.00"),
					OpenedOn: date.MustParse("2025-01-02"), ClosedOn: date.MustParse("2025-03-04")},
				{Ext: ext(2), Customer: ident.New(), Stage: "won"},
				{Ext: ext(3), Stage: "prospecting"},
				{Ext: ext(4), Customer: l.acme, Stage: "wone"},
				{Ext: ext(5), Customer: l.acme, Stage: "proposal"},
				{Ext: ext(6), Customer: l.acme, Stage: "lost", LostReason: "price"},
			}
			for _, r := range list {
				if !yield(r, nil) {
					return
				}
			}
			yield(pipeline.OpportunityDraft{}, fault.Field("amount", "want a number"))
		}
		var steps []int
		rep, err := l.history().Load(ctx, rows, &work.LoadOptions{
			History: true, Batch: 3, Progress: func(r work.LoadReport) { steps = append(steps, r.Rows) },
		})
		require.NoError(t, err)
		require.Equal(t, 3, rep.Created)
		require.Equal(t, []int{3, 6, 7}, steps)
		require.Equal(t, []string{"1 not_found customer", "2 invalid customer", "3 invalid stage", "6 invalid amount"}, faultsOf(rep))

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

		rep, err = l.history().Load(ctx, rows, &work.LoadOptions{History: true})
		require.NoError(t, err)
		require.Equal(t, 3, rep.Unchanged, "loading again changes nothing")
		require.Equal(t, 7, rep.Rows)
		rep, err = l.history().Load(ctx, seq(pipeline.OpportunityDraft{
			Ext: ext(1), Customer: l.acme, Stage: "won", Amount: eur("11.00"), ClosedOn: date.MustParse("2025-03-05"),
		}), &work.LoadOptions{History: true})
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
			pipeline.OpportunityDraft{Customer: l.acme, Stage: "proposal"},
			pipeline.OpportunityDraft{Customer: l.acme, Stage: "proposal", Amount: eur("1.00")},
			pipeline.OpportunityDraft{Customer: l.acme, ClosedOn: date.MustParse("2025-03-05")},
		), nil)
		require.NoError(t, err)
		require.Equal(t, 1, rep.Created)
		require.Equal(t, []string{"0 gate amount", "2 invalid closed_on"}, faultsOf(rep))

		_, err = l.Load(ctx, seq(), &work.LoadOptions{History: true})
		require.ErrorIs(t, err, fault.ErrInvalid, "history needs a source")
		_, err = l.Load(ctx, seq(), &work.LoadOptions{Batch: -1})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

// What history tells of an end must fit the stage: nothing of a row is dropped.
func TestHistoryOfAnEndThatTheStageDoesNotHave(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ext := func(n int) ident.Ext { return ident.Ext{System: "old-crm", ID: fmt.Sprint(n)} }
		load := func(drafts ...pipeline.OpportunityDraft) (rep work.LoadReport, faults []string) {
			for i := range drafts {
				drafts[i].Customer, drafts[i].Ext = l.acme, ext(i)
			}
			rep, err := l.history().Load(t.Context(), seq(drafts...), &work.LoadOptions{History: true})
			require.NoError(t, err)
			return rep, faultsOf(rep)
		}
		day := date.MustParse("2025-03-05")
		bad := []pipeline.OpportunityDraft{
			{Stage: "prospecting", ClosedOn: day},
			{Stage: "won", OpenedOn: day.AddDays(1), ClosedOn: day},
			{Stage: "won", ClosedOn: day, LostReason: "price"},
			{Stage: "prospecting", LostReason: "price"},
			{Stage: "lost", LostReason: "Too expensive!"},
		}
		want := []string{"0 invalid closed_on", "1 invalid closed_on", "2 invalid lost_reason", "3 invalid lost_reason", "4 invalid lost_reason"}
		_, faults := load(slices.Clone(bad)...)
		require.Equal(t, want, faults)

		rep, faults := load([]pipeline.OpportunityDraft{
			{Stage: "prospecting"}, {Stage: "won", OpenedOn: day, ClosedOn: day}, {Stage: "won", ClosedOn: day}, {Stage: "prospecting"}, {Stage: "lost"},
		}...)
		require.Empty(t, faults)
		require.Equal(t, 5, rep.Created)
		_, faults = load(slices.Clone(bad)...)
		require.Equal(t, want, faults, "nor for rows that are known already")
	})
}

func TestAForeignErrorIsTheFaultOfItsRow(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		rep, err := l.Load(t.Context(), func(yield func(pipeline.OpportunityDraft, error) bool) {
			_ = yield(pipeline.OpportunityDraft{Customer: l.acme}, nil) &&
				yield(pipeline.OpportunityDraft{}, errors.New("disk on fire")) &&
				yield(pipeline.OpportunityDraft{Customer: l.acme}, nil)
		}, nil)
		require.NoError(t, err)
		require.Equal(t, 2, rep.Created)
		require.Equal(t, []string{"1 invalid "}, faultsOf(rep))
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
				rep, err := l.history().Load(b.Context(), func(yield func(pipeline.OpportunityDraft, error) bool) {
					for range 1000 {
						n++
						if !yield(pipeline.OpportunityDraft{
							Ext: ident.Ext{System: "old", ID: fmt.Sprint(n)}, Customer: l.acme, Stage: "won", Amount: eur("10.00"),
							Name: "fifty seats", Product: "GTX Pro", ClosedOn: date.MustParse("2025-03-05"),
						}, nil) {
							return
						}
					}
				}, &work.LoadOptions{History: true})
				require.NoError(b, err)
				require.Equal(b, 1000, rep.Created)
			}
		})
	}
}
