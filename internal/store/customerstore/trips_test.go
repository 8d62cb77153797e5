package customerstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// Every operation keeps to its round trips. Each runs twice before it is counted, so that its statements are prepared.
func TestRoundTrips(t *testing.T) {
	t.Parallel()

	b, trips := dbtest.TripsBackend(t)
	l := newLab(t, b)
	ctx, n := t.Context(), 0
	person := func() customer.PersonDraft {
		n++
		return customer.PersonDraft{Given: "Ada", Family: fmt.Sprint("N", n), Ext: []ident.Ext{{System: "u", ID: fmt.Sprint(n)}},
			Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: fmt.Sprintf("n%d@example.org", n)}, {Channel: personal.ByPhone, Value: "+49 30 123456"}}}
	}
	for range 60 {
		_, err := l.all().Create(ctx, person())
		require.NoError(t, err)
	}
	ada, err := l.all().Create(ctx, person())
	require.NoError(t, err)
	acme, err := l.all().Create(ctx, customer.OrganizationDraft{Name: "ACME"})
	require.NoError(t, err)
	log := activity.InteractionDraft{Channel: personal.ByPhone, Direction: activity.Inbound, Subject: "Asks", Body: "for a quote",
		Participants: []activity.Participant{{Customer: ada.ID}, {Customer: acme.ID}}}
	once := func() customer.Customers {
		s := scope(admin)
		s.Once = fmt.Sprint("key-", n)
		return l.svc.Customers(&s)
	}
	fresh := func() customer.Customer {
		c, err := l.all().Create(ctx, person())
		require.NoError(t, err)
		return c
	}
	stage := 0
	for _, op := range []struct {
		name string
		want int
		run  func() error
	}{
		{"get", 1, func() error { _, err := l.all().Get(ctx, ada.ID); return err }},
		{"list", 1, func() error {
			p, err := l.all().Page(ctx, customer.Filter{Query: page.Query{Sort: "name"}})
			require.Len(t, p.Items, 50)
			require.Len(t, p.Items[49].Points, 2)
			return err
		}},
		{"search", 2, func() error {
			p, err := l.all().Page(ctx, customer.Filter{Query: page.Query{Search: "ada n7", Sort: "name"}})
			require.NotEmpty(t, p.Items)
			return err
		}},
		{"get by external id", 2, func() error { _, err := l.all().ByExt(ctx, ada.Ext[0]); return err }},
		{"create", 2, func() error { _, err := l.all().Create(ctx, person()); return err }},
		{"create once", 3, func() error { _, err := once().Create(ctx, person()); return err }},
		{"upsert", 3, func() error {
			_, err := l.all().Upsert(ctx, ada.Ext[0], customer.PersonDraft{Family: fmt.Sprint(n)})
			return err
		}},
		{"update", 3, func() error {
			n++
			_, err := l.all().Update(ctx, ada.ID, 0, customer.Update{Given: new(fmt.Sprint("Ada ", n))})
			return err
		}},
		{"tax id", 3, func() error {
			n++
			_, err := l.all().Update(ctx, ada.ID, 0, customer.Update{TaxID: new(fmt.Sprint(n))})
			return err
		}},
		{"add point", 3, func() error {
			n++
			_, err := l.all().AddPoint(ctx, ada.ID, 0, customer.PointDraft{Channel: personal.ByEmail, Value: fmt.Sprintf("x%d@example.org", n)})
			return err
		}},
		{"move", 3, func() error {
			stage++
			_, err := l.all().MoveLifecycle(ctx, ada.ID, customer.DefaultLifecycle()[stage%5], "a reason")
			return err
		}},
		{"lifecycle history", 2, func() error { _, err := l.all().LifecycleHistory(ctx, ada.ID); return err }},
		{"reveal", 2, func() error { _, err := l.lawful(admin).Reveal(ctx, ada.ID); return err }},
		{"log", 3, func() error { _, err := l.talks().Log(ctx, log); return err }},
		{"timeline", 1, func() error {
			p, err := l.talks().Timeline(ctx, ada.ID, page.Query{Limit: 3})
			require.Len(t, p.Items, 3)
			return err
		}},
		{"interactions of one customer", 2, func() error {
			p, err := l.talks().Page(ctx, activity.InteractionFilter{Customer: ada.ID, Query: page.Query{Sort: "-at", Limit: 2}})
			require.Len(t, p.Items, 2)
			return err
		}},
		{"relations", 2, func() error { _, err := l.all().Relations(ctx, ada.ID, customer.RelationFilter{}); return err }},
	} {
		require.NoError(t, op.run(), op.name)
		require.NoError(t, op.run(), op.name)
		trips.Reset()
		require.NoError(t, op.run(), op.name)
		got := trips.Count()
		t.Logf("%-30s %d", op.name, got)
		require.LessOrEqual(t, got, op.want, op.name)
	}

	count := func(name string, want int, run func() error) {
		trips.Reset()
		require.NoError(t, run(), name)
		t.Logf("%-30s %d", name, trips.Count())
		require.LessOrEqual(t, trips.Count(), want, name)
	}
	for round := range 3 {
		if round < 2 { // not yet counted
			trips.Reset()
		}
		a, p := fresh(), fresh()
		want := 3
		if round < 2 {
			want = 100
		}
		var rel customer.Relationship
		count("relate", want, func() (err error) {
			rel, err = l.all().Relate(ctx, customer.RelationshipDraft{Type: customer.Parent, From: a.ID, To: p.ID, Until: date.MustParse("2030-01-01")})
			return err
		})
		count("end relation", want, func() error { _, err := l.all().EndRelation(ctx, rel.ID, 0, date.MustParse("2029-01-01")); return err })
		count("prolong relation", want+1, func() error { _, err := l.all().EndRelation(ctx, rel.ID, 0, date.MustParse("2029-06-01")); return err })
		count("remove point", want, func() error { _, err := l.all().RemovePoint(ctx, a.ID, 0, a.Points[0].ID); return err })
		count("delete", want, func() error { return l.all().Delete(ctx, a.ID, 0) })
		count("restore", want, func() error { _, err := l.all().Restore(ctx, a.ID); return err })
	}
}
