package customerstore_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer"
)

func TestC4AnAccountNumberCreatesOrUpdatesOneCustomer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ext := ident.Ext{System: "users", ID: "42"}
		mail := []customer.PointDraft{{Channel: personal.ByEmail, Value: "ada@example.org"}}
		made, err := l.all().Upsert(t.Context(), ext, customer.PersonDraft{Given: "Ada", Country: "GB", Points: mail})
		require.NoError(t, err)
		require.Equal(t, []ident.Ext{ext}, made.Ext)

		mail = append(mail, customer.PointDraft{Channel: personal.ByEmail, Value: "new@example.org"})
		again, err := l.all().Upsert(t.Context(), ext, customer.PersonDraft{Family: "Lovelace", Points: mail, Ext: []ident.Ext{{System: "erp", ID: "7"}}})
		require.NoError(t, err)
		require.Equal(t, made.ID, again.ID)
		require.Equal(t, "Ada Lovelace", again.Name.Reveal())
		require.Equal(t, "GB", again.Country, "what is blank in the draft stays")
		require.Equal(t, []string{"ada@example.org", "new@example.org"}, values(again))
		require.Len(t, again.Ext, 2)
		require.EqualValues(t, 2, again.Version)

		same, err := l.all().Upsert(t.Context(), ext, customer.PersonDraft{Family: "Lovelace", Points: mail})
		require.NoError(t, err)
		require.EqualValues(t, 2, same.Version, "nothing new, nothing written")

		_, err = l.all().Upsert(t.Context(), ext, customer.OrganizationDraft{Name: "X"})
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = l.all().Upsert(t.Context(), ident.Ext{}, customer.PersonDraft{Given: "X"})
		require.ErrorIs(t, err, fault.ErrInvalid)

		require.NoError(t, l.all().Delete(t.Context(), made.ID, 0))
		fresh, err := l.all().Upsert(t.Context(), ext, customer.PersonDraft{Given: "Bob"})
		require.NoError(t, err)
		require.NotEqual(t, made.ID, fresh.ID)
	})
}

func TestUpsertOfSomebodyElses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ext := ident.Ext{System: "users", ID: "42"}
		_, err := l.as(ident.User("acme", "ann", "sales").InTeams("north")).Upsert(t.Context(), ext, customer.PersonDraft{Given: "Ada"})
		require.NoError(t, err)
		bob := l.as(ident.User("acme", "bob", "sales").InTeams("south"))
		_, err = bob.Upsert(t.Context(), ext, customer.PersonDraft{Given: "Eve"})
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"})
	})
}

func TestUpsertOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ext := ident.Ext{System: "users", ID: "42"}
		s := scope(admin)
		s.Once = "k"
		first, err := l.svc.Customers(&s).Upsert(t.Context(), ext, customer.PersonDraft{Given: "Ada"})
		require.NoError(t, err)
		_, err = l.all().Update(t.Context(), first.ID, 0, customer.Update{Given: new("Augusta")})
		require.NoError(t, err)
		again, err := l.svc.Customers(&s).Upsert(t.Context(), ext, customer.PersonDraft{Given: "Ada"})
		require.NoError(t, err)
		require.Equal(t, "Augusta", again.Given.Reveal(), "the upsert took effect once")
	})
}

// One customer buys from several departments under a number in each; every number leads to it.
func TestC4EveryAccountNumberLeadsToTheCustomer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		numbers := []ident.Ext{{System: "erp", ID: "1"}, {System: "shop", ID: "1"}, {System: "shop", ID: "2"}}
		acme, err := l.all().Create(t.Context(), customer.OrganizationDraft{Name: "ACME", Ext: numbers})
		require.NoError(t, err)
		late, err := l.all().Create(t.Context(), customer.OrganizationDraft{Name: "Acme", Ext: []ident.Ext{{System: "crm", ID: "9"}}})
		require.NoError(t, err)
		l.merge(t, late.ID, acme.ID)
		for _, ext := range append(numbers, late.Ext...) {
			got, err := l.all().ByExt(t.Context(), ext)
			require.NoError(t, err)
			require.Equal(t, acme.ID, got.ID)
			_, err = l.all().Create(t.Context(), customer.OrganizationDraft{Name: "Other", Ext: []ident.Ext{ext}})
			require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"})
		}
	})
}

// Of concurrent upserts of one external id exactly one creates, and nobody sees an error.
func TestC4ConcurrentUpsertsMakeOneCustomer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		for round := range 5 {
			ext := ident.Ext{System: "users", ID: fmt.Sprint(round)}
			const n = 8
			got, errs := make([]customer.Customer, n), make([]error, n)
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() {
					got[i], errs[i] = l.all().Upsert(t.Context(), ext, customer.PersonDraft{
						Given: "Ada", Points: []customer.PointDraft{{Channel: personal.BySocial, Value: fmt.Sprintf("@ada%d", i)}},
					})
				})
			}
			wg.Wait()
			for i := range n {
				require.NoError(t, errs[i])
				require.Equal(t, got[0].ID, got[i].ID)
			}
			c, err := l.all().ByExt(t.Context(), ext)
			require.NoError(t, err)
			require.Len(t, c.Points, n, "every upsert took effect")
			require.EqualValues(t, n, c.Version)
		}
		count, err := l.all().Count(t.Context(), customer.Filter{})
		require.NoError(t, err)
		require.Equal(t, 5, count)
	})
}

