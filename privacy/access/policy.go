package access

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/privacy"
)

// EveryEntity in a [Right] stands for every entity that the role has no Right of its own for.
const EveryEntity = "*"

// Right is what one role may do with one entity. A Level left at its zero value allows the action on no record.
type Right struct {
	// Entity is a name in the schema registry, or [EveryEntity]. That of a family, such as "object", stands for the kinds that
	// tenants define within it, but for those that the role has a Right of its own for: "object.boat".
	Entity string

	Read, Create, Edit, Delete, Export, Send, Reveal, Configure work.Level // the level of each action

	Hide  []string // fields the role does not show; another role of the same principal may show them
	Never []string // fields hidden from whoever has the role, whatever other roles show
	Fix   []string // fields the role shows but does not let change; another role that may edit may
}

// Level returns the level of an action; an unknown action has none.
func (r Right) Level(a work.Action) work.Level {
	if l := r.level(a); l != nil {
		return *l
	}
	return work.LevelNone
}

func (r *Right) level(a work.Action) *work.Level {
	switch a {
	case work.Read:
		return &r.Read
	case work.Create:
		return &r.Create
	case work.Edit:
		return &r.Edit
	case work.Delete:
		return &r.Delete
	case work.Export:
		return &r.Export
	case work.Send:
		return &r.Send
	case work.Reveal:
		return &r.Reveal
	case work.Configure:
		return &r.Configure
	}
	return nil
}

// Role is a named set of rights.
type Role struct {
	Name   string  // as in ident.User
	Rights []Right // one for each entity, or for EveryEntity
}

// Policy decides rights by role. Rows are reached through their owners: level own means records whose owner user is
// the principal, team also those of the principal's teams, all every record of the tenant.
//
// The roles of a principal add up: for each action the greatest level holds, and a field is seen that one of the
// roles which may read the entity shows, unless one of them lists it under Never. Unknown roles count for nothing.
// System principals hold every right; plugins hold none of their own, their grants are checked at the boundary.
// Whoever it is, classes that the purpose of the session does not need are masked, see [privacy.Purpose].
//
// A Policy is immutable and safe for concurrent use.
type Policy struct {
	roles    map[string]map[string]*Right
	purposes *privacy.Purposes
	merged   sync.Map // joined role names + entity → *Right; only combinations of known roles, so it is bounded
}

var _ work.Policy = (*Policy)(nil)

// Default returns the policy of [DefaultRoles] and [privacy.DefaultPurposes]. It panics when two kinds have one name.
func Default(kinds []*work.Kind) *Policy {
	p, err := New(DefaultRoles(kinds), privacy.DefaultPurposes())
	if err != nil {
		panic(err)
	}
	return p
}

// New returns a policy of the given roles. Scopes may name the given purposes only; nil means
// [privacy.DefaultPurposes].
//
// Errors: Invalid for an empty or repeated role, and for two rights of a role to one entity.
func New(roles []Role, purposes *privacy.Purposes) (*Policy, error) {
	if purposes == nil {
		purposes = privacy.DefaultPurposes()
	}
	p := &Policy{roles: make(map[string]map[string]*Right, len(roles)), purposes: purposes}
	var v fault.Violations
	for _, role := range roles {
		if m := ident.HostID(role.Name); m != "" {
			v.Add("roles", "a role's name %s", m)
		}
		if p.roles[role.Name] != nil {
			v.Add("roles", "role %s is there twice", role.Name)
		}
		rights := make(map[string]*Right, len(role.Rights))
		for _, r := range role.Rights {
			if _, twice := rights[r.Entity]; twice || r.Entity == "" {
				v.Add("roles."+role.Name, "want one right for each entity, %q is empty or there twice", r.Entity)
			}
			rights[r.Entity] = r.normal()
		}
		p.roles[role.Name] = rights
	}
	return p, v.Err()
}

// normal sorts the field lists; what is never shown is also hidden.
func (r Right) normal() *Right {
	r.Hide = work.NewMask(append(slices.Clone(r.Hide), r.Never...)...)
	r.Never, r.Fix = work.NewMask(r.Never...), work.NewMask(r.Fix...)
	return &r
}

