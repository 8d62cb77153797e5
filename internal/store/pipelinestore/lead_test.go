package pipelinestore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/pipeline"
)

// leadLife is the documented table, written down a second time: new, working, qualified, converted, disqualified.
var leadLife = map[string][5]pipeline.LeadState{
	"work":       {"working", "working", "", "", ""},
	"qualify":    {"qualified", "qualified", "qualified", "", ""},
	"disqualify": {"disqualified", "disqualified", "disqualified", "", "disqualified"},
	"reopen":     {"", "working", "", "", "working"},
	"convert":    {"converted", "converted", "converted", "converted", ""},
}

var leadStates = [5]pipeline.LeadState{"new", "working", "qualified", "converted", "disqualified"}

func (l *lab) leadVerb(t *testing.T, verb string, id ident.ID) (pipeline.Lead, error) {
	t.Helper()
	ctx := t.Context()
	switch verb {
	case "work":
		return l.leads.Work(ctx, id)
	case "qualify":
		return l.leads.Qualify(ctx, id)
	case "disqualify":
		return l.leads.Disqualify(ctx, id, "no-budget")
	case "reopen":
		return l.leads.Reopen(ctx, id)
	}
	r, err := l.leads.Convert(ctx, id, pipeline.ConvertOptions{})
	return r.Lead, err
}

// leadIn makes a lead in a state.
func (l *lab) leadIn(t *testing.T, st pipeline.LeadState) pipeline.Lead {
	t.Helper()
	ld, err := l.leads.Create(t.Context(), pipeline.LeadDraft{Customer: l.acme, Origin: "web"})
	require.NoError(t, err)
	verb := map[pipeline.LeadState]string{"working": "work", "qualified": "qualify", "converted": "convert", "disqualified": "disqualify"}
	if v := verb[st]; v != "" {
		ld, err = l.leadVerb(t, v, ld.ID)
		require.NoError(t, err)
	}
	require.Equal(t, st, ld.State)
	return ld
}

func TestLeadStatesAreTotal(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		for verb, row := range leadLife {
			for i, from := range leadStates {
				before := l.leadIn(t, from)
				l.Advance(time.Minute)
				after, err := l.leadVerb(t, verb, before.ID)
				if row[i] == "" {
					require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "state"}, "%s from %s", verb, from)
					continue
				}
				require.NoError(t, err, "%s from %s", verb, from)
				require.Equal(t, row[i], after.State, "%s from %s", verb, from)
				if from == row[i] {
					require.Equal(t, before, after, "%s from %s is no change", verb, from)
					continue
				}
				hist, err := l.leads.History(t.Context(), before.ID)
				require.NoError(t, err)
				last := hist[len(hist)-1]
				require.Equal(t, [2]pipeline.LeadState{from, row[i]}, [2]pipeline.LeadState{last.From, last.To})
				require.Equal(t, time.Minute, last.Stay)
				require.Equal(t, after.Version, last.Version)
			}
		}
	})
}

