package customerstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
)

func TestC1CreateAndGet(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		made, err := l.all().Create(t.Context(), customer.PersonDraft{
			Given: " Null ", Family: "O'Brien-李", Language: "EN-gb", Country: "de",
			Points: []customer.PointDraft{
				{Channel: personal.ByEmail, Value: " Null.O@BÜCHER.example ", Label: "work"},
				{Channel: personal.ByPhone, Value: "030 123456"},
				{Channel: personal.ByEmail, Value: "second@example.org", Primary: true},
			},
			Ext: []ident.Ext{{System: "users", ID: "42"}, {System: "erp", ID: "K-1"}},
		})
		require.NoError(t, err)
		got, err := l.all().Get(t.Context(), made.ID)
		require.NoError(t, err)
		for _, c := range []customer.Customer{made, got} {
			require.Equal(t, customer.Person, c.Kind)
			require.Equal(t, "Null O'Brien-李", c.Name.Reveal())
			require.Equal(t, "Null", c.Given.Reveal())
			require.Equal(t, "en-GB", c.Language)
			require.Equal(t, "DE", c.Country)
			require.Equal(t, customer.StagePotential, c.Lifecycle)
			require.Equal(t, l.Now(), c.LifecycleSince)
			require.Equal(t, []ident.Ext{{System: "erp", ID: "K-1"}, {System: "users", ID: "42"}}, c.Ext)
			require.Equal(t, []string{"second@example.org", "Null.O@xn--bcher-kva.example", "+4930123456"}, values(c))
			require.True(t, c.Points[0].Primary)
			require.False(t, c.Points[1].Primary)
			require.True(t, c.Points[2].Primary)
			require.EqualValues(t, 1, c.Version)
			require.Equal(t, "root", c.OwnerUser)
			require.Equal(t, l.Now(), c.CreatedAt)
			require.Equal(t, l.Now(), c.UpdatedAt)
		}
		require.Equal(t, personal.Sealed, got.Points[0].Value.State())
		require.NotContains(t, fmt.Sprintf("%+v %#v", got, got), "example")
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		for name, c := range map[string]struct {
			draft customer.Draft
			field string
		}{
			"no name":         {customer.OrganizationDraft{}, "name"},
			"nothing":         {customer.PersonDraft{}, "name"},
			"nul":             {customer.PersonDraft{Given: "a\x00b"}, "given"},
			"bad utf-8":       {customer.PersonDraft{Family: "a\xff"}, "family"},
			"long":            {customer.OrganizationDraft{Name: strings.Repeat("x", 201)}, "name"},
			"language":        {customer.PersonDraft{Given: "A", Language: "??"}, "language"},
			"country":         {customer.PersonDraft{Given: "A", Country: "Germany"}, "country"},
			"e-mail":          {customer.PersonDraft{Given: "A", Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "a@b@"}}}, "points[0].value"},
			"phone":           {customer.PersonDraft{Given: "A", Points: []customer.PointDraft{{Channel: personal.ByPhone, Value: "030 1"}}}, "points[0].value"},
			"channel":         {customer.PersonDraft{Given: "A", Points: []customer.PointDraft{{Channel: personal.ByAnything, Value: "x"}}}, "points[0].channel"},
			"twice the point": {customer.PersonDraft{Given: "A", Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "a@b.de"}, {Channel: personal.ByEmail, Value: "A@B.de"}}}, "points[1].value"},
			"ext":             {customer.PersonDraft{Given: "A", Ext: []ident.Ext{{System: "", ID: "1"}}}, "ext[0].system"},
			"none":            {nil, "draft"},
		} {
			_, err := l.all().Create(t.Context(), c.draft)
			require.ErrorIs(t, err, fault.ErrInvalid, name)
			f, _ := errors.AsType[*fault.Error](err)
			require.Equal(t, c.field, f.Field, name)
			require.NotContains(t, err.Error(), "030 1", name)
		}
		_, err := l.svc.Customers(&work.Scope{}).Create(t.Context(), customer.PersonDraft{Given: "A"})
		require.ErrorIs(t, err, fault.ErrInvalid)
		n, err := l.all().Count(t.Context(), customer.Filter{})
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

