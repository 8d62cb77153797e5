package customerstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer"
)

// A restored customer is what it was: found by every way, with everything that hung on it.
func TestRestore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		l.define(t)
		ada, err := l.all().Create(ctx, customer.PersonDraft{
			Given: "Ada", TaxID: taxNumber, Ext: []ident.Ext{{System: "u", ID: "1"}, {System: "erp", ID: "K"}}, Custom: []schema.Set{size.Set(7)},
			Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: "ada@example.org", Verified: true}, {Channel: personal.ByEmail, Value: "old@example.org"}},
		})
		require.NoError(t, err)
		lost := l.person(t, "Augusta", "", "king@example.org", ident.Ext{System: "u", ID: "2"})
		l.merge(t, lost.ID, ada.ID)
		before, err := l.all().RemovePoint(ctx, ada.ID, 0, ada.Points[1].ID) // it had ended before
		require.NoError(t, err)
		_, err = l.all().Restore(ctx, ada.ID)
		require.ErrorIs(t, err, fault.ErrNotFound, "it is not deleted")
		l.Advance(time.Second)
		require.NoError(t, l.all().Delete(ctx, ada.ID, 0))
		_, err = l.as(ident.User("acme", "joe", "service")).Restore(ctx, ada.ID)
		require.ErrorIs(t, err, fault.ErrDenied)

		other, err := l.all().Create(ctx, customer.PersonDraft{Given: "Eve", Ext: []ident.Ext{{System: "u", ID: "1"}}})
		require.NoError(t, err)
		_, err = l.all().Restore(ctx, ada.ID)
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"}, "the external id is another one's by now")
		_, err = l.all().Update(ctx, other.ID, 0, customer.Update{RemoveExt: other.Ext})
		require.NoError(t, err)
		taken, err := l.all().AddPoint(ctx, other.ID, 0, customer.PointDraft{Channel: personal.ByEmail, Value: "ADA@example.org", Verified: true})
		require.NoError(t, err)
		_, err = l.all().Restore(ctx, ada.ID)
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"}, "the verified address is another one's by now")
		_, err = l.all().RemovePoint(ctx, other.ID, 0, taken.Points[0].ID)
		require.NoError(t, err)

		back, err := l.all().Restore(ctx, ada.ID)
		require.NoError(t, err)
		got, err := l.all().Get(ctx, lost.ID)
		require.NoError(t, err)
		for _, c := range []customer.Customer{back, got} {
			require.Equal(t, ada.ID, c.ID)
			require.Equal(t, before.Version+2, c.Version)
			require.Equal(t, before.Ext, c.Ext)
			require.Equal(t, values(before), values(c))
			require.Equal(t, before.Name.Reveal(), c.Name.Reveal())
		}
		require.Equal(t, taxNumber, l.taxID(t, ada.ID))
		for name, find := range map[string]func() ([]customer.Customer, error){
			"point":  func() ([]customer.Customer, error) { return l.all().ByPoint(ctx, personal.ByEmail, "king@example.org") },
			"search": func() ([]customer.Customer, error) { return l.all().Search(ctx, "ada", 0) },
			"sorted": func() ([]customer.Customer, error) {
				p, err := l.all().Page(ctx, customer.Filter{Query: page.Query{Sort: "custom.size", Limit: 1}})
				return p.Items, err
			},
		} {
			found, err := find()
			require.NoError(t, err, name)
			require.Equal(t, []ident.ID{ada.ID}, ids(found), name)
		}
		_, err = l.all().Restore(ctx, ada.ID)
		require.ErrorIs(t, err, fault.ErrNotFound, "it is not deleted any more")
	})
}
