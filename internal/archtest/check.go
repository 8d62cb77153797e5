package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// Package is what go list tells of a package, as far as [Check] needs it.
type Package struct {
	ImportPath   string   // such as github.com/rapport-crm/rapport/core/work
	Dir          string   // absolute directory of its files
	Standard     bool     // part of the standard library
	GoFiles      []string // names in Dir; neither tests nor files for other systems
	Imports      []string // import paths of GoFiles
	TestImports  []string // of the tests inside the package
	XTestImports []string // of the tests in the external package
}

// own reports whether the package is one of ours.
func (p Package) own() bool { return ownName(p.ImportPath) != "" }

// Check compares packages with the table and returns one sentence for each
// import that breaks a rule, in the packages' order. The list must contain the
// packages' dependencies, as go list -deps prints them.
func Check(packages []Package) []string {
	c := checker{byPath: map[string]Package{}, reached: map[string][]string{}}
	for _, p := range packages {
		c.byPath[p.ImportPath] = p
	}
	var problems []string
	for _, p := range packages {
		if p.own() {
			problems = append(problems, c.check(p)...)
		}
	}
	return problems
}

type checker struct {
	byPath  map[string]Package
	reached map[string][]string // by package: all it depends on
}

func (c *checker) check(p Package) []string {
	name := ownName(p.ImportPath)
	i := slices.IndexFunc(rooms, func(r room) bool { return matches(r.name, name) })
	if i < 0 {
		return []string{name + ": no rule matches it: give this package a room"}
	}
	r := rooms[i]
	problems := c.direct(r, name, p)
	problems = append(problems, c.indirect(r, name, p)...)
	return append(problems, tests(name, p)...)
}

// direct checks the imports themselves.
func (c *checker) direct(r room, name string, p Package) []string {
	var problems []string
	for _, path := range p.Imports {
		switch {
		case path == "C":
			problems = append(problems, name+" imports C: nothing here uses cgo")
		case ownName(path) != "":
			server := r.testing && path == module+"/internal/dbtest"
			if !server && !allows(r.own, ownName(path)) {
				problems = append(problems, broken(name, "imports", ownName(path), r, "may import", r.own))
			}
		case standard(path):
		case r.testing && allows(testLibs, path):
		case allows(testLibs, path):
			problems = append(problems, broken(name, "imports", path, r, "tests only", nil))
		case !allows(r.libs, path):
			problems = append(problems, broken(name, "imports", path, r, "may import", r.libs))
		}
	}
	return problems
}

// indirect checks what the imports drag in.
func (c *checker) indirect(r room, name string, p Package) []string {
	var problems []string
	for _, path := range c.closure(p.ImportPath) {
		target := path
		third := !standard(path)
		if own := ownName(path); own != "" {
			target, third = own, false
		}
		switch {
		case allows(r.never, target):
			problems = append(problems, broken(name, "reaches", c.way(p.ImportPath, path), r, "never", r.never))
		case third && allows(testLibs, path) && !r.testing:
			problems = append(problems, broken(name, "reaches", c.way(p.ImportPath, path), r, "tests only", nil))
		case third && r.reach != nil && !allows(r.reach, path):
			problems = append(problems, broken(name, "reaches", c.way(p.ImportPath, path), r, "costs at most", r.reach))
		}
	}
	return problems
}

// tests checks the imports of test files: any package of ours, and any library
// that some room or the tests themselves may use.
func tests(name string, p Package) []string {
	var problems []string
	for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
		if ownName(path) != "" || standard(path) || allows(testLibs, path) {
			continue
		}
		if !slices.ContainsFunc(rooms, func(r room) bool { return !r.testing && allows(r.libs, path) }) {
			problems = append(problems, name+": its tests import "+path+", which no room uses")
		}
	}
	return problems
}

// closure returns everything a package depends on, itself left out.
func (c *checker) closure(path string) []string {
	if all, ok := c.reached[path]; ok {
		return all
	}
	seen := map[string]bool{}
	queue := slices.Clone(c.byPath[path].Imports)
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		if !seen[next] && !standard(next) {
			seen[next] = true
			queue = append(queue, c.byPath[next].Imports...)
		}
	}
	all := make([]string, 0, len(seen))
	for next := range seen {
		all = append(all, next)
	}
	slices.Sort(all)
	c.reached[path] = all
	return all
}

// way returns a shortest path of imports from one package to another.
func (c *checker) way(from, to string) string {
	before := map[string]string{from: ""}
	queue := []string{from}
	for len(queue) > 0 && queue[0] != to {
		for _, next := range c.byPath[queue[0]].Imports {
			if _, ok := before[next]; !ok {
				before[next] = queue[0]
				queue = append(queue, next)
			}
		}
		queue = queue[1:]
	}
	steps := []string{to}
	for at := before[to]; at != "" && at != from; at = before[at] {
		steps = append(steps, strings.TrimPrefix(at, module+"/"))
	}
	slices.Reverse(steps)
	return strings.Join(steps, " → ")
}

func broken(name, verb, path string, r room, rule string, patterns []string) string {
	s := fmt.Sprintf("%s %s %s: the rule of %s: %s", name, verb, path, r.name, rule)
	if patterns != nil {
		s += " " + strings.Join(patterns, ", ")
	} else if rule == "may import" {
		s += " none of that kind"
	}
	return s
}

// ownName returns a path relative to the module, or "" for a package not ours.
// The module's root is ".".
func ownName(path string) string {
	if path == module {
		return "."
	}
	name, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	return name
}

// standard reports whether a path belongs to the standard library: its first
// element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && path != "C"
}

func allows(patterns []string, path string) bool {
	allowed := false
	for _, pattern := range patterns {
		if not, ok := strings.CutPrefix(pattern, "!"); ok {
			if matches(not, path) {
				return false
			}
			continue
		}
		allowed = allowed || matches(pattern, path)
	}
	return allowed
}

func matches(pattern, path string) bool {
	prefix, ok := strings.CutSuffix(pattern, "...")
	if !ok {
		return pattern == path
	}
	return strings.HasPrefix(path+"/", prefix)
}
