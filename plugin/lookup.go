package plugin

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/personal"
)

// Name returns the plugin's title, or its id without one.
func (m Manifest) Name() string { return cmp.Or(m.Title, m.ID) }

// Purpose returns a declared purpose.
func (m Manifest) Purpose(id personal.Purpose) (p Purpose, ok bool) {
	return find(m.Purposes, func(p Purpose) bool { return p.ID == id })
}

// Grant returns what may be read of an entity for a purpose.
func (m Manifest) Grant(entity string, why personal.Purpose) (g Grant, ok bool) {
	return find(m.Reads, func(g Grant) bool { return g.Entity == entity && g.Purpose == why })
}

// ReadsEntity reports whether the plugin reads an entity for any purpose, so that its ids may cross.
func (m Manifest) ReadsEntity(entity string) bool {
	return slices.ContainsFunc(m.Reads, func(g Grant) bool { return g.Entity == entity })
}

// Action returns a declared action.
func (m Manifest) Action(name string) (a Action, ok bool) {
	return find(m.Actions, func(a Action) bool { return a.Name == name })
}

// Subscription returns the subscription to a kind.
func (m Manifest) Subscription(kind event.Kind) (s Subscription, ok bool) {
	return find(m.Events, func(s Subscription) bool { return s.Kind == kind })
}

// Emission returns a declared kind of the plugin's own.
func (m Manifest) Emission(kind event.Kind) (e Emission, ok bool) {
	return find(m.Emits, func(e Emission) bool { return e.Kind == kind })
}

// Owns reports whether an event kind or claim namespace begins with the plugin's namespace and a dot.
func (m Manifest) Owns(name string) bool { return strings.HasPrefix(name, m.Namespace+".") }

func find[T any](list []T, is func(T) bool) (x T, ok bool) {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i], true
	}
	return x, false
}

// sorted returns a copy whose lists are in canonical order.
func (m Manifest) sorted() Manifest {
	m.Purposes = order(m.Purposes, func(a, b Purpose) int { return cmp.Compare(a.ID, b.ID) })
	m.Reads = order(m.Reads, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Purpose, b.Purpose))
	})
	for i := range m.Reads {
		m.Reads[i].Fields = order(m.Reads[i].Fields, strings.Compare)
	}
	m.Writes = order(m.Writes, strings.Compare)
	m.Claims = order(m.Claims, strings.Compare)
	m.Emits = order(m.Emits, func(a, b Emission) int { return cmp.Compare(a.Kind, b.Kind) })
	for i := range m.Emits {
		m.Emits[i].Facts = order(m.Emits[i].Facts, strings.Compare)
	}
	m.Actions = order(m.Actions, func(a, b Action) int { return cmp.Compare(a.Name, b.Name) })
	m.Events = order(m.Events, func(a, b Subscription) int { return cmp.Compare(a.Kind, b.Kind) })
	for i := range m.Events {
		m.Events[i].Project = order(m.Events[i].Project, strings.Compare)
	}
	return m
}

func order[T any](list []T, by func(a, b T) int) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, by)
	return list
}
