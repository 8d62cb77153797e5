package suite_test

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/crm"
)

func field(key string) schema.Definition {
	return schema.Definition{Entity: "customer", Key: key, Type: rule.TypeText, Class: personal.None}
}

var schemaVerbs = []verb{
	{name: "Schema.Define", is: tends, arrange: func(w *world) call {
		key := w.next()
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Schema.Define(ctx, field(key))) }
	}},
	{name: "Schema.Retire", is: tends, arrange: func(w *world) call {
		key := w.next()
		must[schema.Field](w)(w.s.Schema.Define(w.Context(), field(key)))
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return only(s.Schema.Retire(ctx, "customer", key))
		}
	}},
	{name: "Schema.Fields", is: reads, arrange: func(*world) call {
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Schema.Fields(ctx, "customer")) }
	}},
	{name: "Schema.Layout", is: reads, arrange: func(*world) call {
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Schema.Layout(ctx)) }
	}},
	{name: "Settings.Get", is: reads, arrange: func(*world) call {
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Settings.Get(ctx)) }
	}},
	{name: "Settings.Update", is: writes, arrange: func(w *world) call {
		zone := []string{"Europe/Berlin", "Asia/Shanghai"}[w.n.Add(1)%2]
		var now tenant.Settings
		for _, in := range []*world{w.in("umbrella"), w} { // so that the version says nothing of the tenant
			now = must[tenant.Settings](w)(in.s.Settings.Update(w.Context(), schema.AnyVersion, tenant.Update{Currency: new("EUR")}))
		}
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Settings.Update(ctx, now.Version, tenant.Update{Zone: &zone}))
		}
	}},
}

func (w *world) request() claim.Request {
	return claim.Request{Keys: []claim.Key{{Namespace: "seat", Key: w.next()}}, Holder: ident.Ref{Entity: "desk", ID: ident.New()}, For: time.Hour}
}

// held is a method that is called with a claim.
func held(name string, is nature, do func(ctx context.Context, s *crm.Session, c *claim.Claim) (any, error)) verb {
	return verb{name: name, is: is, arrange: func(w *world) call {
		c := must[claim.Claim](w)(w.s.Claims.Acquire(w.Context(), w.request()))
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, s, &c) }
	}}
}

var claimVerbs = []verb{
	{name: "Claims.Acquire", is: writes, arrange: func(w *world) call {
		r := w.request()
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Claims.Acquire(ctx, r)) }
	}},
	held("Claims.Extend", writes, func(ctx context.Context, s *crm.Session, c *claim.Claim) (any, error) {
		return on(s.Claims.Extend(ctx, c.ID, 2*time.Hour))
	}),
	held("Claims.Commit", writes, func(ctx context.Context, s *crm.Session, c *claim.Claim) (any, error) {
		return on(s.Claims.Commit(ctx, c.ID))
	}),
	held("Claims.Release", writes, func(ctx context.Context, s *crm.Session, c *claim.Claim) (any, error) {
		return on(s.Claims.Release(ctx, c.ID))
	}),
	held("Claims.Swap", writes, func(ctx context.Context, s *crm.Session, c *claim.Claim) (any, error) {
		return on(s.Claims.Swap(ctx, c.ID, []claim.Key{{Namespace: "seat", Key: "next to " + c.Keys[0].Key}}))
	}),
	held("Claims.Get", reads, func(ctx context.Context, s *crm.Session, c *claim.Claim) (any, error) {
		return on(s.Claims.Get(ctx, c.ID))
	}),
	held("Claims.Of", reads, func(ctx context.Context, s *crm.Session, c *claim.Claim) (any, error) {
		got, ok, err := s.Claims.Of(ctx, c.Keys[0])
		if err == nil && !ok {
			return nil, err
		}
		return on(got, err)
	}),
}

var outboxVerbs = []verb{
	{name: "Outbox.Backlog", is: reads, arrange: func(*world) call {
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Outbox.Backlog(ctx)) }
	}},
	{name: "Outbox.Dead", is: reads, arrange: func(*world) call {
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Outbox.Dead(ctx, ident.ID{})) }
	}},
}