func TestConvertIsIdempotentAndCopiesNobody(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		ld, err := l.leads.Create(ctx, pipeline.LeadDraft{Origin: "fair", Campaign: "spring"})
		require.NoError(t, err)
		_, err = l.leads.Convert(ctx, ld.ID, pipeline.ConvertOptions{Draft: &pipeline.OpportunityDraft{Name: "seats"}})
		require.ErrorIs(t, err, fault.ErrInvalid, "an anonymous lead has no customer")
		_, err = l.leads.Convert(ctx, ld.ID, pipeline.ConvertOptions{
			Customer: l.acme, Draft: &pipeline.OpportunityDraft{Name: "seats", Stage: "proposal"},
		})
		gate(t, err)
		got, err := l.leads.Get(ctx, ld.ID)
		require.NoError(t, err)
		require.Equal(t, ld, got, "a refused conversion leaves nothing behind")
		none, err := l.Page(ctx, pipeline.OpportunityFilter{})
		require.NoError(t, err)
		require.Empty(t, none.Items)

		first, err := l.leads.Convert(ctx, ld.ID, pipeline.ConvertOptions{Customer: l.acme, Draft: &pipeline.OpportunityDraft{Name: "seats"}})
		require.NoError(t, err)
		require.Equal(t, pipeline.Converted, first.Lead.State)
		require.Equal(t, l.acme, first.Opportunity.Customer)
		require.Equal(t, first.Lead.Opportunity, first.Opportunity.ID)
		second, err := l.leads.Convert(ctx, ld.ID, pipeline.ConvertOptions{Draft: &pipeline.OpportunityDraft{Name: "other"}})
		require.NoError(t, err)
		require.Equal(t, first.Lead, second.Lead)
		l.same(t, first.Opportunity, second.Opportunity)
		all, err := l.Page(ctx, pipeline.OpportunityFilter{})
		require.NoError(t, err)
		require.Len(t, all.Items, 1)

		late, err := l.leads.Create(ctx, pipeline.LeadDraft{Customer: l.acme})
		require.NoError(t, err)
		_, err = l.leads.Convert(ctx, late.ID, pipeline.ConvertOptions{Draft: &pipeline.OpportunityDraft{ID: first.Opportunity.ID, Name: "taken"}})
		require.ErrorIs(t, err, fault.ErrConflict)
		again, err := l.leads.Get(ctx, late.ID)
		require.NoError(t, err)
		require.Equal(t, late, again)
		nobody, err := l.leads.Create(ctx, pipeline.LeadDraft{})
		require.NoError(t, err)
		_, err = l.leads.Convert(ctx, nobody.ID, pipeline.ConvertOptions{Customer: ident.New()})
		require.ErrorIs(t, err, fault.ErrNotFound, "a customer that is not there")

		attach, err := l.leads.Create(ctx, pipeline.LeadDraft{Customer: l.acme})
		require.NoError(t, err)
		same, err := l.leads.Convert(ctx, attach.ID, pipeline.ConvertOptions{Opportunity: first.Opportunity.ID})
		require.NoError(t, err)
		require.Equal(t, first.Opportunity.ID, same.Lead.Opportunity)

		stranger := ident.New()
		l.known.add(stranger)
		foreign, err := l.leads.Create(ctx, pipeline.LeadDraft{Customer: stranger})
		require.NoError(t, err)
		_, err = l.leads.Convert(ctx, foreign.ID, pipeline.ConvertOptions{Opportunity: first.Opportunity.ID})
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = l.leads.Convert(ctx, foreign.ID, pipeline.ConvertOptions{Customer: l.acme})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

// Whoever is named, by the lead, the options and the draft, is one customer.
func TestConvertRefusesTwoCustomers(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		stranger, twin := ident.New(), ident.New()
		l.known.add(stranger)
		l.known.add(l.acme, twin)
		for _, of := range []ident.ID{{}, l.acme} {
			ld, err := l.leads.Create(ctx, pipeline.LeadDraft{Customer: of})
			require.NoError(t, err)
			_, err = l.leads.Convert(ctx, ld.ID, pipeline.ConvertOptions{Customer: l.acme, Draft: &pipeline.OpportunityDraft{Customer: stranger}})
			require.ErrorIs(t, err, fault.ErrInvalid)
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			require.Equal(t, "customer", f.Field)
			list, err := l.Page(ctx, pipeline.OpportunityFilter{Customer: stranger})
			require.NoError(t, err)
			require.Empty(t, list.Items)
			_, err = l.leads.Convert(ctx, ld.ID, pipeline.ConvertOptions{Customer: l.acme, Draft: &pipeline.OpportunityDraft{Customer: twin}})
			require.NoError(t, err, "an id of the same customer")
		}
	})
}

func TestLeadsListUpdateAndDelete(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		for i, st := range leadStates {
			ld := l.leadIn(t, st)
			score := int64(i)
			_, err := l.leads.Update(ctx, ld.ID, 0, pipeline.LeadUpdate{Score: &score})
			require.NoError(t, err)
		}
		count := func(f pipeline.LeadFilter) (out []int64) {
			f.Query = page.Query{Sort: "-score", Limit: 2}
			for ld, err := range l.leads.All(ctx, f) {
				require.NoError(t, err)
				out = append(out, ld.Score)
			}
			return out
		}
		require.Equal(t, []int64{2, 1, 0}, count(pipeline.LeadFilter{Open: new(true)}))
		require.Equal(t, []int64{4, 3}, count(pipeline.LeadFilter{Open: new(false)}))
		require.Equal(t, []int64{4, 0}, count(pipeline.LeadFilter{States: []pipeline.LeadState{"new", "disqualified"}}))
		require.Equal(t, []int64{4, 3, 2, 1, 0}, count(pipeline.LeadFilter{Customer: l.acme}))

		done := l.leadIn(t, "converted")
		other := ident.New()
		l.known.add(other)
		_, err := l.leads.Update(ctx, done.ID, 0, pipeline.LeadUpdate{Customer: &other})
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "state"})
		require.NoError(t, l.leads.Delete(ctx, done.ID, schema.AnyVersion))
		_, err = l.leads.Get(ctx, done.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}