// Access implements [work.Policy].
func (p *Policy) Access(_ context.Context, s work.Scope, entity string, a work.Action) (work.Access, error) {
	unseen, err := p.purposes.Unseen(s.Purpose, a == work.Reveal)
	if err != nil {
		return work.Access{}, err
	}
	switch s.Principal.Kind {
	case ident.KindSystem:
		return work.Access{Level: work.LevelAll, Unseen: unseen}, nil
	case ident.KindUser:
	default:
		return work.Access{}, denied(entity, a, "a "+string(s.Principal.Kind)+" acts through its grants")
	}
	r := p.right(s.Principal.Roles, entity)
	level := r.Level(a)
	if level == work.LevelNone {
		return work.Access{}, denied(entity, a, "none of the principal's roles allows it")
	}
	return work.Access{Level: level, Rows: rows(s.Principal, level), Mask: r.Hide, Fixed: r.Fix, Unseen: unseen}, nil
}

// Right returns what principals with the given roles may do with an entity, as [Policy.Access] applies it.
func (p *Policy) Right(entity string, roles ...string) Right { return *p.right(roles, entity) }

// none is the right of those without a role.
var none = &Right{}

func (p *Policy) right(names []string, entity string) *Right {
	var buf [8]string
	known := buf[:0]
	for _, n := range names {
		if p.roles[n] != nil && !slices.Contains(known, n) {
			known = append(known, n)
		}
	}
	switch len(known) {
	case 0:
		return none
	case 1:
		return p.of(known[0], entity)
	}
	slices.Sort(known)
	if family, ok := schema.FamilyOf(entity); ok && !p.named(entity) {
		entity = family
	}
	key := strings.Join(known, "\x00") + "\x01" + entity
	if r, ok := p.merged.Load(key); ok {
		return r.(*Right) //nolint:forcetypeassert // merged holds nothing else
	}
	r := p.merge(known, entity)
	if p.named(entity) { // names that nobody knows must not fill the cache
		p.merged.Store(key, r)
	}
	return r
}

// of returns the right of one known role.
func (p *Policy) of(role, entity string) *Right {
	if r := p.roles[role][entity]; r != nil {
		return r
	}
	if family, ok := schema.FamilyOf(entity); ok && p.roles[role][family] != nil {
		return p.roles[role][family]
	}
	if r := p.roles[role][EveryEntity]; r != nil {
		return r
	}
	return none
}

// named reports whether some role has a right of its own to the entity.
func (p *Policy) named(entity string) bool {
	for _, rights := range p.roles {
		if rights[entity] != nil {
			return true
		}
	}
	return false
}

func (p *Policy) merge(names []string, entity string) *Right {
	out := Right{Entity: entity}
	var never, hide []string
	readers, editors := 0, 0
	for _, n := range names {
		r := p.of(n, entity)
		out.raise(*r)
		never, hide = append(never, r.Never...), append(hide, r.Hide...)
		if r.Read > work.LevelNone {
			out.Hide = common(out.Hide, r.Hide, readers)
			readers++
		}
		if r.Edit > work.LevelNone || r.Create > work.LevelNone {
			out.Fix = common(out.Fix, r.Fix, editors)
			editors++
		}
	}
	if readers == 0 {
		out.Hide = hide
	}
	out.Never = never
	return out.normal()
}

// raise takes the greater level of each action.
func (r *Right) raise(o Right) {
	for _, a := range work.Actions() {
		l := r.level(a)
		*l = max(*l, *o.level(a))
	}
}

// common returns the fields covered by both lists; the first list of all stands alone. A group covers its members.
func common(a, b []string, seen int) []string {
	if seen == 0 {
		return slices.Clone(b)
	}
	var out []string
	for _, f := range a {
		if work.Mask(b).Has(f) {
			out = append(out, f)
		}
	}
	for _, f := range b {
		if work.Mask(a).Has(f) {
			out = append(out, f)
		}
	}
	return work.NewMask(out...)
}

// rows is the predicate of a level over the owner fields.
func rows(p ident.Principal, level work.Level) rule.Predicate {
	if level >= work.LevelAll {
		return rule.True()
	}
	own := rule.Eq("owner_user", rule.Text(p.ID))
	if level == work.LevelOwn || len(p.Teams) == 0 {
		return own
	}
	if len(p.Teams) == 1 {
		return rule.Any(own, rule.Eq("owner_team", rule.Text(p.Teams[0])))
	}
	return rule.Any(own, rule.InTexts("owner_team", p.Teams...))
}

func denied(entity string, a work.Action, why string) error {
	f := fault.New(fault.Denied, "no right to %s %s: %s", a, entity, why)
	f.Reason = "action"
	return f
}
