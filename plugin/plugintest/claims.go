package plugintest

import (
	"context"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
)

type claims struct{ b *bound }

// Acquire implements plugin.Claims.
func (c claims) Acquire(_ context.Context, r claim.Request) (out claim.Claim, err error) {
	h := c.b.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.allowed(c.b.token); err != nil {
		return out, err
	}
	if err := h.m.AllowKeys(r.Keys); err != nil {
		return out, err
	}
	var v fault.Violations
	if len(r.Keys) == 0 || len(r.Keys) > claim.MaxKeys {
		v.Add("keys", "want 1 to %d keys, have %d", claim.MaxKeys, len(r.Keys))
	}
	if r.For <= 0 || r.For > claim.MaxFor {
		v.Add("for", "want a time above 0 and at most %s", claim.MaxFor)
	}
	if r.Holder.ID.IsZero() {
		v.Add("holder", "want the entity and id of the record the keys are for")
	}
	if err := v.Err(); err != nil {
		return out, err
	}
	for _, k := range r.Keys {
		if _, ok := h.holder(k); ok {
			return out, conflict("taken", k.String())
		}
	}
	out.Keys, out.Holder, out.State, out.Until = slices.Clone(r.Keys), r.Holder, claim.StateHeld, h.now().Add(r.For)
	slices.SortFunc(out.Keys, claim.Key.Compare)
	out.ID, out.Version = ident.New(), 1
	h.claims[out.ID] = out
	return out, nil
}

// Commit implements plugin.Claims.
func (c claims) Commit(_ context.Context, id ident.ID) (claim.Claim, error) {
	h := c.b.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.allowed(c.b.token); err != nil {
		return claim.Claim{}, err
	}
	if _, err := h.live(id); err != nil {
		return claim.Claim{}, err
	}
	return h.end(id, claim.StateCommitted), nil
}

// Release implements plugin.Claims.
func (c claims) Release(_ context.Context, id ident.ID) (claim.Claim, error) {
	h := c.b.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.allowed(c.b.token); err != nil {
		return claim.Claim{}, err
	}
	if _, ok := h.claims[id]; !ok {
		return claim.Claim{}, fault.New(fault.NotFound, "no such claim")
	}
	return h.end(id, claim.StateReleased), nil
}

// Of implements plugin.Claims.
func (c claims) Of(_ context.Context, k claim.Key) (out claim.Claim, ok bool, err error) {
	h := c.b.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, err := h.allowed(c.b.token); err != nil {
		return out, false, err
	}
	if err := h.m.AllowKeys([]claim.Key{k}); err != nil {
		return out, false, err
	}
	out, ok = h.holder(k)
	return out, ok, nil
}

// holder returns the living claim that has the key; h.mu must be held.
func (h *Host) holder(k claim.Key) (out claim.Claim, ok bool) {
	for _, c := range h.claims {
		if c.Live(h.now()) && c.Holds(k) {
			return c, true
		}
	}
	return out, false
}

func (h *Host) live(id ident.ID) (claim.Claim, error) {
	c, ok := h.claims[id]
	switch {
	case !ok:
		return c, fault.New(fault.NotFound, "no such claim")
	case c.State == claim.StateReleased:
		return c, conflict("released", "")
	case !c.Live(h.now()):
		return c, conflict("expired", "")
	}
	return c, nil
}

func (h *Host) end(id ident.ID, s claim.State) claim.Claim {
	c := h.claims[id]
	if c.State != s {
		c.State, c.Until = s, time.Time{}
		c.Version++
	}
	h.claims[id] = c
	return c
}

func conflict(reason, field string) error {
	f := fault.New(fault.Conflict, "the claim cannot be had: %s", reason)
	f.Reason, f.Field = reason, field
	return f
}
