package pipelinestore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/pipeline"
)

func TestOpportunityFromCreationToWinning(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Name: "50 seats for Ada", Product: "seats"})
		require.NoError(t, err)
		require.Equal(t, "prospecting", o.Stage)
		require.Equal(t, pipeline.Open, o.Category)
		require.EqualValues(t, 1000, o.Probability)
		require.EqualValues(t, 1, o.PipelineVersion)
		require.Equal(t, date.MustParse("2026-03-27"), o.OpenedOn)
		require.Equal(t, "u-1", o.OwnerUser)
		require.NotContains(t, fmt.Sprintf("%+v", o), "Ada", "a name never prints itself")

		_, err = l.Move(ctx, o.ID, "proposal")
		f := gate(t, err)
		require.Equal(t, "amount", f.Field)
		require.Equal(t, "proposal-needs-amount", f.Clauses[0].ID)
		require.Equal(t, "amount != null", f.Clauses[0].Rule)
		require.Equal(t, "false", f.Clauses[0].Outcome)
		require.NotEmpty(t, f.Clauses[0].Need)
		require.Equal(t, "A proposal needs an amount.", f.Clauses[0].Message)
		got, err := l.Get(ctx, o.ID)
		require.NoError(t, err)
		l.same(t, o, got)

		l.Advance(time.Hour)
		amount := eur("12000.50")
		o, err = l.Move(ctx, o.ID, "proposal", pipeline.OpportunityUpdate{Amount: &amount})
		require.NoError(t, err)
		require.Equal(t, amount, o.Amount)
		require.EqualValues(t, 2, o.Version)

		again, err := l.Move(ctx, o.ID, "proposal", pipeline.OpportunityUpdate{Amount: &amount})
		require.NoError(t, err)
		l.same(t, o, again)

		l.Advance(30 * time.Minute)
		o, err = l.Win(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, pipeline.Won, o.Category)
		require.Equal(t, amount, o.Booked)
		require.Equal(t, date.MustParse("2026-03-27"), o.ClosedOn)
		require.Equal(t, l.Now(), o.ClosedAt)
		again, err = l.Win(ctx, o.ID)
		require.NoError(t, err)
		l.same(t, o, again)

		other := eur("1.00")
		_, err = l.Update(ctx, o.ID, 0, pipeline.OpportunityUpdate{Amount: &other})
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "state"})
		_, err = l.Lose(ctx, o.ID, "price")
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "state"})

		hist, err := l.History(ctx, o.ID)
		require.NoError(t, err)
		require.Len(t, hist, 3)
		require.Equal(t, []string{"", "prospecting", "proposal"}, []string{hist[0].From, hist[1].From, hist[2].From})
		require.Equal(t, time.Hour, hist[1].Stay)
		require.Equal(t, 30*time.Minute, hist[2].Stay)
		require.Equal(t, []pipeline.Evidence{{
			Gate: "proposal-needs-amount", Clause: "amount != null", Field: "amount", Value: "12000.50 EUR", Outcome: "true",
		}}, hist[1].Evidence)
		require.Equal(t, ident.Principal{Tenant: tenant, ID: "u-1", Kind: ident.KindUser}, hist[2].Actor)
	})
}

func TestReopenClearsWhatClosingFixed(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Amount: eur("5.00"), Stage: "negotiation"})
		require.NoError(t, err)
		_, err = l.Move(ctx, o.ID, "lost")
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = l.Lose(ctx, o.ID, "Too expensive!")
		require.ErrorIs(t, err, fault.ErrInvalid)
		o, err = l.Lose(ctx, o.ID, "price")
		require.NoError(t, err)
		require.Equal(t, "price", o.LostReason)
		require.Zero(t, o.Probability)
		require.True(t, o.Booked.IsZero())
		again, err := l.Lose(ctx, o.ID, "price")
		require.NoError(t, err)
		l.same(t, o, again)
		_, err = l.Lose(ctx, o.ID, "timing")
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "state"})

		o, err = l.Reopen(ctx, o.ID, "")
		require.NoError(t, err)
		require.Equal(t, "negotiation", o.Stage, "back to where it was closed from")
		require.Empty(t, o.LostReason)
		require.True(t, o.ClosedOn.IsZero())
		require.True(t, o.ClosedAt.IsZero())
		again, err = l.Reopen(ctx, o.ID, "")
		require.NoError(t, err)
		l.same(t, o, again)
		hist, err := l.History(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, "price", hist[1].Reason, "the history keeps the reason")
	})
}

