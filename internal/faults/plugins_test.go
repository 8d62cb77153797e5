package faults_test

import (
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/plugin"
)

// lasting is an extension that works on after the background was stopped, so that a test alone decides when it works.
type lasting struct{ *plugin.Plugin }

func (lasting) Stop(context.Context) error { return nil }

const stamped event.Kind = "flt.stamped"

// stamper is an extension that commits one stamp for each new customer and one for each call of its action.
func stamper() plugin.Extension {
	p := plugin.New(plugin.Info{ID: "com.example.faults", Namespace: "flt", Version: "0.1.0"})
	p.Purpose(plugin.Purpose{ID: personal.Sales, Basis: plugin.Agreement, Text: map[string]string{"en": "tests"}})
	p.Reads("customer", personal.Sales, "name", "lifecycle")
	p.LogsInteractions()
	p.Emits(stamped, "why")
	p.Action(plugin.Action{
		Name: "flt__stamp", Purpose: personal.Sales, Roles: []string{"sales"}, Input: []plugin.Param{{Name: "who", Type: rule.TypeID}},
	}, func(ctx context.Context, h plugin.Host, req plugin.Request) (plugin.Reply, error) {
		who := req.Input.ID("who")
		if _, err := h.Query(ctx, plugin.Query{Entity: "customer", IDs: []ident.ID{who}}); err != nil {
			return plugin.Reply{}, err
		}
		if _, _, err := h.Get(ctx, "last"); err != nil {
			return plugin.Reply{}, err
		}
		return plugin.Reply{}, stamp(ctx, h, req.ID, who, "action")
	})
	p.On(plugin.Subscription{Kind: customer.Created, Purpose: personal.Sales, Project: []string{"name"}},
		func(ctx context.Context, h plugin.Host, e plugin.Event) error {
			return stamp(ctx, h, e.ID, e.Record.ID, "event")
		})
	return lasting{p}
}

func stamp(ctx context.Context, h plugin.Host, id, who ident.ID, why string) error {
	return second(h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{id}, Writes: []plugin.Write{
		plugin.Put{Key: "last", Value: []byte(why)},
		plugin.Put{Key: "gone"},
		plugin.Emit{Kind: stamped, About: ident.Ref{Entity: "customer", ID: who}, Facts: map[string]string{"why": why}},
		plugin.LogInteraction{Customer: who, Channel: personal.ByEmail, Direction: "outbound", Subject: why},
	}}))
}

func pluginSteps() []step {
	return []step{
		{name: "run an action", run: func(ctx context.Context, p *play) error {
			return second(p.once().Plugins.Invoke(ctx, "flt__stamp", map[string]any{"who": p.id("acme")}))
		}},
		{name: "see what was disclosed", run: func(ctx context.Context, p *play) error {
			_, err := p.s.Plugins.Disclosed(ctx, ident.Ref{Entity: "customer", ID: p.id("acme")}, page.Query{})
			return errors.Join(err)
		}},
	}
}
