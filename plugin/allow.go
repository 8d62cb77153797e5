package plugin

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// The checks of this file hold a plugin to its manifest. Every host runs them; authors need not.

// denied is the one answer to whatever a manifest does not declare.
func denied(field, reason, format string, args ...any) error {
	f := fault.New(fault.Denied, format, args...)
	f.Field, f.Reason = field, reason
	return f
}

// AllowQuery checks a query against the grants for a purpose and returns it with its fields and limit filled in.
//
// Errors: Denied with reason "not_granted"; Invalid for a malformed query.
func (m Manifest) AllowQuery(q Query, why personal.Purpose) (Query, error) {
	g, ok := m.Grant(q.Entity, why)
	if !ok {
		return q, denied("entity", "not_granted", "the manifest does not read %q for this purpose", clip(q.Entity))
	}
	for _, f := range q.Fields {
		if !slices.Contains(g.Fields, f) {
			return q, denied("fields", "not_granted", "the manifest does not read %q of %s for this purpose", clip(f), g.Entity)
		}
	}
	if q.Fields == nil {
		q.Fields = slices.Clone(g.Fields)
	}
	var v fault.Violations
	if len(q.IDs) > MaxRecords {
		v.Add("ids", "want at most %d, have %d", MaxRecords, len(q.IDs))
	}
	if q.IDs != nil && (q.Where.Expr != "" || q.Cursor != "") {
		v.Add("ids", "want either ids or a condition, not both")
	}
	switch {
	case q.Limit == 0:
		q.Limit = 50
	case q.Limit < 0 || q.Limit > MaxRecords:
		v.Add("limit", "want 1 to %d, have %d", MaxRecords, q.Limit)
	}
	return q, v.Err()
}

// AllowCommit checks a commit against the manifest; subject is the present event or action.
//
// Errors: Denied with reason "not_granted" or "not_current"; Invalid for malformed writes, naming each.
func (m Manifest) AllowCommit(c Commit, subject ident.ID) error {
	for _, id := range c.Consumed {
		if id != subject {
			return denied("consumed", "not_current", "only the event or action that is being handled can be consumed")
		}
	}
	var v fault.Violations
	if len(c.Writes) > MaxWrites {
		v.Add("writes", "want at most %d, have %d", MaxWrites, len(c.Writes))
	}
	for i, w := range c.Writes {
		err := m.allowWrite(w)
		if fault.CodeOf(err) == fault.Denied {
			return err
		}
		v.AddAll(fmt.Sprintf("writes[%d]", i), err)
	}
	return v.Err()
}

func (m Manifest) allowWrite(w Write) error {
	var v fault.Violations
	switch w := w.(type) {
	case LogInteraction:
		if !slices.Contains(m.Writes, WriteInteraction) {
			return denied("writes", "not_granted", "the manifest does not log interactions")
		}
		if w.Customer.IsZero() {
			v.Add("customer", "must be set")
		}
		if !w.Channel.Valid() || w.Channel == personal.ByAnything {
			v.Add("channel", "want one of %v", personal.Channels())
		}
		if !slices.Contains([]string{"inbound", "outbound", "internal"}, w.Direction) {
			v.Add("direction", `want "inbound", "outbound" or "internal"`)
		}
		v.AddAll("subject", checkLong(w.Subject, 300))
		v.AddAll("body", checkLong(w.Body, 20_000))
	case Emit:
		e, ok := m.Emission(w.Kind)
		if !ok {
			return denied("writes", "not_granted", "the manifest does not emit %q", clip(string(w.Kind)))
		}
		for _, name := range slices.Sorted(maps.Keys(w.Facts)) {
			if !slices.Contains(e.Facts, name) {
				return denied("facts", "not_granted", "the manifest does not declare the fact %q of %s", clip(name), e.Kind)
			}
			v.AddAll("facts."+name, checkLong(w.Facts[name], 200))
		}
		if len(w.Refs) > 20 {
			v.Add("refs", "want at most 20, have %d", len(w.Refs))
		}
		if !w.About.IsZero() {
			v.AddAll("about", checkRef(w.About))
		}
		for i, r := range w.Refs {
			v.AddAll(fmt.Sprintf("refs[%d]", i), checkRef(r))
		}
	case Put:
		v.AddAll("", CheckKey(w.Key))
		if len(w.Value) > MaxValue {
			v.Add("value", "want at most %d bytes, have %d", MaxValue, len(w.Value))
		}
	case CommitClaim, ReleaseClaim:
		if len(m.Claims) == 0 {
			return denied("writes", "not_granted", "the manifest declares no claims")
		}
	default:
		v.Add("", "no such kind of write")
	}
	return v.Err()
}

