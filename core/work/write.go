package work

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// change is a verb with what the path needs besides. Load, Set, Apply and Save run in that order inside one transaction,
// possibly more than once.
type change[T any] struct {
	Verb[T]
	Op     string // "customer: update", for errors and the audit
	Entity string // name in the schema registry

	// Within is the write whose verb makes this record beside its own; nil for none.
	Within *Call
	// Load returns the record, locked and past the row predicate; nil means a creation.
	Load func(ctx context.Context, c *Call) (*T, error)
	// Save writes the rows; before is nil for a creation.
	Save func(ctx context.Context, c *Call, before, after *T) error
	// Replay loads the record of an earlier write under the same idempotency key, with the caller's right to read.
	Replay func(ctx context.Context, c *Call, id ident.ID) (*T, error)
}

// write runs one change and returns the record as the caller may see it. A change that changes nothing writes nothing
// and returns the record as it is.
func write[T any, P Aggregate[T]](ctx context.Context, e *Engine, s Scope, ch change[T]) (T, error) {
	var out T
	if err := s.Validate(); err != nil {
		return out, fault.At(ch.Op, err)
	}
	err := e.Units.Write(ctx, s.Unit, func(ctx context.Context, u Unit) error {
		in := s
		in.Unit = u
		rec, err := writeIn[T, P](ctx, e, in, ch)
		if err == nil {
			out = *rec
		}
		return err
	})
	if err != nil {
		var none T
		return none, fault.At(ch.Op, err)
	}
	return out, nil
}

func writeIn[T any, P Aggregate[T]](ctx context.Context, e *Engine, s Scope, ch change[T]) (*T, error) {
	c, err := e.call(ctx, s, ch.Entity, ch.Action)
	if err != nil {
		return nil, err
	}
	c.keys, c.asked = map[ident.ID][]byte{}, map[ident.Ref]any{}
	if w := ch.Within; w != nil {
		c.Now, c.zone, c.keys, c.asked = w.Now, w.zone, w.keys, w.asked
	}
	digest, again, err := recall(ctx, c, &ch)
	if err != nil || again != nil {
		return again, err
	}
	before, after, err := load[T, P](ctx, c, &ch)
	if err != nil {
		return nil, err
	}
	if err := ch.apply(ctx, c, before, after); err != nil || c.failed != nil {
		return nil, cmp.Or(err, c.failed)
	}
	changed, err := inspect(c, &ch, before, after)
	if err != nil || c.incomparable != nil {
		return nil, cmp.Or(err, c.incomparable)
	}
	if before == nil || len(changed) > 0 {
		stamp(c, P(after).Base(), changed)
		if err := ch.Save(ctx, c, before, after); err != nil {
			return nil, err
		}
		c.saved(P(after))
		if err := c.finish(ctx, c); err != nil {
			return nil, err
		}
		if err := e.Recorder.Record(ctx, s.Unit, recordOf(c, &ch, c.meta, c.Entity.Subjects(after), changed)); err != nil {
			return nil, err
		}
	}
	if s.Once != "" {
		ref := ident.Ref{Entity: ch.Entity, ID: P(after).Base().ID}
		if err := e.Recorder.Remember(ctx, s.Unit, c.Tenant(), s.Once, ch.Op, digest, ref, c.Now); err != nil {
			return nil, err
		}
	}
	return after, c.answer(ctx, after)
}

// call validates nothing: the scope was checked. It compiles the rights and fixes the instant of the decision.
func (e *Engine) call(ctx context.Context, s Scope, entity string, a Action) (*Call, error) {
	ent, err := e.Schemas.Entity(ctx, s.Unit, s.Principal.Tenant, entity)
	if err != nil {
		return nil, err
	}
	acc, err := e.Policy.Access(ctx, s, entity, a)
	if err != nil {
		return nil, err
	}
	if _, member := schema.FamilyOf(entity); member { // a record of one kind is none of another in the same table
		acc.Rows = rule.All(rule.Eq("kind", rule.Text(entity)), acc.Rows)
	}
	return &Call{Scope: s, Engine: e, Entity: ent, Action: a, Access: acc, Now: e.Now()}, nil
}