// A lost opportunity has a reason, and no other one has.
func TestReasonsAreOfLostOnes(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		_, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Stage: "lost"})
		reasonless(t, err)
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme})
		require.NoError(t, err)
		_, err = l.Update(ctx, o.ID, 0, pipeline.OpportunityUpdate{LostReason: new("price")})
		reasonless(t, err)
		_, err = l.Lose(ctx, o.ID, "price")
		require.NoError(t, err)
		_, err = l.Update(ctx, o.ID, 0, pipeline.OpportunityUpdate{LostReason: new("")})
		reasonless(t, err)
		_, err = l.Update(ctx, o.ID, 0, pipeline.OpportunityUpdate{Clear: []string{"lost_reason"}})
		reasonless(t, err)
		_, err = l.Update(ctx, o.ID, 0, pipeline.OpportunityUpdate{LostReason: new("Too expensive!")})
		reasonless(t, err)
		o, err = l.Update(ctx, o.ID, 0, pipeline.OpportunityUpdate{LostReason: new("timing")})
		require.NoError(t, err, "a reason may be mended")
		require.Equal(t, "timing", o.LostReason)
	})
}

// What only history may tell is refused, and a draft moves no closed opportunity.
func TestDraftsOfThePresent(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx, ext := t.Context(), ident.Ext{System: "erp", ID: "7"}
		for field, d := range map[string]pipeline.OpportunityDraft{
			"closed_on": {Customer: l.acme, ClosedOn: date.MustParse("2025-03-04")}, "lost_reason": {Customer: l.acme, LostReason: "price"},
		} {
			_, err := l.Create(ctx, d)
			require.ErrorIs(t, err, fault.ErrInvalid)
			_, err = l.Upsert(ctx, ext, d)
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			require.Equal(t, field, f.Field)
		}
		o, err := l.Upsert(ctx, ext, pipeline.OpportunityDraft{Customer: l.acme, Amount: eur("5.00")})
		require.NoError(t, err)
		_, err = l.Upsert(ctx, ext, pipeline.OpportunityDraft{Customer: ident.New()})
		require.ErrorIs(t, err, fault.ErrNotFound, "a customer that is not there")
		won, err := l.Win(ctx, o.ID)
		require.NoError(t, err)
		for _, d := range []pipeline.OpportunityDraft{{Stage: "prospecting"}, {Stage: "lost"}, {Amount: eur("6.00")}, {Override: new(int64(5))}} {
			_, err = l.Upsert(ctx, ext, d)
			require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "state"})
		}
		more, err := l.Upsert(ctx, ext, pipeline.OpportunityDraft{Stage: "won", Product: "seats"})
		require.NoError(t, err)
		require.Equal(t, "seats", more.Product)
		require.Equal(t, won.ClosedAt, more.ClosedAt)
	})
}

func TestDeletedOpportunitiesComeBack(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx, ext := t.Context(), ident.Ext{System: "erp", ID: "7"}
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Ext: ext, Override: new(int64(4200))})
		require.NoError(t, err)
		require.ErrorIs(t, l.Delete(ctx, o.ID, o.Version+1), fault.ErrConflict)
		require.NoError(t, l.Delete(ctx, o.ID, o.Version))
		back, err := l.Restore(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, int64(4200), *back.Override)
		got, err := l.ByExt(ctx, ext)
		require.NoError(t, err)
		l.same(t, back, got)

		require.NoError(t, l.Delete(ctx, o.ID, schema.AnyVersion))
		_, err = l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Ext: ext})
		require.NoError(t, err)
		_, err = l.Restore(ctx, o.ID)
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"})
	})
}

func reasonless(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, fault.ErrInvalid)
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, "lost_reason", f.Field)
}

func TestVersionsConflictsAndForeignTenants(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		o, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme})
		require.NoError(t, err)
		product := "chairs"
		up, err := l.Update(ctx, o.ID, o.Version, pipeline.OpportunityUpdate{Product: &product})
		require.NoError(t, err)
		require.EqualValues(t, 2, up.Version)
		_, err = l.Update(ctx, o.ID, o.Version, pipeline.OpportunityUpdate{Product: &product})
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		require.Equal(t, fault.Conflict, f.Code)
		require.EqualValues(t, 2, f.Current)
		same, err := l.Update(ctx, o.ID, 2, pipeline.OpportunityUpdate{Product: &product})
		require.NoError(t, err)
		l.same(t, up, same)

		foreign := l.scope
		foreign.Principal.Tenant = "umbrella"
		theirs, _, _ := l.as(foreign)
		_, err = theirs.Get(ctx, o.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = theirs.Move(ctx, o.ID, "won")
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = l.Create(ctx, pipeline.OpportunityDraft{Customer: ident.New()})
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = l.Create(ctx, pipeline.OpportunityDraft{ID: o.ID, Customer: l.acme})
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"})

		require.NoError(t, l.Delete(ctx, o.ID, schema.AnyVersion))
		_, err = l.Get(ctx, o.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.ErrorIs(t, l.Delete(ctx, o.ID, schema.AnyVersion), fault.ErrNotFound)
	})
}

