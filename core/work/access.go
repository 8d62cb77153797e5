package work

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Action is what a principal wants to do with an entity.
type Action string

// The actions. Business verbs (move, convert, close) are edits.
const (
	Read      Action = "read"
	Create    Action = "create"
	Edit      Action = "edit"
	Delete    Action = "delete"
	Export    Action = "export"
	Send      Action = "send"
	Reveal    Action = "reveal"    // unseal a sensitive class
	Configure Action = "configure" // pipelines, schema, rules, policies
)

// Level says on which records an action is allowed. Levels are ordered.
type Level uint8

// The levels.
const (
	LevelNone Level = iota // no record
	LevelOwn               // records owned by the principal
	LevelTeam              // and those owned by one of the principal's teams
	LevelAll               // every record of the tenant
)

// String returns none, own, team or all.
func (l Level) String() string {
	return [...]string{"none", "own", "team", "all"}[min(l, LevelAll)]
}

// Access is the compiled right of one principal to one action on one entity: one row predicate and one field mask.
// The same value serves a list, a detail, a search, a count and a timeline of a request.
type Access struct {
	Level  Level            // how far the right reaches; none means the action is refused
	Rows   rule.Predicate   // over owner_user, owner_team and other fields of the entity
	Mask   Mask             // fields that may not be seen: masked, and refused in filters and sorts
	Fixed  Mask             // fields that may be seen but not changed
	Unseen []personal.Class // classes that the scope's purpose does not need: treated as if their fields were in Mask for reading
}

// Mask is a sorted set of field names. Its zero value hides nothing.
type Mask []string

// Has reports whether the mask holds a field or the group it belongs to: "points" covers "points.value".
func (m Mask) Has(field string) bool {
	if _, ok := slices.BinarySearch(m, field); ok {
		return true
	}
	for i := range field {
		if field[i] == '.' {
			if _, ok := slices.BinarySearch(m, field[:i]); ok {
				return true
			}
		}
	}
	return false
}

// NewMask returns the set of the given fields.
func NewMask(fields ...string) Mask {
	m := slices.Clone(fields)
	slices.Sort(m)
	return slices.Compact(m)
}

// Policy decides rights. Implementations must be safe for concurrent use.
type Policy interface {
	// Access must return what the scope's principal may do with the entity for the scope's purpose, or a fault of
	// code Denied when the action is not allowed on any record. It may read policy rows on the scope's unit.
	Access(ctx context.Context, s Scope, entity string, a Action) (Access, error)
}
