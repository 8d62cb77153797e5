package boundary

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/plugin"
)

// Policy gives plugin principals the rights that their manifests declare, and leaves everybody else to base: reading
// the entities they read for the purpose, logging interactions, their claims. Which fields of these a plugin sees,
// the boundary decides; whom a plugin principal stands for, nobody outside this package can say, since only the
// boundary makes one.
func Policy(base work.Policy, exts []plugin.Extension) work.Policy {
	p := &policy{base: base, manifests: map[string]plugin.Manifest{}}
	for _, e := range exts {
		m := e.Manifest()
		p.manifests[m.ID] = m
	}
	return p
}

type policy struct {
	base      work.Policy
	manifests map[string]plugin.Manifest
}

// Access implements work.Policy.
func (p *policy) Access(ctx context.Context, s work.Scope, entity string, a work.Action) (work.Access, error) {
	if s.Principal.Kind != ident.KindPlugin {
		return p.base.Access(ctx, s, entity, a)
	}
	m, ok := p.manifests[s.Principal.ID]
	if !ok || !declared(m, s.Purpose, entity, a) {
		f := fault.New(fault.Denied, "the plugin's manifest does not declare to %s %s for this purpose", a, entity)
		f.Reason = "not_granted"
		return work.Access{}, f
	}
	s.Principal = ident.System(s.Principal.Tenant, s.Principal.ID)
	if m.Owns(string(s.Purpose)) {
		s.Purpose = personal.Service // a purpose of the plugin's own, which base does not know, sees what is not sensitive
	}
	return p.base.Access(ctx, s, entity, a)
}

func declared(m plugin.Manifest, why personal.Purpose, entity string, a work.Action) bool {
	logs := slices.Contains(m.Writes, plugin.WriteInteraction)
	switch {
	case entity == claim.Entity:
		return len(m.Claims) > 0 && (a == work.Read || a == work.Create || a == work.Edit)
	case entity == plugin.WriteInteraction && a == work.Create, entity == entityCustomer && a == work.Read && logs:
		return logs
	case a == work.Read:
		_, ok := m.Grant(entity, why)
		return ok
	}
	return false
}
