package faults_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/privacy"
)

// play is one run of the scenario, in a tenant of its own.
type play struct {
	*house
	t      *testing.T
	tenant string
	s      *crm.Session
	ids    map[string]ident.ID // the records' ids by the names the scenario gives them
	sent   map[string]int      // messages handed to the transport, by key
	step   string              // the idempotency key of the present step
}

// step is one operation of the scenario. Repeated until it succeeds, it must leave its effects once.
type step struct {
	name string
	run  func(ctx context.Context, p *play) error
	// sends is set where the outcome may be that nobody knows whether the message left.
	sends bool
}

func newPlay(t *testing.T, h *house, tenant string) *play {
	t.Helper()
	return &play{house: h, t: t, tenant: tenant, s: h.admin(tenant), ids: map[string]ident.ID{}, sent: map[string]int{}}
}

// id returns the id of a record by the name the scenario gives it.
func (p *play) id(name string) ident.ID {
	id, ok := p.ids[name]
	if !ok {
		id = ident.New()
		p.ids[name] = id
	}
	return id
}

// names turns the ids around.
func (p *play) names() map[string]string {
	out := map[string]string{}
	for name, id := range p.ids {
		out[id.String()] = name
	}
	return out
}

// once is the session under the present step's idempotency key.
func (p *play) once() *crm.Session { return p.s.Once(p.step) }

func steps(groups ...[]step) (out []step) {
	for _, g := range groups {
		out = append(out, g...)
	}
	return out
}

// scenario touches every statement of the product.
func scenario() []step {
	return steps(schemaSteps(), customerSteps(), relationSteps(), objectSteps(), pipelineSteps(), leadSteps(), opportunitySteps(), caseSteps(),
		consentSteps(), sendSteps(), claimSteps(), kindSteps(), pluginSteps(), transactionSteps(), queueSteps(), lastSteps())
}

// second drops the first result.
func second[T any](_ T, err error) error { return err }

func ptr[T any](v T) *T { return &v }

func drained[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// fragile refuses the events of leads of one origin as long as it is told to.
type fragile struct{ broken map[string]bool }

func (f *fragile) subscriber() crm.Subscriber {
	return crm.Subscriber{
		Name: "fragile", Purpose: privacy.Operations, Kinds: []event.Kind{"lead.deleted"},
		Handle: func(_ context.Context, _ *crm.Session, e event.Event) error {
			if f.broken[e.Tenant] {
				return errors.New("not now")
			}
			return nil
		},
	}
}

// greeter writes through its session, so that its effects and the end of the delivery commit together.
func greeter() crm.Subscriber {
	return crm.Subscriber{
		Name: "greeter", Purpose: privacy.Service, Kinds: []event.Kind{"customer.created"},
		Handle: func(ctx context.Context, s *crm.Session, e event.Event) error {
			_, err := s.Interactions.Log(ctx, greeting(e.Record.ID))
			return err
		},
	}
}

func schemaSteps() []step {
	return []step{
		{name: "define a field", run: func(ctx context.Context, p *play) error {
			return second(p.once().Schema.Define(ctx, schema.Definition{
				Entity: "customer", Key: "tier", Type: rule.TypeText, Class: personal.None, Sortable: true,
			}))
		}},
		{name: "define another", run: func(ctx context.Context, p *play) error {
			return second(p.once().Schema.Define(ctx, schema.Definition{
				Entity: "customer", Key: "badge", Type: rule.TypeText, Class: personal.None, Sortable: true,
			}))
		}},
		{name: "retire it", run: func(ctx context.Context, p *play) error { return p.once().Schema.Retire(ctx, "customer", "badge") }},
		{name: "set the currency", run: func(ctx context.Context, p *play) error {
			return second(p.once().Settings.Update(ctx, 0, tenant.Update{Currency: ptr("EUR")}))
		}},
		{name: "set the language", run: func(ctx context.Context, p *play) error {
			return second(p.once().Settings.Update(ctx, 1, tenant.Update{Language: ptr("de")}))
		}},
		{name: "look at the fields", run: func(ctx context.Context, p *play) error {
			fields, err := p.s.Schema.Fields(ctx, "customer")
			if err == nil {
				require.NotEmpty(p.t, fields)
			}
			return errors.Join(err, second(p.s.Schema.Layout(ctx)))
		}},
	}
}

// errHost marks what the host's own statements return.
var errHost = errors.New("host")
