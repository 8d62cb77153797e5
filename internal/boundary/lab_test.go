package boundary_test

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/boundary"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/outbox"
	"github.com/rapport-crm/rapport/internal/store/corestore"
	"github.com/rapport-crm/rapport/internal/store/customerstore"
	"github.com/rapport-crm/rapport/internal/store/pluginstore"
	"github.com/rapport-crm/rapport/plugin"
)

const tenant = "acme"

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// lab is one database with customers, claims, the queue, and one extension behind the boundary.
type lab struct {
	*dbtest.Lab
	boundary  *boundary.Boundary
	customers *customer.Module
	talks     *activity.Module
	relay     *outbox.Relay
	sales     work.Scope
	heard     []event.Event // what a subscriber of the host's got
}

func each(t *testing.T, ext func() plugin.Extension, fn func(t *testing.T, l *lab)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) { fn(t, newLab(t, b, ext())) })
}

func newLab(t *testing.T, b dbtest.Backend, ext plugin.Extension) *lab {
	t.Helper()
	l := &lab{Lab: dbtest.NewLab(t, b, dbtest.Entities(customer.Kinds(), activity.Kinds(), claim.Kinds())...)}
	l.Engine.Policy = boundary.Policy(l.Engine.Policy, []plugin.Extension{ext})
	l.Engine.Recorder = boundary.Recorder(l.Engine.Recorder)
	l.sales = work.Scope{Principal: ident.User(tenant, "u-1", "sales"), Purpose: personal.Sales}
	people := customerstore.New(l.DB, l.Keys)
	l.customers = customer.New(customer.Config{Engine: l.Engine, Store: people})
	l.talks = activity.New(activity.Config{Engine: l.Engine, Store: people, Customers: l.customers})
	l.Engine.Subjects, l.Engine.Referees = l.customers, map[string]work.Referee{customer.EntityCustomer: l.customers}
	claims := claim.New(l.Engine, corestore.New(corestore.Config{DB: l.DB, Derive: l.Keys.Derive}).Claims())
	var err error
	l.boundary, err = boundary.New(boundary.Config{
		Extensions: []plugin.Extension{ext}, Engine: l.Engine, Store: pluginstore.New(l.DB), Claims: func(s work.Scope) claim.Claims { return claims.In(&s) }, Derive: l.Keys.Derive,
		Logger:  slog.New(slog.DiscardHandler),
		Sources: map[string]work.Source{customer.EntityCustomer: l.customers.Sources()[0]},
		LogInteraction: func(ctx context.Context, s work.Scope, w plugin.LogInteraction) (ident.ID, error) {
			rec, err := l.talks.Interactions(&s).Log(ctx, activity.InteractionDraft{
				Channel: w.Channel, Direction: activity.Direction(w.Direction), At: w.At, Subject: w.Subject, Body: w.Body,
				Participants: []activity.Participant{{Customer: w.Customer}},
			})
			return rec.ID, err
		},
	})
	require.NoError(t, err)
	require.NoError(t, l.boundary.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, l.boundary.Stop(context.Background())) })
	l.relay = outbox.New(outbox.Config{
		DB: l.DB, Now: l.Now, NewID: ident.New, Logger: slog.New(slog.DiscardHandler), Consumers: l.consumers(),
	})
	return l
}

func (l *lab) consumers() []outbox.Consumer {
	list := []outbox.Consumer{{Name: "host", Handle: func(_ context.Context, _ work.Unit, e event.Event) error {
		l.heard = append(l.heard, e)
		return nil
	}}}
	for _, c := range l.boundary.Consumers() {
		list = append(list, outbox.Consumer{Name: c.Name, Kinds: c.Kinds, Batch: c.Handle})
	}
	return list
}

// create stores a person whom u-1 of sales owns.
func (l *lab) create(t *testing.T, given string) customer.Customer {
	t.Helper()
	rec, err := l.customers.Customers(&l.sales).Create(t.Context(), customer.PersonDraft{
		Given: given, Family: "Lovelace", Points: []customer.PointDraft{{Channel: personal.ByEmail, Value: given + "@example.org"}},
	})
	require.NoError(t, err)
	return rec
}

func (l *lab) invoke(t *testing.T, s work.Scope, action string, in map[string]any) (plugin.Values, error) {
	t.Helper()
	return l.boundary.In(&s).Invoke(t.Context(), action, in)
}

func (l *lab) interactions(t *testing.T) []activity.Interaction {
	t.Helper()
	p, err := l.talks.Interactions(new(system())).Page(t.Context(), activity.InteractionFilter{})
	require.NoError(t, err)
	return p.Items
}

func system() work.Scope {
	return work.Scope{Principal: ident.System(tenant, "test"), Purpose: personal.Operations}
}

func (l *lab) ledger(t *testing.T, id ident.ID) []plugin.Disclosure {
	t.Helper()
	s := system()
	p, err := l.boundary.In(&s).Disclosed(t.Context(), ident.Ref{Entity: customer.EntityCustomer, ID: id}, page.Query{})
	require.NoError(t, err)
	return p.Items
}

// probe is an extension whose one action runs a function of the test with the host, and which lists its events.
type probe struct {
	*plugin.Plugin
	run    func(ctx context.Context, h plugin.Host, req plugin.Request) error
	on     func(ctx context.Context, h plugin.Host, e plugin.Event) error
	events []plugin.Event
}

func newProbe() *probe {
	p := &probe{Plugin: plugin.New(plugin.Info{ID: "com.example.probe", Namespace: "probe", Version: "0.1.0"})}
	p.Purpose(plugin.Purpose{ID: personal.Sales, Basis: plugin.Agreement, Text: map[string]string{"en": "tests"}})
	p.Reads("customer", personal.Sales, "name", "lifecycle")
	p.LogsInteractions()
	p.Plugin.Claims("probe.seat")
	p.Emits("probe.said", "word")
	p.Action(plugin.Action{
		Name: "probe__run", Purpose: personal.Sales, Roles: []string{"sales", "viewer"},
		Input:  []plugin.Param{{Name: "n", Type: rule.TypeInt}},
		Output: []plugin.Param{{Name: "id", Type: rule.TypeID}},
	}, func(ctx context.Context, h plugin.Host, req plugin.Request) (plugin.Reply, error) {
		return plugin.Reply{}, p.run(ctx, h, req)
	})
	hear := func(ctx context.Context, h plugin.Host, e plugin.Event) error {
		p.events = append(p.events, e)
		if p.on == nil {
			return nil
		}
		return p.on(ctx, h, e)
	}
	p.On(plugin.Subscription{Kind: customer.Created, Purpose: personal.Sales, Project: []string{"name"}}, hear)
	p.On(plugin.Subscription{Kind: "probe.said", Purpose: personal.Sales}, hear)
	return p
}

// withProbe runs fn with the probe on every database.
func withProbe(t *testing.T, fn func(t *testing.T, l *lab, p *probe)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		p := newProbe()
		fn(t, newLab(t, b, p), p)
	})
}
