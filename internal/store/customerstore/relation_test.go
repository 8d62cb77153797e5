package customerstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
)

func (l *lab) org(t testing.TB, name string) ident.ID {
	t.Helper()
	c, err := l.all().Create(t.Context(), customer.OrganizationDraft{Name: name})
	require.NoError(t, err)
	return c.ID
}

func (l *lab) parent(t testing.TB, from, to ident.ID) error {
	t.Helper()
	_, err := l.all().Relate(t.Context(), customer.RelationshipDraft{Type: customer.Parent, From: from, To: to})
	return err
}

// Decision makers of an organization are found by role; both ends read the same record.
func TestC2RolesInAnOrganization(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx, acme := t.Context(), l.org(t, "ACME")
		ada, bob := l.person(t, "Ada", "", ""), l.person(t, "Bob", "", "")
		rel, err := l.all().Relate(ctx, customer.RelationshipDraft{Type: customer.Employment, From: ada.ID, To: acme,
			Role: "decision maker", Department: "Purchasing", Title: "CPO", Since: date.MustParse("2024-01-01")})
		require.NoError(t, err)
		_, err = l.all().Relate(ctx, customer.RelationshipDraft{Type: customer.Employment, From: bob.ID, To: acme, Role: "user"})
		require.NoError(t, err)
		_, err = l.all().Relate(ctx, customer.RelationshipDraft{Type: "golf_partner", From: bob.ID, To: ada.ID, Until: date.MustParse("2025-12-31")})
		require.NoError(t, err)

		out, err := l.all().Relations(ctx, acme, customer.RelationFilter{Role: "decision maker"})
		require.NoError(t, err)
		require.Len(t, out.Items, 1)
		got := out.Items[0]
		require.Equal(t, ada.ID, got.Other)
		require.Equal(t, "employee", got.As)
		require.False(t, got.Outgoing)
		require.Equal(t, "CPO", got.Title.Reveal())
		require.Equal(t, "Purchasing", got.Department.Reveal())
		require.NotContains(t, fmt.Sprintf("%+v", got), "CPO")
		require.Equal(t, date.MustParse("2024-01-01"), got.Since)
		require.Equal(t, rel.ID, got.ID)

		out, err = l.all().Relations(ctx, ada.ID, customer.RelationFilter{})
		require.NoError(t, err)
		require.Len(t, out.Items, 1, "the golf partnership has ended")
		require.Equal(t, "employer", out.Items[0].As)
		out, err = l.all().Relations(ctx, ada.ID, customer.RelationFilter{On: date.MustParse("2025-06-01")})
		require.NoError(t, err)
		require.Len(t, out.Items, 2)
		require.Equal(t, "golf_partner", out.Items[1].As)
		out, err = l.all().Relations(ctx, ada.ID, customer.RelationFilter{On: date.MustParse("2023-06-01")})
		require.NoError(t, err)
		require.Len(t, out.Items, 1)

		_, err = l.all().Relations(ctx, ada.ID, customer.RelationFilter{On: date.MustParse("2023-06-01"), Ended: true})
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		require.Equal(t, [2]string{"invalid", "on"}, [2]string{string(f.Code), f.Field}, "a day, and whatever day, exclude each other")
		first, err := l.all().Relations(ctx, acme, customer.RelationFilter{Query: page.Query{Limit: 1}})
		require.NoError(t, err)
		require.NotEmpty(t, first.Next)
		second, err := l.all().Relations(ctx, acme, customer.RelationFilter{Query: page.Query{Limit: 1, Cursor: first.Next}})
		require.NoError(t, err)
		require.Equal(t, bob.ID, second.Items[0].Other)
		require.Empty(t, second.Next)

		ended, err := l.all().EndRelation(ctx, rel.ID, rel.Version, date.MustParse("2026-03-26"))
		require.NoError(t, err)
		require.EqualValues(t, 2, ended.Version)
		out, err = l.all().Relations(ctx, ada.ID, customer.RelationFilter{})
		require.NoError(t, err)
		require.Empty(t, out.Items)
		_, err = l.all().EndRelation(ctx, rel.ID, rel.Version, date.MustParse("2026-03-26"))
		require.ErrorIs(t, err, fault.ErrConflict)
		_, err = l.all().EndRelation(ctx, rel.ID, 0, date.MustParse("2020-01-01"))
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = l.all().EndRelation(ctx, ident.New(), 0, date.MustParse("2026-01-01"))
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}

