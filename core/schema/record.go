package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Record reads the values of one record. It implements [rule.Record] for the slots of the entity's Env, and
// [rule.Named] for predicates. It sees the record as it is when a value is asked for, not as it was.
type Record struct {
	e *Entity
	v reflect.Value
}

var (
	_ rule.Record = Record{}
	_ rule.Named  = Record{}
)

// Record returns the values of rec, a pointer to a record of the entity. Masked text is blank; sealed text is
// opened when it is asked for, and blank when it cannot be opened.
func (e *Entity) Record(rec any) Record { return Record{e, e.open(rec)} }

// Value returns the value of a slot of the entity's Env, blank for a slot that does not exist.
func (r Record) Value(slot int) rule.Value {
	if slot < 0 || slot >= len(r.e.slots) {
		return rule.Blank
	}
	return r.e.value(r.e.slots[slot], r.v)
}

// Field returns the value of a named field, blank for a name that does not exist or that rules cannot read.
func (r Record) Field(name string) rule.Value {
	n := r.e.byName[name]
	if n == nil || !n.InRules() {
		return rule.Blank
	}
	return r.e.value(n, r.v)
}

// Env returns what a rule over the entity may name, with the given arguments. Its slots are those of
// [Entity.Record]. Calls without arguments share one value.
func (e *Entity) Env(args map[string]rule.Type) *rule.Env {
	if len(args) == 0 {
		return e.env
	}
	env := *e.env
	env.Args = maps.Clone(args)
	var b strings.Builder
	b.WriteString(e.env.Print)
	for _, name := range slices.Sorted(maps.Keys(args)) {
		b.WriteString("," + name + ":" + args[name].String())
	}
	env.Print = b.String()
	return &env
}

func (e *Entity) newEnv() *rule.Env {
	env := &rule.Env{Entity: e.Name, Fields: make([]rule.Field, len(e.slots))}
	h := sha256.New()
	for i, n := range e.slots {
		env.Fields[i] = rule.Field{Name: n.Name, Type: n.Type, Enum: n.Enum, MaxLen: n.MaxLen, Class: n.Class}
		fmt.Fprintf(h, "%s\x00%d\x00%q\x00%d\x00%s\n", n.Name, n.Type, n.Enum, n.MaxLen, n.Class)
	}
	env.Print = e.Name + ":" + hex.EncodeToString(h.Sum(nil)[:12])
	return env
}

// Personal reports whether any of the named fields holds personal data.
func (e *Entity) Personal(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		n := e.byName[name]
		return n != nil && n.Class != personal.None
	})
}
