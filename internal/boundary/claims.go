package boundary

import (
	"context"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/plugin"
)

// claims are the claims in the namespaces of one plugin.
type claims struct{ *host }

var _ plugin.Claims = claims{}

// Acquire implements plugin.Claims.
func (c claims) Acquire(ctx context.Context, r claim.Request) (claim.Claim, error) {
	ctx, cancel, g, err := c.enter(ctx)
	if err == nil {
		defer cancel()
		err = c.m.manifest.AllowKeys(r.Keys)
	}
	if err != nil {
		return claim.Claim{}, fault.At("plugin: acquire claim", err)
	}
	r.ID = ident.ID{} // the host's to give
	return c.b.cfg.Claims(g.scope()).Acquire(ctx, r)
}

// Commit implements plugin.Claims.
func (c claims) Commit(ctx context.Context, id ident.ID) (claim.Claim, error) {
	return c.on(ctx, "plugin: commit claim", id, claim.Claims.Commit)
}

// Release implements plugin.Claims.
func (c claims) Release(ctx context.Context, id ident.ID) (claim.Claim, error) {
	return c.on(ctx, "plugin: release claim", id, claim.Claims.Release)
}

func (c claims) on(ctx context.Context, op string, id ident.ID,
	do func(cs claim.Claims, ctx context.Context, id ident.ID) (claim.Claim, error),
) (claim.Claim, error) {
	ctx, cancel, g, err := c.enter(ctx)
	if err != nil {
		return claim.Claim{}, fault.At(op, err)
	}
	defer cancel()
	cs := c.b.cfg.Claims(g.scope())
	if err := c.own(ctx, cs, id); err != nil {
		return claim.Claim{}, fault.At(op, err)
	}
	return do(cs, ctx, id)
}

// Of implements plugin.Claims.
func (c claims) Of(ctx context.Context, k claim.Key) (out claim.Claim, ok bool, err error) {
	ctx, cancel, g, err := c.enter(ctx)
	if err == nil {
		defer cancel()
		err = c.m.manifest.AllowKeys([]claim.Key{k})
	}
	if err != nil {
		return claim.Claim{}, false, fault.At("plugin: claim of", err)
	}
	return c.b.cfg.Claims(g.scope()).Of(ctx, k)
}

// own makes sure that a claim is in the plugin's namespaces. One that is not is missing.
func (h *host) own(ctx context.Context, cs claim.Claims, id ident.ID) error {
	c, err := cs.Get(ctx, id)
	if err != nil {
		return err
	}
	if h.m.manifest.AllowKeys(c.Keys) != nil {
		return fault.New(fault.NotFound, "no such claim")
	}
	return nil
}