func TestRelationRefusals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		a, b := l.org(t, "A"), l.org(t, "B")
		for field, d := range map[string]customer.RelationshipDraft{
			"type":  {Type: "Upper Case", From: a, To: b},
			"from":  {Type: customer.Partner, To: b},
			"to":    {Type: customer.Partner, From: a, To: a},
			"until": {Type: customer.Partner, From: a, To: b, Since: date.MustParse("2026-01-02"), Until: date.MustParse("2026-01-01")},
			"role":  {Type: customer.Partner, From: a, To: b, Role: "a\x00"},
		} {
			_, err := l.all().Relate(t.Context(), d)
			require.ErrorIs(t, err, fault.ErrInvalid, field)
			f, _ := errors.AsType[*fault.Error](err)
			require.Equal(t, field, f.Field)
		}
		_, err := l.all().Relate(t.Context(), customer.RelationshipDraft{Type: customer.Partner, From: a, To: ident.New()})
		require.ErrorIs(t, err, fault.ErrNotFound)
		f, _ := errors.AsType[*fault.Error](err)
		require.Equal(t, "to", f.Field)
	})
}

// An organization chart never becomes a circle, through merged customers either.
func TestC3AnOrganizationChartMakesNoCircle(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		a, b, c, d := l.org(t, "A"), l.org(t, "B"), l.org(t, "C"), l.org(t, "D")
		require.NoError(t, l.parent(t, a, b))
		require.NoError(t, l.parent(t, b, c))
		require.ErrorIs(t, l.parent(t, c, a), &fault.Error{Code: fault.Invalid, Reason: "cycle"})
		require.ErrorIs(t, l.parent(t, b, a), &fault.Error{Code: fault.Invalid, Reason: "cycle"})
		require.NoError(t, l.parent(t, a, c), "two ways up are no circle")
		require.NoError(t, l.parent(t, d, a))
		l.merge(t, d, c) // now C is below A by what D brought, and A below C
		e := l.org(t, "E")
		require.NoError(t, l.parent(t, c, e))
		require.ErrorIs(t, l.parent(t, e, a), &fault.Error{Code: fault.Invalid, Reason: "cycle"})

		below := l.org(t, "bottom")
		from := below
		var err error
		for range 70 {
			next := l.org(t, "n")
			if err = l.parent(t, next, from); err != nil {
				break
			}
			from = next
		}
		require.ErrorIs(t, err, fault.ErrLimitExceeded)
	})
}

// A circle is one only while all of it lasts, and no end that is moved makes one.
func TestCirclesAreOfTheirDays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		day := date.MustParse
		circle := &fault.Error{Code: fault.Invalid, Reason: "cycle"}
		relate := func(from, to ident.ID, since, until date.Date) (customer.Relationship, error) {
			return l.all().Relate(ctx, customer.RelationshipDraft{Type: customer.Parent, From: from, To: to, Since: since, Until: until})
		}
		var open date.Date

		a, b := l.org(t, "A"), l.org(t, "B")
		rel, err := relate(a, b, open, day("2026-12-31"))
		require.NoError(t, err)
		_, err = relate(b, a, day("2026-12-31"), open)
		require.ErrorIs(t, err, circle, "both hold on the last day of the year")
		_, err = relate(b, a, day("2027-01-01"), open)
		require.NoError(t, err, "the year after they change places")
		_, err = relate(b, a, day("2020-01-01"), day("2020-12-31"))
		require.ErrorIs(t, err, circle, "the past is not rewritten into one either")
		_, err = l.all().EndRelation(ctx, rel.ID, 0, day("2027-01-01"))
		require.ErrorIs(t, err, circle)
		_, err = l.all().EndRelation(ctx, rel.ID, 0, day("2026-06-30"))
		require.NoError(t, err)
		_, err = l.all().EndRelation(ctx, rel.ID, 0, day("2026-12-31"))
		require.NoError(t, err, "longer, but not too long")

		c, d, e := l.org(t, "C"), l.org(t, "D"), l.org(t, "E")
		rel, err = relate(c, d, open, day("2026-01-31"))
		require.NoError(t, err)
		_, err = relate(e, c, open, open)
		require.NoError(t, err, "the other one has ended, and when this one began is not known")
		l.merge(t, e, d)
		_, err = l.all().EndRelation(ctx, rel.ID, 0, day("2099-01-01"))
		require.ErrorIs(t, err, circle, "through a merged customer")
	})
}

