package crm

import (
	"context"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/outbox"
	"github.com/rapport-crm/rapport/service"
)

// consumers lists who gets work from the queue: timers, subscribers, extensions.
func (c *CRM) consumers() []outbox.Consumer {
	var list []outbox.Consumer
	if c.cfg.has(ModuleService) {
		list = append(list, outbox.Consumer{Name: outbox.TimerPrefix + string(service.TimerSLA), Timer: c.fireSLA})
	}
	for _, s := range c.cfg.Subscribers {
		list = append(list, outbox.Consumer{
			Name: "subscriber:" + s.Name, Kinds: s.Kinds,
			Handle: func(ctx context.Context, u work.Unit, e event.Event) error {
				return s.Handle(ctx, c.session(background(u, e.Tenant, "subscriber:"+s.Name, s.Purpose)), e)
			},
		})
	}
	for _, p := range c.boundary.Consumers() {
		list = append(list, outbox.Consumer{Name: p.Name, Kinds: p.Kinds, Batch: p.Handle})
	}
	return list
}

func (c *CRM) fireSLA(ctx context.Context, u work.Unit, tenant string, d outbox.Due) error {
	return c.cases.Fire(ctx, background(u, tenant, "timer:sla", personal.Service),
		work.Timer{Key: d.Key, Kind: d.Kind, Record: d.Record, Due: d.At})
}

// background is the scope of work that the CRM does on its own account, under a name of its own in the audit.
func background(u work.Unit, tenant, name string, why personal.Purpose) work.Scope {
	return work.Scope{Principal: ident.System(tenant, name), Purpose: why, Unit: u}
}
