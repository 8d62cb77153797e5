package dbtest

import (
	"fmt"
	"slices"

	"github.com/rapport-crm/rapport/internal/store"
)

// Combinations returns the sets of modules that have everything they need: all of them, or as few as show each two
// modules in every way in which they can be there together, apart, or not at all. Each has the foundation.
func Combinations(modules []store.Module, all bool) [][]store.Module {
	sets := closed(modules)
	if all {
		return sets
	}
	var out [][]store.Module
	shown := map[string]bool{}
	for {
		best, most := []store.Module(nil), 0
		for _, set := range sets {
			if n := len(fresh(modules, set, shown)); n > most {
				best, most = set, n
			}
		}
		if most == 0 {
			return out
		}
		for _, pair := range fresh(modules, best, shown) {
			shown[pair] = true
		}
		out = append(out, best)
	}
}

// closed returns every set that can be installed.
func closed(modules []store.Module) [][]store.Module {
	var out [][]store.Module
	for bits := range 1 << len(modules) {
		var set []store.Module
		for i, m := range modules {
			if bits&(1<<i) != 0 {
				set = append(set, m)
			}
		}
		if !slices.ContainsFunc(set, func(m store.Module) bool { return m.Name == store.Foundation }) {
			continue
		}
		if _, err := store.Arrange(set); err == nil {
			out = append(out, set)
		}
	}
	return out
}

// fresh returns the pairs of a set, "customer true, plugin false", that are not shown yet.
func fresh(modules, set []store.Module, shown map[string]bool) []string {
	has := func(m store.Module) bool {
		return slices.ContainsFunc(set, func(x store.Module) bool { return x.Name == m.Name })
	}
	var out []string
	for i, a := range modules {
		for _, b := range modules[:i] {
			pair := fmt.Sprintf("%s %t, %s %t", a.Name, has(a), b.Name, has(b))
			if !shown[pair] {
				out = append(out, pair)
			}
		}
	}
	return out
}
