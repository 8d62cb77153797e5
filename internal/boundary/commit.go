package boundary

import (
	"context"
	"fmt"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/plugin"
)

// Commit implements plugin.Host.
func (h *host) Commit(ctx context.Context, c plugin.Commit) (plugin.Committed, error) {
	const op = "plugin: commit"
	ctx, cancel, g, err := h.enter(ctx)
	if err != nil {
		return plugin.Committed{}, fault.At(op, err)
	}
	defer cancel()
	if err := h.m.manifest.AllowCommit(c, g.subject); err != nil {
		return plugin.Committed{}, fault.At(op, err)
	}
	var out plugin.Committed
	err = h.b.cfg.Engine.Units.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
		out = plugin.Committed{} // this may run more than once
		if len(c.Consumed) > 0 {
			fresh, err := h.b.cfg.Store.Consume(ctx, u, g.tenant, h.m.manifest.ID, g.subject, h.b.cfg.Engine.Now())
			if err != nil || !fresh {
				out.Again = err == nil
				return err
			}
		}
		out.IDs = make([]ident.ID, len(c.Writes))
		for i, w := range c.Writes {
			if out.IDs[i], err = h.write(ctx, u, g, w); err != nil {
				return within(fmt.Sprintf("writes[%d]", i), err)
			}
		}
		return nil
	})
	if err != nil {
		return plugin.Committed{}, fault.At(op, err)
	}
	return out, nil
}

// within puts the place of a write in front of the field of an Invalid fault.
func within(at string, err error) error {
	if fault.CodeOf(err) != fault.Invalid {
		return err
	}
	var v fault.Violations
	v.AddAll(at, err)
	return v.Err()
}

func (h *host) write(ctx context.Context, u work.Unit, g *grant, w plugin.Write) (ident.ID, error) {
	switch w := w.(type) {
	case plugin.LogInteraction:
		s := g.reader()
		s.Unit = u
		return h.b.cfg.LogInteraction(ctx, s, w)
	case plugin.Emit:
		return h.emit(ctx, u, g, w)
	case plugin.Put:
		return ident.ID{}, h.b.cfg.Store.Put(ctx, u, g.tenant, h.m.manifest.ID, w.Key, w.Value, h.b.cfg.Engine.Now())
	case plugin.CommitClaim:
		return ident.ID{}, h.commitClaim(ctx, u, g, w.ID)
	case plugin.ReleaseClaim:
		s := g.scope()
		s.Unit = u
		cs := h.b.cfg.Claims(s)
		if err := h.own(ctx, cs, w.ID); err != nil {
			return ident.ID{}, err
		}
		_, err := cs.Release(ctx, w.ID)
		return ident.ID{}, err
	}
	return ident.ID{}, fault.New(fault.Internal, "boundary: no such write: %T", w)
}

// emit puts an event of the plugin's own into the outbox, with an audit row like any write.
func (h *host) emit(ctx context.Context, u work.Unit, g *grant, w plugin.Emit) (ident.ID, error) {
	e := event.Event{
		ID: h.b.cfg.Engine.NewID(), Tenant: g.tenant, Kind: w.Kind, At: h.b.cfg.Engine.Now(), Purpose: g.purpose,
		Actor: ident.Plugin(g.tenant, h.m.manifest.ID), Refs: w.AllRefs(), Facts: w.Facts,
	}
	e.Record = h.m.manifest.Stream(e.ID, w)
	var err error
	if e.Version, err = h.b.cfg.Store.Next(ctx, u, g.tenant, h.m.manifest.ID, e.Record.ID); err != nil {
		return ident.ID{}, err
	}
	s := g.scope()
	s.Unit = u
	return e.ID, h.b.cfg.Engine.Recorder.Record(ctx, u, work.Record{
		Op: "plugin: emit", Scope: s, Action: work.Create, Record: e.Record, Version: e.Version, At: e.At, Events: []event.Event{e},
	})
}

// commitClaim makes a held claim permanent, and fails for one that is committed. Extend locks the claim and tells
// the difference; it never shortens a hold.
func (h *host) commitClaim(ctx context.Context, u work.Unit, g *grant, id ident.ID) error {
	s := g.scope()
	s.Unit = u
	cs := h.b.cfg.Claims(s)
	if err := h.own(ctx, cs, id); err != nil {
		return err
	}
	if _, err := cs.Extend(ctx, id, time.Millisecond); err != nil {
		return err
	}
	_, err := cs.Commit(ctx, id)
	return err
}
