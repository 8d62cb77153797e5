package plugintest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/plugin"
)

// bound is the host behind one token.
type bound struct {
	h     *Host
	token string
}

var (
	_ plugin.Host   = (*bound)(nil)
	_ plugin.Claims = claims{}
)

// Query implements plugin.Host. Conditions and cursors are not evaluated in memory: a query with one is Invalid.
func (b *bound) Query(_ context.Context, q plugin.Query) (out page.Page[plugin.Record], err error) {
	h := b.h
	h.mu.Lock()
	defer h.mu.Unlock()
	g, err := h.allowed(b.token)
	if err != nil {
		return out, err
	}
	if q, err = h.m.AllowQuery(q, g.purpose); err != nil {
		return out, err
	}
	if q.Where.Expr != "" || q.Cursor != "" {
		return out, fault.Field("where", "the host in memory evaluates no conditions and has no cursors")
	}
	for _, ref := range h.order {
		rec, ok := h.records[ref]
		if !ok || ref.Entity != q.Entity || q.IDs != nil && !slices.Contains(q.IDs, ref.ID) || len(out.Items) == q.Limit {
			continue
		}
		if g.shown++; g.shown > plugin.MaxShown {
			return page.Page[plugin.Record]{}, spent("records", plugin.MaxShown)
		}
		out.Items = append(out.Items, h.disclose(rec, q.Fields, g.purpose, g.subject))
	}
	return out, nil
}

// disclose cuts a record down and writes the ledger; h.mu must be held.
func (h *Host) disclose(rec plugin.Record, names []string, why personal.Purpose, cause ident.ID) plugin.Record {
	fields := map[string]plugin.Field{}
	for _, n := range names {
		if f, ok := rec.Field(n); ok {
			fields[n] = f
		}
	}
	out := plugin.NewRecord(rec.Ref, rec.Version, fields)
	h.disclosed = append(h.disclosed, plugin.Disclosure{
		At: h.now().UTC(), Plugin: h.m.ID, Purpose: why, Record: rec.Ref, Fields: out.Names(), Cause: cause,
	})
	return out
}

// Commit implements plugin.Host.
func (b *bound) Commit(_ context.Context, c plugin.Commit) (out plugin.Committed, err error) {
	h := b.h
	h.mu.Lock()
	defer h.mu.Unlock()
	g, err := h.allowed(b.token)
	if err != nil {
		return out, err
	}
	if err := h.m.AllowCommit(c, g.subject); err != nil {
		return out, err
	}
	if len(c.Consumed) > 0 && h.consumed[g.subject] {
		return plugin.Committed{Again: true}, nil
	}
	if err := h.check(c.Writes); err != nil {
		return out, err
	}
	out.IDs = make([]ident.ID, len(c.Writes))
	for i, w := range c.Writes {
		out.IDs[i] = h.write(w)
	}
	if len(c.Consumed) > 0 {
		h.consumed[g.subject] = true
	}
	return out, nil
}

// check finds every reason for which a write would fail, before any takes effect.
func (h *Host) check(writes []plugin.Write) error {
	for _, w := range writes {
		var err error
		switch w := w.(type) {
		case plugin.LogInteraction:
			if _, ok := h.records[ident.Ref{Entity: "customer", ID: w.Customer}]; !ok {
				err = fault.New(fault.NotFound, "no such customer")
			}
		case plugin.CommitClaim:
			var c claim.Claim
			if c, err = h.live(w.ID); err == nil && c.State == claim.StateCommitted {
				err = conflict("committed", "")
			}
		case plugin.ReleaseClaim:
			if _, ok := h.claims[w.ID]; !ok {
				err = fault.New(fault.NotFound, "no such claim")
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) write(w plugin.Write) (id ident.ID) {
	switch w := w.(type) {
	case plugin.LogInteraction:
		id = ident.New()
		h.interactions = append(h.interactions, w)
	case plugin.Emit:
		id = ident.New()
		e := event.Event{ID: id, Kind: w.Kind, Record: h.m.Stream(id, w), Refs: w.AllRefs(), Facts: w.Facts}
		h.versions[e.Record]++
		e.Version = h.versions[e.Record]
		h.emitted = append(h.emitted, e)
		h.queue(e)
	case plugin.Put:
		if h.kv[w.Key] = slices.Clone(w.Value); len(w.Value) == 0 {
			delete(h.kv, w.Key)
		}
	case plugin.CommitClaim:
		h.end(w.ID, claim.StateCommitted)
	case plugin.ReleaseClaim:
		h.end(w.ID, claim.StateReleased)
	}
	return id
}

// Get implements plugin.Host.
func (b *bound) Get(_ context.Context, key string) (value []byte, ok bool, err error) {
	h := b.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.allowed(b.token); err != nil {
		return nil, false, err
	}
	if err := plugin.CheckKey(key); err != nil {
		return nil, false, err
	}
	v, ok := h.kv[key]
	return slices.Clone(v), ok, nil
}

// Log implements plugin.Host.
func (b *bound) Log(_ context.Context, level slog.Level, msg string, args ...any) {
	h := b.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.allowed(b.token); err != nil {
		return
	}
	var line strings.Builder
	fmt.Fprintf(&line, "%s %s", level, msg)
	rec := slog.NewRecord(time.Time{}, level, msg, 0)
	rec.Add(args...)
	rec.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&line, " %s=%v", a.Key, a.Value.Resolve())
		return true
	})
	h.logs = append(h.logs, line.String())
}

// Claims implements plugin.Host.
func (b *bound) Claims() plugin.Claims { return claims{b} }