// today is that of the tenant.
type shanghai struct{}

func (shanghai) Zone(context.Context, work.Unit, string) (*time.Location, error) {
	return time.FixedZone("CST", 8*60*60), nil
}

func TestRelationsOfTheTenantsDay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		l.Engine.Zones = shanghai{}
		l.Advance(8 * time.Hour) // 17:00 UTC of the 27th is the 28th there
		a, b := l.org(t, "A"), l.org(t, "B")
		_, err := l.all().Relate(t.Context(), customer.RelationshipDraft{Type: customer.Partner, From: a, To: b, Since: date.MustParse("2026-03-28")})
		require.NoError(t, err)
		got, err := l.all().Relations(t.Context(), a, customer.RelationFilter{})
		require.NoError(t, err)
		require.Len(t, got.Items, 1)
	})
}

// Relations that would close a circle together are not both stored.
func TestConcurrentParents(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		for range 5 {
			a, b, c, d := l.org(t, "A"), l.org(t, "B"), l.org(t, "C"), l.org(t, "D")
			require.NoError(t, l.parent(t, b, c))
			require.NoError(t, l.parent(t, d, a))
			errs := make([]error, 2)
			var wg sync.WaitGroup
			wg.Go(func() { errs[0] = l.parent(t, a, b) })
			wg.Go(func() { errs[1] = l.parent(t, c, d) })
			wg.Wait()
			if errs[0] == nil {
				errs[0], errs[1] = errs[1], errs[0]
			}
			require.ErrorIs(t, errs[0], &fault.Error{Code: fault.Invalid, Reason: "cycle"})
			require.NoError(t, errs[1])
		}
	})
}

// Forward is free, backward needs a reason, and the time in each stage is known.
func TestC8Lifecycle(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx, ada := t.Context(), l.person(t, "Ada", "", "")
		move := func(stage, reason string) error {
			l.Advance(24 * time.Hour)
			_, err := l.all().MoveLifecycle(ctx, ada.ID, stage, reason)
			return err
		}
		require.NoError(t, move(customer.StageSatisfied, ""))
		require.ErrorIs(t, move(customer.StageNew, "  "), fault.ErrInvalid)
		require.ErrorIs(t, move("unheard of", "x"), fault.ErrInvalid)
		require.NoError(t, move(customer.StageSatisfied, ""), "a move to the present stage does nothing")
		require.NoError(t, move(customer.StageNew, "returned everything"))
		require.ErrorIs(t, move(customer.StageLost, ""), fault.ErrInvalid)
		require.NoError(t, move(customer.StageLost, "went to a competitor"))
		require.ErrorIs(t, move(customer.StageLoyal, ""), fault.ErrInvalid)
		require.NoError(t, move(customer.StageLoyal, "came back"))

		got, err := l.all().Get(ctx, ada.ID)
		require.NoError(t, err)
		require.Equal(t, customer.StageLoyal, got.Lifecycle)
		require.Equal(t, l.Now(), got.LifecycleSince)
		moves, err := l.all().LifecycleHistory(ctx, ada.ID)
		require.NoError(t, err)
		var path, reasons []string
		var spent time.Duration
		for _, m := range moves {
			path, reasons, spent = append(path, m.From+">"+m.To), append(reasons, m.Reason.Reveal()), spent+m.Spent
			require.Equal(t, "root", m.By)
		}
		require.Equal(t, []string{"potential>satisfied", "satisfied>new", "new>lost", "lost>loyal"}, path)
		require.Equal(t, []string{"", "returned everything", "went to a competitor", "came back"}, reasons)
		require.Equal(t, got.LifecycleSince.Sub(ada.CreatedAt), spent)
		line, err := l.talks().Timeline(ctx, ada.ID, page.Query{})
		require.NoError(t, err)
		require.Len(t, line.Items, 4)
		require.Equal(t, customer.LifecycleMoved, line.Items[0].Kind)
	})
}