func TestUniqueValues(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		first, err := l.all().Create(t.Context(), customer.PersonDraft{Given: "A", Ext: []ident.Ext{{System: "u", ID: "1"}},
			Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "a@b.de", Verified: true}}})
		require.NoError(t, err)
		for field, d := range map[string]customer.PersonDraft{
			"id":              {ID: first.ID, Given: "B"},
			"ext[1]":          {Given: "B", Ext: []ident.Ext{{System: "a", ID: "9"}, {System: "u", ID: "1"}}},
			"points[0].value": {Given: "B", Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "A@b.de", Verified: true}}},
		} {
			_, err := l.all().Create(t.Context(), d)
			require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"}, field)
			f, _ := errors.AsType[*fault.Error](err)
			require.Equal(t, field, f.Field)
		}
		// Not verified, it is only a claim; in another tenant it is another person's.
		_, err = l.all().Create(t.Context(), customer.PersonDraft{Given: "B", Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "a@b.de"}}})
		require.NoError(t, err)
		other := l.as(ident.User("other", "root", "admin"))
		_, err = other.Create(t.Context(), customer.PersonDraft{ID: first.ID, Given: "C", Ext: []ident.Ext{{System: "u", ID: "1"}},
			Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "a@b.de", Verified: true}}})
		require.NoError(t, err)
		_, err = other.Get(t.Context(), first.ID)
		require.NoError(t, err)
		// Deleted, everything is free again, but the id.
		require.NoError(t, l.all().Delete(t.Context(), first.ID, first.Version))
		_, err = l.all().Create(t.Context(), customer.PersonDraft{Given: "D", Ext: []ident.Ext{{System: "u", ID: "1"}},
			Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "a@b.de", Verified: true}}})
		require.NoError(t, err)
	})
}

func TestC1Update(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ada := l.person(t, "Ada", "Byron", "ada@example.org", ident.Ext{System: "u", ID: "1"})
		got, err := l.all().Update(t.Context(), ada.ID, ada.Version, customer.Update{
			Family: new("Lovelace"), Country: new("gb"), AddExt: []ident.Ext{{System: "u", ID: "2"}}, RemoveExt: []ident.Ext{{System: "u", ID: "1"}},
		})
		require.NoError(t, err)
		require.Equal(t, "Ada Lovelace", got.Name.Reveal())
		require.EqualValues(t, 2, got.Version)
		again, err := l.all().Get(t.Context(), ada.ID)
		require.NoError(t, err)
		require.Equal(t, "Ada Lovelace", again.Name.Reveal())
		require.Equal(t, "GB", again.Country)
		require.Equal(t, []ident.Ext{{System: "u", ID: "2"}}, again.Ext)
		require.Equal(t, []string{"ada@example.org"}, values(again))

		_, err = l.all().Update(t.Context(), ada.ID, ada.Version, customer.Update{Given: new("X")})
		require.ErrorIs(t, err, fault.ErrConflict)
		f, _ := errors.AsType[*fault.Error](err)
		require.EqualValues(t, 2, f.Current)

		same, err := l.all().Update(t.Context(), ada.ID, 0, customer.Update{Given: new("Ada")})
		require.NoError(t, err)
		require.EqualValues(t, 2, same.Version, "nothing changed, nothing written")

		named, err := l.all().Update(t.Context(), ada.ID, 0, customer.Update{Name: new("Countess of Lovelace")})
		require.NoError(t, err)
		require.Equal(t, "Countess of Lovelace", named.Name.Reveal())
		named, err = l.all().Update(t.Context(), ada.ID, 0, customer.Update{Given: new("Augusta Ada")})
		require.NoError(t, err)
		require.Equal(t, "Countess of Lovelace", named.Name.Reveal())
		named, err = l.all().Update(t.Context(), ada.ID, 0, customer.Update{Clear: []string{"name", "country"}})
		require.NoError(t, err)
		require.Equal(t, "Augusta Ada Lovelace", named.Name.Reveal())
		require.Empty(t, named.Country)

		blanked, err := l.all().Update(t.Context(), ada.ID, 0, customer.Update{Given: new(""), Language: new("")})
		require.NoError(t, err)
		require.Equal(t, "Lovelace", blanked.Name.Reveal(), "the name follows its parts")
		acme, err := l.all().Create(t.Context(), customer.OrganizationDraft{Name: "ACME"})
		require.NoError(t, err)
		for _, up := range []customer.Update{{Name: new("")}, {Clear: []string{"name"}}} {
			_, err = l.all().Update(t.Context(), acme.ID, 0, up)
			require.ErrorIs(t, err, fault.ErrInvalid, "an organization needs its name")
		}
		_, err = l.all().Update(t.Context(), ident.New(), 0, customer.Update{Given: new("X")})
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}

