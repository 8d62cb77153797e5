package pipelinestore_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store/pipelinestore"
	"github.com/rapport-crm/rapport/pipeline"
)

const tenant = "acme"

// lab is one database with the service on it, and customers who exist by decree.
type lab struct {
	*dbtest.Lab
	svc   *pipeline.Module
	known *directory
	acme  ident.ID // a customer
	scope work.Scope
	pipeline.Opportunities
	leads     pipeline.Leads
	pipelines pipeline.Pipelines
}

func newLab(t testing.TB, b dbtest.Backend) *lab {
	t.Helper()
	l := &lab{Lab: dbtest.NewLab(t, b, dbtest.Entities(pipeline.Kinds())...), known: &directory{sets: map[ident.ID][]ident.ID{}}, acme: ident.New()}
	l.known.add(l.acme)
	l.Engine.Subjects, l.Engine.Referees = l.known, map[string]work.Referee{"customer": l.known}
	l.svc = pipeline.New(pipeline.Config{Engine: l.Engine, Store: pipelinestore.New(b.DB)})
	l.scope = work.Scope{Principal: ident.User(tenant, "u-1", "admin").InTeams("emea"), Purpose: personal.Sales}
	l.Opportunities, l.leads, l.pipelines = l.as(l.scope)
	return l
}

func (l *lab) as(s work.Scope) (pipeline.Opportunities, pipeline.Leads, pipeline.Pipelines) {
	return l.svc.Opportunities(&s), l.svc.Leads(&s), l.svc.Pipelines(&s)
}

// each runs a test on every database.
func each(t *testing.T, fn func(t *testing.T, l *lab)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) { fn(t, newLab(t, b)) })
}

// directory stands in for the customers' service.
type directory struct {
	mu   sync.Mutex
	sets map[ident.ID][]ident.ID
}

func (d *directory) add(ids ...ident.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		d.sets[id] = ids
	}
}

// Resolve implements [work.Subjects].
func (d *directory) Resolve(_ context.Context, _ work.Scope, id ident.ID, _ work.Action) ([]ident.ID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ids, ok := d.sets[id]; ok {
		return ids, nil
	}
	return nil, fault.New(fault.NotFound, "no such customer")
}

// Refer implements [work.Referee].
func (d *directory) Refer(_ context.Context, c *work.Call, id ident.ID) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := d.Resolve(ctx, c.Scope, id, work.Read)
		return err
	}
}

func eur(s string) money.Amount { return money.MustParse(s + " EUR") }

// gate returns the fault of a refused gate.
func gate(t *testing.T, err error) *fault.Error {
	t.Helper()
	require.ErrorIs(t, err, fault.ErrGate)
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	return f
}

// same compares two opportunities by value; texts are compared by what they hold.
func (l *lab) same(t *testing.T, want, got pipeline.Opportunity) {
	t.Helper()
	ent, err := l.Engine.Schemas.Entity(t.Context(), nil, tenant, pipeline.EntityOpportunity)
	require.NoError(t, err)
	require.Empty(t, ent.Diff(&want, &got))
	require.Equal(t, want.Meta, got.Meta)
	require.Equal(t, want.Ext, got.Ext)
}

var backends = map[string]func(testing.TB) dbtest.Backend{"sqlite": dbtest.SQLite, "postgres": dbtest.PostgresBackend}