// ReasonIncomparable is the reason of the Invalid fault of arguments that an idempotency key cannot be kept with.
const ReasonIncomparable = "incomparable"

// recall looks the idempotency key up. Arguments that cannot be compared are for the checks of the verb to judge first,
// which name the field.
func recall[T any](ctx context.Context, c *Call, ch *change[T]) (digest []byte, again *T, err error) {
	if c.Once == "" {
		return nil, nil, nil
	}
	rec := c.Engine.Recorder
	digest, err = rec.Digest(ctx, c.Tenant(), []any{ch.ID, ch.Version, ch.Args})
	switch f, ok := errors.AsType[*fault.Error](err); {
	case ok && f.Reason == ReasonIncomparable:
		c.incomparable = err
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	}
	ref, found, err := rec.Recall(ctx, c.Unit, c.Tenant(), c.Once, ch.Op, digest)
	if err != nil || !found {
		return digest, nil, err
	}
	if again, err = ch.Replay(ctx, c, ref.ID); err == nil {
		err = c.answer(ctx, again)
	}
	return digest, again, err
}

func load[T any, P Aggregate[T]](ctx context.Context, c *Call, ch *change[T]) (before, after *T, err error) {
	if ch.Load == nil {
		after = new(T)
		m := P(after).Base()
		switch m.ID = ch.ID; {
		case m.ID.IsZero():
			m.ID = c.Engine.NewID()
		case m.ID.Reserved():
			return nil, nil, fault.Field("id", "is kept for the CRM itself: choose another one")
		}
		m.OwnerUser, m.OwnerTeam, m.CreatedBy = owner(c), c.Principal.Team(), c.Principal.ID
		m.CreatedAt = c.Now
		return nil, after, nil
	}
	if before, err = ch.Load(ctx, c); err != nil {
		return nil, nil, err
	}
	if v := P(before).Base().Version; ch.Version != 0 && v != ch.Version {
		f := fault.New(fault.Conflict, "the record was changed meanwhile: load it again and repeat")
		f.Current = v
		return nil, nil, f
	}
	c.before = before
	return before, schema.Copy(c.Entity, before), nil
}

// manyAtOnce is to how many records a draft may refer for them to be asked for before the verb has had a look at it: a
// hostile one names any number, and the verb refuses that first.
const manyAtOnce = 100

// apply assigns, asks whether what is referred to is there, and runs the verb. The questions are sent with the verb's own;
// what the verb refers to besides is asked for after it.
func (ch *change[T]) apply(ctx context.Context, c *Call, before, after *T) error {
	if err := ch.assign(c, before, after); err != nil {
		return err
	}
	asked := references(c, ch.assigned(), before, after)
	if len(asked) > manyAtOnce {
		asked = nil
	}
	wait := asked.ask(ctx, c)
	if err := ch.run(ctx, c, before, after); err != nil {
		return err
	}
	if err := wait(ctx); err != nil {
		return err
	}
	if err := references(c, ch.assigned(), before, after).without(asked).ask(ctx, c)(ctx); err != nil {
		return err
	}
	return c.touchBlind(ctx, after)
}

func (ch *change[T]) assigned() []string {
	if ch.Set == nil {
		return nil
	}
	return ch.Set.Fields()
}

// assign takes over the caller's draft or update.
func (ch *change[T]) assign(c *Call, before, after *T) error {
	if before != nil {
		if err := c.checkSets(slices.Concat(ch.assigned(), ch.Sets)); err != nil {
			return err
		}
	}
	if ch.Set == nil {
		return nil
	}
	return ch.Set.Apply(c.Entity, after)
}

// run changes the record as the verb wants.
func (ch *change[T]) run(ctx context.Context, c *Call, before, after *T) error {
	if ch.Apply != nil {
		if err := ch.Apply(ctx, c, after); err != nil {
			return err
		}
	}
	if ch.Check != nil {
		return ch.Check(before, after)
	}
	return nil
}

