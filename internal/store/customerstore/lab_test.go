package customerstore_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/customer/phone"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store/customerstore"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// lab is one test's customers on one database.
type lab struct {
	*dbtest.Lab
	svc *customer.Module
	act *activity.Module
}

// each runs a test of behaviour on every database.
func each(t *testing.T, fn func(t *testing.T, l *lab)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) { fn(t, newLab(t, b)) })
}

func newLab(t testing.TB, b dbtest.Backend) *lab {
	t.Helper()
	l := &lab{Lab: dbtest.NewLab(t, b, dbtest.Entities(customer.Kinds(), activity.Kinds())...)}
	rows := customerstore.New(b.DB, l.Keys)
	l.svc = customer.New(customer.Config{Engine: l.Engine, Store: rows, Phones: phone.Normalizer{}})
	l.act = activity.New(activity.Config{Engine: l.Engine, Store: rows, Customers: l.svc})
	l.Engine.Subjects, l.Engine.Referees = l.svc, map[string]work.Referee{customer.EntityCustomer: l.svc}
	return l
}

func scope(p ident.Principal) work.Scope { return work.Scope{Principal: p, Purpose: personal.Sales} }

var admin = ident.User("acme", "root", "admin")

// as returns the customers as a principal sees them.
func (l *lab) as(p ident.Principal) customer.Customers { return l.svc.Customers(new(scope(p))) }

// all returns them as an administrator.
func (l *lab) all() customer.Customers { return l.as(admin) }

// talking returns the interactions as a principal sees them.
func (l *lab) talking(p ident.Principal) activity.Interactions {
	return l.act.Interactions(new(scope(p)))
}

func (l *lab) talks() activity.Interactions { return l.talking(admin) }

// person creates one with an e-mail address.
func (l *lab) person(t testing.TB, given, family, email string, ext ...ident.Ext) customer.Customer {
	t.Helper()
	d := customer.PersonDraft{Given: given, Family: family, Ext: ext}
	if email != "" {
		d.Points = []customer.PointDraft{{Channel: personal.ByEmail, Value: email}}
	}
	c, err := l.all().Create(t.Context(), d)
	require.NoError(t, err)
	return c
}

// exec runs a test's own SQL, with id arguments in the dialect's form.
func (l *lab) exec(t testing.TB, postgres, sqlite string, args ...any) {
	t.Helper()
	text := postgres
	if l.Name == "sqlite" {
		text = sqlite
	}
	for i, a := range args {
		if id, ok := a.(ident.ID); ok {
			args[i] = l.Dialect.Arg(id)
		}
	}
	_, err := l.Write.ExecContext(t.Context(), text, args...)
	require.NoError(t, err)
}

// merge makes loser a part of survivor, as merging will.
func (l *lab) merge(t testing.TB, loser, survivor ident.ID) {
	t.Helper()
	l.exec(t, "UPDATE crm_customer SET canonical_id = $1 WHERE tenant_id = 'acme' AND id = $2",
		"UPDATE crm_customer SET canonical_id = ? WHERE tenant_id = 'acme' AND id = ?", survivor, loser)
}

func ids(list []customer.Customer) []ident.ID {
	out := make([]ident.ID, len(list))
	for i, c := range list {
		out[i] = c.ID
	}
	return out
}

// values reveals the points of a customer.
func values(c customer.Customer) []string {
	var out []string
	for _, p := range c.Points {
		out = append(out, p.Value.Reveal())
	}
	return out
}