func TestC1DeletedCustomersAreGone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ada := l.person(t, "Ada", "Byron", "ada@example.org", ident.Ext{System: "u", ID: "1"})
		require.ErrorIs(t, l.all().Delete(t.Context(), ada.ID, 7), fault.ErrConflict)
		require.NoError(t, l.all().Delete(t.Context(), ada.ID, 1))
		require.ErrorIs(t, l.all().Delete(t.Context(), ada.ID, 0), fault.ErrNotFound)
		_, err := l.all().Get(t.Context(), ada.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = l.all().ByExt(t.Context(), ada.Ext[0])
		require.ErrorIs(t, err, fault.ErrNotFound)
		found, err := l.all().ByPoint(t.Context(), personal.ByEmail, "ada@example.org")
		require.NoError(t, err)
		require.Empty(t, found)
		found, err = l.all().Search(t.Context(), "ada", 0)
		require.NoError(t, err)
		require.Empty(t, found)
		p, err := l.all().Page(t.Context(), customer.Filter{})
		require.NoError(t, err)
		require.Empty(t, p.Items)
	})
}

func TestPoints(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		ada := l.person(t, "Ada", "", "ada@example.org")
		c, err := l.all().AddPoint(ctx, ada.ID, 1, customer.PointDraft{Channel: personal.ByEmail, Value: "second@example.org", Primary: true})
		require.NoError(t, err)
		require.Equal(t, []string{"second@example.org", "ada@example.org"}, values(c))
		c, err = l.all().AddPoint(ctx, ada.ID, 0, customer.PointDraft{Channel: personal.BySMS, Value: "+49 170 1234567"})
		require.NoError(t, err)
		_, err = l.all().AddPoint(ctx, ada.ID, 0, customer.PointDraft{Channel: personal.ByEmail, Value: "ADA@example.org"})
		require.ErrorIs(t, err, fault.ErrInvalid)

		old := c.Points[1]
		require.Equal(t, "ada@example.org", old.Value.Reveal())
		c, err = l.all().UpdatePoint(ctx, ada.ID, c.Version, old.ID, customer.PointUpdate{Primary: new(true), Verified: new(true), Label: new("home")})
		require.NoError(t, err)
		c, err = l.all().Get(ctx, ada.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"ada@example.org", "second@example.org", "+491701234567"}, values(c))
		require.True(t, c.Points[0].Verified)
		require.Equal(t, "home", c.Points[0].Label)
		require.EqualValues(t, 4, c.Version)

		_, err = l.all().Create(ctx, customer.PersonDraft{Given: "B", Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "ada@example.org", Verified: true}}})
		require.ErrorIs(t, err, fault.ErrConflict)
		c, err = l.all().RemovePoint(ctx, ada.ID, c.Version, old.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"second@example.org", "+491701234567"}, values(c))
		require.True(t, c.Points[0].Primary)
		_, err = l.all().RemovePoint(ctx, ada.ID, 0, old.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		found, err := l.all().ByPoint(ctx, personal.ByEmail, "ada@example.org")
		require.NoError(t, err)
		require.Empty(t, found)
		_, err = l.all().Create(ctx, customer.PersonDraft{Given: "B", Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "ada@example.org", Verified: true}}})
		require.NoError(t, err)
	})
}

func TestByPointGivesEveryCandidate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		a, b := l.person(t, "A", "Müller", "family@Example.org"), l.person(t, "B", "Müller", "FAMILY@example.org")
		l.person(t, "C", "Other", "x@example.org")
		found, err := l.all().ByPoint(t.Context(), personal.ByEmail, "Family@EXAMPLE.org")
		require.NoError(t, err)
		require.ElementsMatch(t, []ident.ID{a.ID, b.ID}, ids(found))
		_, err = l.all().ByPoint(t.Context(), personal.ByEmail, "nonsense")
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

func TestOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		s := scope(admin)
		s.Once = "signup-1"
		d := customer.PersonDraft{Given: "Ada", Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "a@b.de"}}}
		first, err := l.svc.Customers(&s).Create(t.Context(), d)
		require.NoError(t, err)
		again, err := l.svc.Customers(&s).Create(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		d.Given = "Bob"
		_, err = l.svc.Customers(&s).Create(t.Context(), d)
		require.ErrorIs(t, err, fault.ErrConflict)
	})
}

func TestHostTransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		tx, err := l.Write.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		s := scope(admin)
		s.Unit = l.DB.Join(tx)
		joined := l.svc.Customers(&s)
		ada, err := joined.Upsert(t.Context(), ident.Ext{System: "u", ID: "1"}, customer.PersonDraft{Given: "Ada"})
		require.NoError(t, err)
		_, err = joined.Create(t.Context(), customer.PersonDraft{ID: ada.ID, Given: "B"})
		require.ErrorIs(t, err, fault.ErrConflict)
		ada, err = joined.Upsert(t.Context(), ident.Ext{System: "u", ID: "1"}, customer.PersonDraft{Family: "Byron"})
		require.NoError(t, err)
		require.Equal(t, "Ada Byron", ada.Name.Reveal())
		_, err = joined.Get(t.Context(), ada.ID)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback())
		_, err = l.all().Get(context.WithoutCancel(t.Context()), ada.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
	})
}
