package ident

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Kind says what sort of actor a principal is.
type Kind string

// The kinds of principal.
const (
	KindUser   Kind = "user"   // a person of the host's, with roles
	KindSystem Kind = "system" // a named job of the host's; it holds every right but is audited by name
	KindPlugin Kind = "plugin" // an extension, with the rights its grant gives it
)

// Valid reports whether k is one of the kinds.
func (k Kind) Valid() bool { return k == KindUser || k == KindSystem || k == KindPlugin }

// MaxHostID is the greatest length in bytes of a tenant or user id, and of a role, team or external system name.
const MaxHostID = 64

// MaxMemberships is the greatest number of roles, and of teams, of a principal.
const MaxMemberships = 200

// Principal is who acts, and in which tenant. The zero value acts in no tenant and is refused everywhere.
// A Principal is a value: InTeams returns a changed copy. It must not be modified once a session holds it.
type Principal struct {
	Tenant string   `json:"tenant"`          // the host's tenant id, 1 to 64 bytes
	ID     string   `json:"id"`              // the host's user id, job name or plugin id, 1 to 64 bytes
	Kind   Kind     `json:"kind"`            // what sort of actor
	Roles  []string `json:"roles,omitempty"` // role names known to the access policy; none means no rights for a user
	Teams  []string `json:"teams,omitempty"` // teams the user belongs to, for rights at team level; the first is the owner team of what the user creates
}

// User is a person of the host's. Roles are names known to the access policy; a user without a role may do nothing.
func User(tenant, id string, roles ...string) Principal {
	return Principal{Tenant: tenant, ID: id, Kind: KindUser, Roles: slices.Clone(roles)}
}

// System is a named job of the host's. It may act on every record of its tenant, and the audit names it.
func System(tenant, name string) Principal {
	return Principal{Tenant: tenant, ID: name, Kind: KindSystem}
}

// Plugin is an extension acting in a tenant.
func Plugin(tenant, id string) Principal {
	return Principal{Tenant: tenant, ID: id, Kind: KindPlugin}
}

// InTeams returns a copy of p that belongs to the given teams.
func (p Principal) InTeams(teams ...string) Principal {
	p.Teams = slices.Clone(teams)
	return p
}

// Team returns the owner team of what p creates: the first of its teams, or "" without one.
func (p Principal) Team() string {
	if len(p.Teams) == 0 {
		return ""
	}
	return p.Teams[0]
}

// String names the principal for audit and logs as kind:id@tenant.
func (p Principal) String() string { return fmt.Sprintf("%s:%s@%s", p.Kind, p.ID, p.Tenant) }

// HostID checks a host-given identifier: 1 to [MaxHostID] bytes of valid UTF-8 without control characters.
// It returns "" when s is good, else what is wrong with it, worded to follow the field's name.
func HostID(s string) string { return idFault(s, MaxHostID) }

func idFault(s string, limit int) string {
	switch {
	case s == "":
		return "must not be empty"
	case len(s) > limit:
		return fmt.Sprintf("must be at most %d bytes, is %d", limit, len(s))
	case !utf8.ValidString(s):
		return "must be valid UTF-8"
	}
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			return "must not contain control characters"
		}
	}
	return ""
}
