package customerstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
)

// A merged customer resolves to its survivor in every read, and what belonged to it is read with the survivor's.
func TestMergedCustomers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		win := l.person(t, "Ada", "Lovelace", "ada@example.org", ident.Ext{System: "u", ID: "1"})
		lose := l.person(t, "Augusta", "King", "king@example.org", ident.Ext{System: "u", ID: "2"})
		acme, err := l.all().Create(ctx, customer.OrganizationDraft{Name: "ACME"})
		require.NoError(t, err)
		_, err = l.all().Relate(ctx, customer.RelationshipDraft{Type: customer.Employment, From: lose.ID, To: acme.ID})
		require.NoError(t, err)
		for _, c := range []customer.Customer{win, lose} {
			l.Advance(time.Minute)
			_, err = l.talks().Log(ctx, activity.InteractionDraft{Channel: personal.ByPhone, Direction: activity.Inbound, Subject: "Call of " + c.Given.Reveal(),
				Participants: []activity.Participant{{Customer: c.ID}}})
			require.NoError(t, err)
			_, err = l.all().MoveLifecycle(ctx, c.ID, customer.StageNew, "first order")
			require.NoError(t, err)
		}
		both, err := l.talks().Log(ctx, activity.InteractionDraft{Channel: personal.InPerson, Direction: activity.Outbound,
			Participants: []activity.Participant{{Customer: win.ID}, {Customer: lose.ID}}})
		require.NoError(t, err)
		l.merge(t, lose.ID, win.ID)

		check := func(name string, c customer.Customer, err error) {
			require.NoError(t, err, name)
			require.Equal(t, win.ID, c.ID, name)
			require.Equal(t, []string{"ada@example.org", "king@example.org"}, values(c), name)
			require.Equal(t, []ident.Ext{{System: "u", ID: "1"}, {System: "u", ID: "2"}}, c.Ext, name)
		}
		c, err := l.all().Get(ctx, lose.ID)
		check("get", c, err)
		c, err = l.all().ByExt(ctx, ident.Ext{System: "u", ID: "2"})
		check("ext", c, err)
		for name, find := range map[string]func() ([]customer.Customer, error){
			"point":       func() ([]customer.Customer, error) { return l.all().ByPoint(ctx, personal.ByEmail, "king@example.org") },
			"search":      func() ([]customer.Customer, error) { return l.all().Search(ctx, "ada", 0) },
			"search lost": func() ([]customer.Customer, error) { return l.all().Search(ctx, "augusta", 0) },
			"e-mail":      func() ([]customer.Customer, error) { return l.all().Search(ctx, "king@example.org", 0) },
			"list": func() ([]customer.Customer, error) {
				p, err := l.all().Page(ctx, customer.Filter{Kinds: []customer.Kind{customer.Person}, Query: page.Query{Sort: "name"}})
				return p.Items, err
			},
		} {
			found, err := find()
			require.NoError(t, err, name)
			require.Len(t, found, 1, name)
			check(name, found[0], nil)
		}
		n, err := l.all().Count(ctx, customer.Filter{Kinds: []customer.Kind{customer.Person}})
		require.NoError(t, err)
		require.Equal(t, 1, n)

		var kinds []event.Kind
		var subjects []string
		cursor := ""
		for {
			p, err := l.talks().Timeline(ctx, lose.ID, page.Query{Limit: 2, Cursor: cursor})
			require.NoError(t, err)
			for _, e := range p.Items {
				if kinds = append(kinds, e.Kind); e.Interaction != nil {
					subjects = append(subjects, e.Interaction.Subject.Reveal())
				}
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		require.Len(t, kinds, 6, "%v", kinds)
		require.ElementsMatch(t, []string{"", "Call of Augusta", "Call of Ada"}, subjects)

		talks, err := l.talks().Page(ctx, activity.InteractionFilter{Customer: lose.ID, Query: page.Query{Sort: "-at"}})
		require.NoError(t, err)
		require.Len(t, talks.Items, 3)
		require.Equal(t, both.ID, talks.Items[0].ID)
		rels, err := l.all().Relations(ctx, win.ID, customer.RelationFilter{})
		require.NoError(t, err)
		require.Len(t, rels.Items, 1)
		require.True(t, rels.Items[0].Outgoing)
		moves, err := l.all().LifecycleHistory(ctx, win.ID)
		require.NoError(t, err)
		require.Len(t, moves, 2)
		require.Equal(t, "first order", moves[1].Reason.Reveal())
		set, err := l.svc.Resolve(ctx, scope(admin), lose.ID, work.Read)
		require.NoError(t, err)
		require.Equal(t, []ident.ID{win.ID, lose.ID}, set)
		to, err := l.svc.Address(ctx, scope(admin), set[0], personal.ByEmail)(ctx)
		require.NoError(t, err)
		require.Equal(t, "ada@example.org", to.Reveal())

		// Writes through the old id reach the survivor, points of the merged one included.
		c, err = l.all().Update(ctx, lose.ID, 0, customer.Update{Country: new("GB")})
		check("update", c, err)
		old := c.Points[1]
		c, err = l.all().UpdatePoint(ctx, lose.ID, 0, old.ID, customer.PointUpdate{Invalid: new(true)})
		check("update point", c, err)
		c, err = l.all().Upsert(ctx, ident.Ext{System: "u", ID: "2"}, customer.PersonDraft{Language: "en"})
		check("upsert", c, err)
		require.True(t, c.Points[1].Invalid)
		c, err = l.all().RemovePoint(ctx, lose.ID, 0, old.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"ada@example.org"}, values(c))
		require.NoError(t, l.all().Delete(ctx, lose.ID, 0))
		for _, id := range []ident.ID{win.ID, lose.ID} {
			_, err = l.all().Get(ctx, id)
			require.ErrorIs(t, err, fault.ErrNotFound)
		}
		_, err = l.all().Create(ctx, customer.PersonDraft{Given: "New", Ext: []ident.Ext{{System: "u", ID: "1"}, {System: "u", ID: "2"}}})
		require.NoError(t, err)
	})
}

func TestResolveForAnAction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ada := l.person(t, "Ada", "", "")
		clerk := scope(ident.User("acme", "joe", "service"))
		_, err := l.svc.Resolve(t.Context(), clerk, ada.ID, work.Read)
		require.NoError(t, err)
		_, err = l.svc.Resolve(t.Context(), clerk, ada.ID, work.Delete)
		require.ErrorIs(t, err, fault.ErrDenied)
		_, err = l.svc.Resolve(t.Context(), clerk, ident.New(), work.Read)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = l.svc.Resolve(t.Context(), work.Scope{}, ada.ID, work.Read)
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}
