package work

import (
	"cmp"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
)

// Unit is the store's handle on a connection pool or an open transaction. Only the store understands it; nil means
// the store's own pools.
type Unit any

// Scope is who acts, why, from what source, under which idempotency key, and on which unit. It is a value: sessions
// re-bind it by copying.
type Scope struct {
	Principal ident.Principal  // who acts, and in which tenant
	Purpose   personal.Purpose // why
	Source    personal.Source  // where personal data that is written came from
	Once      string           // idempotency key of the next write, "" for none; at most 200 bytes
	Unit      Unit             // the transaction to work on; nil for the pools
}

// On returns the scope on a unit.
func (s *Scope) On(u Unit) *Scope {
	next := *s
	next.Unit = u
	return &next
}

// MaxOnce is the greatest length in bytes of an idempotency key.
const MaxOnce = 200

// Validate returns an Invalid fault that names every part of the scope that is empty or malformed.
func (s *Scope) Validate() error {
	var v fault.Violations
	if m := ident.HostID(s.Principal.Tenant); m != "" {
		v.Add("tenant", "%s: name the tenant in ident.User or ident.System", m)
	}
	if m := ident.HostID(s.Principal.ID); m != "" {
		v.Add("principal", "%s: name who acts in ident.User or ident.System", m)
	} else if !s.Principal.Kind.Valid() {
		v.Add("principal", "is of no known kind: make it by ident.User, ident.System or ident.Plugin")
	}
	if m := ident.HostID(string(s.Purpose)); m != "" {
		v.Add("purpose", "%s: say why in CRM.As, for example privacy.Sales", m)
	}
	if n := max(len(s.Principal.Roles), len(s.Principal.Teams)); n > ident.MaxMemberships {
		v.Add("principal", "must have at most %d roles and teams, has %d", ident.MaxMemberships, n)
		return v.Err()
	}
	for _, x := range slices.Concat(s.Principal.Roles, s.Principal.Teams) {
		if m := ident.HostID(x); m != "" {
			v.Add("principal", "roles and teams %s", m)
		}
	}
	if len(s.Once) > MaxOnce {
		v.Add("once", "must be at most %d bytes, is %d", MaxOnce, len(s.Once))
	} else if s.Once != "" {
		v.AddAll("", schema.CheckText("once", s.Once, MaxOnce))
	}
	if src := s.Source; len(src.System) > ident.MaxHostID || len(src.Ref) > 200 {
		v.Add("source", "must have at most %d bytes of system and 200 of ref", ident.MaxHostID)
	} else if src != (personal.Source{}) {
		v.AddAll("", cmp.Or(schema.CheckText("source", src.System, 0), schema.CheckText("source", src.Ref, 0)))
	}
	return v.Err()
}