// owner is the user who creates; jobs and plugins own nothing.
func owner(c *Call) string {
	if c.Principal.Kind == ident.KindUser {
		return c.Principal.ID
	}
	return ""
}

// inspect compares both states and checks field rights, the row right on the result, the schema, and the
// owners.
func inspect[T any](c *Call, ch *change[T], before, after *T) ([]string, error) {
	var changed []string
	if before == nil {
		changed = c.Entity.Filled(after)
	} else {
		changed = c.Entity.Diff(before, after)
	}
	changed = append(changed, c.touched...)
	slices.Sort(changed)
	changed = slices.Compact(changed)
	for _, f := range changed {
		if c.Access.Mask.Has(f) || c.Access.Fixed.Has(f) && (before != nil || !c.ownDoing(f, any(after))) {
			d := fault.New(fault.Denied, "no right to change this field")
			d.Field = f
			return nil, d
		}
	}
	if c.Access.Rows.Eval(c.Entity.Record(after)) != rule.Yes {
		return nil, fault.New(fault.Denied, "the %s would be outside the records you may %s", ch.Entity, ch.Action)
	}
	return changed, cmp.Or(c.Entity.Validate(after), checkOwners(after, changed))
}

// checkOwners looks whether new owners are ids as the host gives them. Who they are only the host knows.
func checkOwners(rec any, changed []string) error {
	var v fault.Violations
	m := rec.(schema.Aggregate).Base() //nolint:forcetypeassert // the caller's type parameter says so
	for _, owner := range [...][2]string{{"owner_user", m.OwnerUser}, {"owner_team", m.OwnerTeam}} {
		if field, id := owner[0], owner[1]; id != "" && slices.Contains(changed, field) {
			if wrong := ident.HostID(id); wrong != "" {
				v.Add(field, "%s", wrong)
			}
		}
	}
	return v.Err()
}

// ownDoing reports whether a field of a new record holds what the path or the domain gave it, not the caller: who may
// create but not hand over still creates.
func (c *Call) ownDoing(field string, after any) bool {
	m := after.(schema.Aggregate).Base() //nolint:forcetypeassert // the caller's type parameter says so
	switch field {
	case "owner_user":
		return m.OwnerUser == owner(c)
	case "owner_team":
		return m.OwnerTeam == c.Principal.Team()
	}
	f, ok := c.Entity.Field(field)
	return ok && f.ReadOnly
}

// stamp sets what the path itself knows of a record. Its source is that of the personal data written last, so a write of
// none leaves it.
func stamp(c *Call, m *schema.Meta, changed []string) {
	m.Version++
	m.UpdatedAt = c.Now
	if m.Version == 1 || c.Entity.Personal(changed...) {
		m.Source = c.Source
	}
}

// recordOf is what a write leaves behind besides its rows. A creation stands on the timelines of those whom the record
// belongs to; so does a verb that asked for it.
func recordOf[T any](c *Call, ch *change[T], m *schema.Meta, subjects []ident.ID, changed []string) Record {
	ref := ident.Ref{Entity: ch.Entity, ID: m.ID}
	events := append([]event.Event{{Kind: ch.Event, Refs: c.refs, Facts: c.facts}}, c.events...)
	for i := range events {
		ev := &events[i]
		ev.ID, ev.Tenant, ev.Record = c.Engine.NewID(), c.Tenant(), ref
		ev.Version, ev.Ordinal = m.Version, i
		ev.Actor = c.Actor()
		ev.Purpose, ev.At = c.Purpose, c.Now.UTC().Truncate(time.Microsecond)
		if i == 0 {
			ev.Changed = changed
		}
	}
	return Record{
		Op: ch.Op, Scope: c.Scope, Action: ch.Action, Record: ref, Version: m.Version, Changed: changed,
		At: c.Now, Events: events, Timeline: c.timeline(m.Version == 1, subjects), Timers: c.timers, OwnerUser: m.OwnerUser, OwnerTeam: m.OwnerTeam,
	}
}
