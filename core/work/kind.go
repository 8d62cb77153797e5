package work

import (
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/schema"
)

// Kind declares one kind of record. Each domain lists its kinds once; wiring, default roles, the command line, plugins,
// imports and the tests range over that list, so that a new kind is known everywhere as soon as it is in it.
type Kind struct {
	Entity *schema.Entity // what its records hold; its name names the kind
	Module string         // the module that brings it, such as "pipeline"
	Table  string         // the table of its records, such as "crm_lead"; "" for a kind without one
	Rights Rights         // what the default roles may do with it

	// Family says that each tenant defines kinds within it, such as "object.boat" in the family "object". They have its fields,
	// its table and its rights; there are no records of the family's own name. A record names its kind in the field "kind".
	Family bool

	Permanent bool // its records are never deleted
	Ledger    bool // its records are only ever added and never changed; it must be permanent, too

	// WithSubject restricts reading to those who may also read whom a record belongs to. Such records are listed for one
	// subject at a time.
	WithSubject bool
}

// Foundation is the module of the kinds that are always there.
const Foundation = "foundation"

// Name returns the kind's name in the schema registry, in errors, events and the audit: "lead".
func (k *Kind) Name() string { return k.Entity.Name }

// Created returns the event of a creation: "lead.created".
func (k *Kind) Created() event.Kind { return event.Kind(k.Name() + ".created") }

// Updated returns the event of an update: "lead.updated".
func (k *Kind) Updated() event.Kind { return event.Kind(k.Name() + ".updated") }

// Deleted returns the event of a deletion: "lead.deleted".
func (k *Kind) Deleted() event.Kind { return event.Kind(k.Name() + ".deleted") }

// Restored returns the event of a restoration: "lead.restored".
func (k *Kind) Restored() event.Kind { return event.Kind(k.Name() + ".restored") }

// Member returns a kind that a tenant has defined within the family.
func (k *Kind) Member(name string) *Kind {
	out := *k
	out.Entity, out.Family = k.Entity.Named(name), false
	return &out
}

// Find returns the kind of a name, which may be a tenant's own within a family, or nil.
func Find(kinds []*Kind, name string) *Kind {
	for _, k := range kinds {
		if k.Name() == name {
			return k
		}
	}
	if family, ok := schema.FamilyOf(name); ok {
		if k := Find(kinds, family); k != nil && k.Family {
			return k.Member(name)
		}
	}
	return nil
}

// The roles of the default policy.
const (
	RoleAdmin     = "admin"     // everything in the tenant
	RoleManager   = "manager"   // sees everything, changes and exports what the teams own, reveals sensitive fields there
	RoleSales     = "sales"     // works the team's customers, leads and opportunities
	RoleService   = "service"   // finds every customer, works every case, corrects contact data
	RoleMarketing = "marketing" // plans by segments of all customers without seeing an address
	RoleViewer    = "viewer"    // reads, without addresses and texts
)

// Rights says what the default roles may do with a kind. Each role has one word with one letter per action, in the order
// of [Actions]: n for no record, o for the principal's own, t for those of its teams too, a for all. An empty word is no
// right at all; the role admin has every right to every kind.
type Rights struct {
	Manager, Sales, Service, Marketing, Viewer string // the words; admin needs none

	Hide map[string][]string // by role: fields that it does not see
	Fix  map[string][]string // by role: fields that it sees and does not change
}

// Actions returns every action in the order of the letters of [Rights].
func Actions() []Action {
	return []Action{Read, Create, Edit, Delete, Export, Send, Reveal, Configure}
}

// Level returns how far a role's right to an action reaches.
func (r *Rights) Level(role string, a Action) Level {
	word := map[string]string{
		RoleAdmin: "aaaaaaaa", RoleManager: r.Manager, RoleSales: r.Sales, RoleService: r.Service,
		RoleMarketing: r.Marketing, RoleViewer: r.Viewer,
	}[role]
	for i, known := range Actions() {
		if known == a && i < len(word) {
			return levelOf(word[i])
		}
	}
	return LevelNone
}

func levelOf(letter byte) Level {
	switch letter {
	case 'o':
		return LevelOwn
	case 't':
		return LevelTeam
	case 'a':
		return LevelAll
	}
	return LevelNone
}