// Rights decide over each verb alike, and a stranger learns nothing.
func TestC1EveryReadGoesThroughTheAccessScope(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ann := l.as(ident.User("acme", "ann", "sales").InTeams("north"))
		south := ident.User("acme", "bob", "sales").InTeams("south")
		bob := l.as(south)
		mine, err := ann.Create(t.Context(), customer.PersonDraft{Given: "Ada", Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "a@b.de"}}, Ext: []ident.Ext{{System: "u", ID: "1"}}})
		require.NoError(t, err)
		require.Equal(t, "north", mine.OwnerTeam)
		for name, ask := range map[string]func() error{
			"get": func() error { _, err := bob.Get(t.Context(), mine.ID); return err },
			"ext": func() error { _, err := bob.ByExt(t.Context(), mine.Ext[0]); return err },
			"update": func() error {
				_, err := bob.Update(t.Context(), mine.ID, 0, customer.Update{Given: new("E")})
				return err
			},
			"timeline": func() error {
				_, err := l.talking(south).Timeline(t.Context(), mine.ID, customer.Filter{}.Query)
				return err
			},
			"lifecycle": func() error { _, err := bob.MoveLifecycle(t.Context(), mine.ID, customer.StageNew, ""); return err },
			"relations": func() error { _, err := bob.Relations(t.Context(), mine.ID, customer.RelationFilter{}); return err },
		} {
			require.ErrorIs(t, ask(), fault.ErrNotFound, name)
		}
		for name, find := range map[string]func() ([]customer.Customer, error){
			"point":  func() ([]customer.Customer, error) { return bob.ByPoint(t.Context(), personal.ByEmail, "a@b.de") },
			"search": func() ([]customer.Customer, error) { return bob.Search(t.Context(), "ada", 0) },
			"e-mail": func() ([]customer.Customer, error) { return bob.Search(t.Context(), "a@b.de", 0) },
		} {
			found, err := find()
			require.NoError(t, err, name)
			require.Empty(t, found, name)
		}
		n, err := bob.Count(t.Context(), customer.Filter{})
		require.NoError(t, err)
		require.Zero(t, n)

		viewer := l.as(ident.User("acme", "eve", "viewer"))
		seen, err := viewer.Get(t.Context(), mine.ID)
		require.NoError(t, err)
		require.Empty(t, seen.Points)
		require.Contains(t, seen.Hidden, "points")
		_, err = viewer.ByPoint(t.Context(), personal.ByEmail, "a@b.de")
		require.ErrorIs(t, err, fault.ErrDenied)
		found, err := viewer.Search(t.Context(), "a@b.de", 0)
		require.NoError(t, err)
		require.Empty(t, found, "a hidden address is no way to find somebody")
		_, err = l.as(ident.User("acme", "nobody")).Get(t.Context(), mine.ID)
		require.ErrorIs(t, err, fault.ErrDenied)

		clerk := l.as(ident.User("acme", "joe", "service").InTeams("desk"))
		_, err = clerk.Create(t.Context(), customer.PersonDraft{Given: "New"})
		require.NoError(t, err, "who may create but not hand over still creates")
		_, err = clerk.Create(t.Context(), customer.PersonDraft{Given: "New", OwnerUser: "ann"})
		require.ErrorIs(t, err, fault.ErrDenied)
		_, err = clerk.Create(t.Context(), customer.PersonDraft{Given: "New", OwnerTeam: "emea"})
		require.ErrorIs(t, err, fault.ErrDenied)
	})
}

func TestSource(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		s := scope(admin)
		s.Source = personal.Source{System: "signup", Ref: "form 3"}
		c, err := l.svc.Customers(&s).Create(t.Context(), customer.PersonDraft{Given: "Ada"})
		require.NoError(t, err)
		source := func() personal.Source {
			got, err := l.all().Get(t.Context(), c.ID)
			require.NoError(t, err)
			return got.Source
		}
		require.Equal(t, s.Source, source())

		_, err = l.all().Update(t.Context(), c.ID, 0, customer.Update{OwnerUser: new("ann")})
		require.NoError(t, err)
		require.NoError(t, l.all().Delete(t.Context(), c.ID, schema.AnyVersion))
		back, err := l.all().Restore(t.Context(), c.ID)
		require.NoError(t, err)
		require.Equal(t, s.Source, source(), "a write without personal data has no say")
		require.Equal(t, s.Source, back.Source)

		_, err = l.all().AddPoint(t.Context(), c.ID, 0, customer.PointDraft{Channel: "email", Value: "ada@example.com"})
		require.NoError(t, err)
		require.Zero(t, source(), "points are personal data, and nobody said where they came from")
	})
}