// CheckKey checks a key of Put and Get.
func CheckKey(key string) error { return checkLine("key", key, MaxKey) }

// AllowKeys checks that claim keys lie in declared namespaces.
//
// Errors: Denied with reason "not_granted".
func (m Manifest) AllowKeys(keys []claim.Key) error {
	for _, k := range keys {
		if !slices.Contains(m.Claims, k.Namespace) {
			return denied("keys", "not_granted", "the manifest does not declare claims in %q", clip(k.Namespace))
		}
	}
	return nil
}

// CheckInput checks what a caller gives to the action: unknown and missing names, types, lengths.
func (a Action) CheckInput(in Values) error { return checkValues("input", a.Input, in) }

// CheckOutput checks what the plugin answers.
func (a Action) CheckOutput(out Values) error { return checkValues("output", a.Output, out) }

// Deadline returns how long the action may take.
func (a Action) Deadline() time.Duration {
	if a.Timeout == 0 {
		return DefaultTimeout
	}
	return time.Duration(a.Timeout)
}

func checkValues(at string, params []Param, values Values) error {
	var v fault.Violations
	size := 0
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.ContainsFunc(params, func(p Param) bool { return p.Name == name }) {
			v.Add(at+"."+clip(name), "no such name: it is not declared")
		}
	}
	for _, p := range params {
		x := values[p.Name]
		size += len(x.Text())
		for _, s := range x.Texts() {
			size += len(s)
		}
		v.AddAll(at+"."+p.Name, p.check(x))
	}
	if size > MaxInput {
		v.Add(at, "want at most %d bytes of text, have %d", MaxInput, size)
	}
	return v.Err()
}

func (p Param) check(x rule.Value) error {
	if x.IsBlank() {
		if p.Required {
			return fault.Field("", "must be set")
		}
		return nil
	}
	if x.Type() != p.Type {
		return fault.Field("", "want %s, have %s", p.Type, x.Type())
	}
	if f := x.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
		return fault.Field("", "want a finite number")
	}
	limit := p.MaxLen
	if limit == 0 {
		limit = 1000
	}
	for _, s := range append(x.Texts(), x.Text()) {
		if err := checkLong(s, limit); err != nil {
			return err
		}
	}
	return nil
}

// Thin cuts an event down to what the manifest lets the plugin know; the projection is the host's to add.
func (m Manifest) Thin(e event.Event) Event {
	out := Event{
		ID: e.ID, Kind: e.Kind, Record: m.thinRef(e.Kind, e.Record), Version: e.Version, Ordinal: e.Ordinal, At: e.At, Facts: e.Facts,
	}
	s, _ := m.Subscription(e.Kind)
	g, _ := m.Grant(e.Record.Entity, s.Purpose)
	for _, f := range e.Changed {
		if slices.Contains(g.Fields, f) {
			out.Changed = append(out.Changed, f)
		}
	}
	for _, r := range e.Refs {
		if r = m.thinRef(e.Kind, r); !r.ID.IsZero() {
			out.Refs = append(out.Refs, r)
		}
	}
	return out
}

// thinRef keeps the id of a record whose entity the plugin reads, and of anything in an event of its own.
func (m Manifest) thinRef(kind event.Kind, r ident.Ref) ident.Ref {
	if !m.ReadsEntity(r.Entity) && !m.Owns(string(kind)) {
		r.ID = ident.ID{}
	}
	return r
}

// checkRef checks a reference that a plugin makes.
func checkRef(r ident.Ref) error {
	if !wordForm.MatchString(r.Entity) || r.ID.IsZero() {
		return fault.Field("", "want the entity and id of a record")
	}
	return nil
}

// checkLine checks a short text of one line that must not be empty.
func checkLine(field, s string, limit int) error {
	switch {
	case s == "":
		return fault.Field(field, "must not be empty")
	case len(s) > limit:
		return fault.Field(field, "want at most %d bytes, have %d", limit, len(s))
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return fault.Field(field, "want valid UTF-8 without control characters")
	}
	return nil
}

// checkLong checks a text that may be empty and may have several lines.
func checkLong(s string, limit int) error {
	switch {
	case !utf8.ValidString(s):
		return fault.Field("", "want valid UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 && r != '\n' && r != '\t' || r == 0x7f }):
		return fault.Field("", "want no control characters but line feeds and tabs")
	case utf8.RuneCountInString(s) > limit:
		return fault.Field("", "want at most %d characters, have %d", limit, utf8.RuneCountInString(s))
	}
	return nil
}