func TestUpsertByExternalID(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		ext := ident.Ext{System: "erp", ID: "7"}
		o, err := l.Upsert(ctx, ext, pipeline.OpportunityDraft{Customer: l.acme, Amount: eur("5.00")})
		require.NoError(t, err)
		require.Equal(t, ext, o.Ext)
		again, err := l.Upsert(ctx, ext, pipeline.OpportunityDraft{Customer: l.acme, Amount: eur("5.00")})
		require.NoError(t, err)
		l.same(t, o, again)
		more, err := l.Upsert(ctx, ext, pipeline.OpportunityDraft{Customer: l.acme, Amount: eur("6.00"), Stage: "proposal"})
		require.NoError(t, err)
		require.Equal(t, o.ID, more.ID)
		require.Equal(t, "proposal", more.Stage)
		require.Equal(t, eur("6.00"), more.Amount)
		by, err := l.ByExt(ctx, ext)
		require.NoError(t, err)
		l.same(t, more, by)
		_, err = l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, Ext: ext})
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		require.Equal(t, "ext", f.Field)

		once := l.scope
		once.Once = "key-1"
		keyed, _, _ := l.as(once)
		draft := pipeline.OpportunityDraft{Customer: l.acme, Name: "once"}
		first, err := keyed.Upsert(ctx, ident.Ext{System: "erp", ID: "8"}, draft)
		require.NoError(t, err)
		second, err := keyed.Upsert(ctx, ident.Ext{System: "erp", ID: "8"}, draft)
		require.NoError(t, err)
		l.same(t, first, second)
		draft.Product = "other"
		_, err = keyed.Upsert(ctx, ident.Ext{System: "erp", ID: "8"}, draft)
		require.ErrorIs(t, err, fault.ErrConflict)

		require.NoError(t, l.Delete(ctx, o.ID, schema.AnyVersion))
		fresh, err := l.Upsert(ctx, ext, pipeline.OpportunityDraft{Customer: l.acme})
		require.NoError(t, err)
		require.NotEqual(t, o.ID, fresh.ID, "a deleted record gives its external id free")
	})
}

func TestListsFilterSortAndPage(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		loser, other := ident.New(), ident.New()
		l.known.add(l.acme, loser)
		l.known.add(other)
		amounts := []money.Amount{eur("30.00"), {}, eur("10.00"), eur("20.00"), {}}
		for i, a := range amounts {
			owner := l.acme
			if i == 3 {
				owner = loser
			}
			_, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: owner, Amount: a, Product: fmt.Sprint("p", i)})
			require.NoError(t, err)
		}
		closed, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: other, Amount: eur("99.00")})
		require.NoError(t, err)
		_, err = l.Win(ctx, closed.ID)
		require.NoError(t, err)

		list := func(f pipeline.OpportunityFilter) (out []string) {
			f.Query.Limit = 2
			for o, err := range l.All(ctx, f) {
				require.NoError(t, err)
				out = append(out, o.Product)
			}
			return out
		}
		require.Equal(t, []string{"p0", "p3", "p2", "p4", "p1"},
			list(pipeline.OpportunityFilter{Open: new(true), Query: page.Query{Sort: "-amount"}}), "blank ones come last")
		require.Equal(t, []string{"p2", "p3", "p0", "p1", "p4"},
			list(pipeline.OpportunityFilter{Customer: loser, Query: page.Query{Sort: "amount"}}), "merged customers are one")
		require.Equal(t, []string{""}, list(pipeline.OpportunityFilter{Open: new(false)}))
		require.Equal(t, []string{"p0"}, list(pipeline.OpportunityFilter{Stage: "prospecting", Query: page.Query{
			Where: page.Where{Expr: "amount > least", Args: map[string]any{"least": eur("20.00")}},
		}}))
		_, err = l.Page(ctx, pipeline.OpportunityFilter{Query: page.Query{Sort: "product"}})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

func TestRowsOfTheTeamOnly(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		mine, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme})
		require.NoError(t, err)
		theirs, err := l.Create(ctx, pipeline.OpportunityDraft{Customer: l.acme, OwnerUser: "u-9", OwnerTeam: "apac"})
		require.NoError(t, err)
		seller, _, pipes := l.as(work.Scope{
			Principal: ident.User(tenant, "u-2", "sales").InTeams("emea"), Purpose: personal.Sales,
		})
		_, err = seller.Get(ctx, mine.ID)
		require.NoError(t, err)
		_, err = seller.Get(ctx, theirs.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = seller.History(ctx, theirs.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		p, err := seller.Page(ctx, pipeline.OpportunityFilter{})
		require.NoError(t, err)
		require.Len(t, p.Items, 1)
		_, err = pipes.Define(ctx, pipeline.Standard())
		require.ErrorIs(t, err, fault.ErrDenied)
	})
}
