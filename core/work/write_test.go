package work_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

func TestWriteOrder(t *testing.T) {
	t.Parallel()

	w := newWorld()
	n := w.create()
	s := scope()
	s.Once = "k"
	got, err := w.write(s, w.change(n.ID, 1, title("second")))
	require.NoError(t, err)
	require.Equal(t, []string{"schema", "access edit", "digest", "recall", "load", "apply", "save", "record", "remember", "access read"}, w.log)
	require.Equal(t, "second", got.Title)
	require.Equal(t, int64(2), got.Version)
}

// TestAFailedStepStopsTheWrite breaks each step in turn: nothing after it runs and nothing stays behind.
func TestAFailedStepStopsTheWrite(t *testing.T) {
	t.Parallel()

	boom := errors.New("boom")
	steps := []string{"schema", "access edit", "digest", "recall", "load", "apply", "save", "record", "remember", "access read"}
	for i, step := range steps {
		w := newWorld()
		n := w.create()
		w.broken[step] = boom
		s := scope()
		s.Once = "k"
		got, err := w.write(s, w.change(n.ID, 1, title("second")))
		require.ErrorIs(t, err, boom, step)
		require.Equal(t, steps[:i+1], w.log, step)
		require.Equal(t, note{}, got, step)
		require.Equal(t, "first", w.notes[n.ID].Title, step)
		require.Empty(t, w.traces, step)
		require.Empty(t, w.once, step)
		f, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.Equal(t, "note: update", f.Op)
	}
}

func TestARepeatedTransactionLeavesOneTrace(t *testing.T) {
	t.Parallel()

	w := newWorld()
	n := w.create()
	w.reruns = 3
	_, err := w.write(scope(), w.change(n.ID, 0, func(c *work.Call, n *note) error {
		n.Title += "+"
		c.Emit("note.shouted", nil)
		c.Touch("lines")
		return nil
	}))
	require.NoError(t, err)
	require.Len(t, w.traces, 1)
	require.Len(t, w.traces[0].Events, 2)
	require.Equal(t, "first+", w.notes[n.ID].Title)
	require.Equal(t, int64(2), w.notes[n.ID].Version)
}

// What a verb makes beside its record comes to be with it, in one transaction, under no key of its own; and its fault is the
// verb's, also when the verb passes it over.
func TestCreateIn(t *testing.T) {
	t.Parallel()

	for _, broken := range []string{"", "save"} {
		w := newWorld()
		n := w.create()
		s := scope()
		s.Once = "k"
		w.reruns = 1
		var made note
		got, err := w.write(s, w.change(n.ID, 1, func(c *work.Call, rec *note) error {
			rec.Title = "second"
			if broken != "" {
				w.broken[broken] = errors.New("boom")
				defer delete(w.broken, broken)
			}
			made, _ = w.records(shelf{w: w}).CreateIn(t.Context(), c, w.change(ident.ID{}, 0, func(_ *work.Call, n *note) error {
				n.Title, n.Stage = "beside", "open"
				return nil
			}))
			return nil
		}))
		if broken != "" {
			require.ErrorContains(t, err, "boom")
			require.ErrorContains(t, err, "note: create")
			require.Len(t, w.notes, 1)
			require.Equal(t, "first", w.notes[n.ID].Title)
			require.Empty(t, w.traces)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "second", got.Title)
		require.Equal(t, "beside", w.notes[made.ID].Title)
		require.Len(t, w.notes, 2)
		require.Len(t, w.once, 1)
		require.Equal(t, []ident.ID{made.ID, n.ID}, []ident.ID{w.traces[0].Record.ID, w.traces[1].Record.ID})
	}
}

func TestAnUpdateWithoutChangeWritesNothing(t *testing.T) {
	t.Parallel()

	w := newWorld()
	n := w.create()
	s := scope()
	s.Once = "k"
	got, err := w.write(s, w.change(n.ID, 1, func(_ *work.Call, n *note) error {
		n.Title, n.Author = "first", personal.NewText(personal.Name, "Ada")
		return nil
	}))
	require.NoError(t, err)
	require.Equal(t, int64(1), got.Version)
	require.NotContains(t, w.log, "save")
	require.NotContains(t, w.log, "record")
	require.Contains(t, w.log, "remember", "the key is used up all the same")
}

func TestAStaleVersionIsAConflict(t *testing.T) {
	t.Parallel()

	w := newWorld()
	n := w.create()
	_, err := w.write(scope(), w.change(n.ID, 0, title("second")))
	require.NoError(t, err)
	w.log = nil
	_, err = w.write(scope(), w.change(n.ID, 1, title("third")))
	f, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok)
	require.Equal(t, fault.Conflict, f.Code)
	require.Equal(t, int64(2), f.Current)
	require.Equal(t, []string{"schema", "access edit", "load"}, w.log)
}

func TestFieldRights(t *testing.T) {
	t.Parallel()

	for _, a := range []work.Access{{Mask: work.NewMask("title")}, {Fixed: work.NewMask("stage", "title")}} {
		w := newWorld()
		n := w.create()
		w.access = a
		_, err := w.write(scope(), w.change(n.ID, 0, title("second")))
		f, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.Equal(t, fault.Denied, f.Code)
		require.Equal(t, "title", f.Field)
		require.Equal(t, "first", w.notes[n.ID].Title)

		_, err = w.write(scope(), w.change(n.ID, 0, func(_ *work.Call, n *note) error {
			n.Author = personal.NewText(personal.Name, "Grace")
			return nil
		}))
		require.NoError(t, err, "fields that are not written need no right")
	}

	w := newWorld()
	w.access = work.Access{Fixed: work.NewMask("title")}
	_, err := w.write(scope(), w.change(ident.ID{}, 0, title("new")))
	require.ErrorIs(t, err, fault.ErrDenied, "a creation needs the right to each field it fills")

	w = newWorld()
	n := w.create()
	w.access = work.Access{Fixed: work.NewMask("lines")}
	_, err = w.write(scope(), w.change(n.ID, 0, func(c *work.Call, _ *note) error {
		c.Touch("lines.value")
		return nil
	}))
	require.ErrorIs(t, err, fault.ErrDenied, "a touched field of a fixed group")
}

func TestRowRightOnTheResult(t *testing.T) {
	t.Parallel()

	w := newWorld()
	n := w.create()
	w.access = work.Access{Level: work.LevelOwn, Rows: rule.Eq("owner_user", rule.Text("u-17"))}
	_, err := w.write(scope(), w.change(n.ID, 0, func(_ *work.Call, n *note) error {
		n.OwnerUser = "u-18"
		return nil
	}))
	require.ErrorIs(t, err, fault.ErrDenied, "a record cannot be pushed out of one's own sight")
	require.Equal(t, "u-17", w.notes[n.ID].OwnerUser)

	_, err = w.write(scope(), w.change(n.ID, 0, title("second")))
	require.NoError(t, err)

	w.access.Rows = rule.Eq("owner_user", rule.Text("u-18"))
	_, err = w.write(scope(), w.change(n.ID, 0, title("third")))
	require.ErrorIs(t, err, fault.ErrNotFound, "what one may not see does not exist")
	_, err = w.write(scope(), w.change(ident.ID{}, 0, title("mine")))
	require.ErrorIs(t, err, fault.ErrDenied)

	w.access.Rows = rule.Gt("title", rule.Text("a"))
	_, err = w.write(scope(), w.change(n.ID, 0, title("")))
	require.ErrorIs(t, err, fault.ErrDenied, "unknown is not yes")
}

func TestSchemaIsChecked(t *testing.T) {
	t.Parallel()

	w := newWorld()
	_, err := w.write(scope(), w.change(ident.ID{}, 0, func(_ *work.Call, n *note) error {
		n.Stage = "nowhere"
		return nil
	}))
	f, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok)
	require.Equal(t, fault.Invalid, f.Code)
	require.Len(t, f.Violations, 2, "every breach is named")
	require.Empty(t, w.notes)
}

func TestOnce(t *testing.T) {
	t.Parallel()

	w := newWorld()
	s := scope()
	s.Once = "signup-1"
	ch := w.change(ident.ID{}, 0, title("new"))
	ch.Args = "new"
	first, err := w.write(s, ch)
	require.NoError(t, err)
	w.log = nil
	again, err := w.write(s, ch)
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, []string{"schema", "access create", "digest", "recall", "schema", "access read", "get", "access read"}, w.log)
	require.Len(t, w.notes, 1)
	require.Len(t, w.traces, 1)

	w.access.Mask = work.NewMask("title")
	again, err = w.write(s, ch)
	require.NoError(t, err)
	require.Empty(t, again.Title, "a repeat shows no more than a read")
	w.access.Mask = nil

	for _, other := range []func(v *work.Verb[note]){
		func(v *work.Verb[note]) { v.Args = "other" },
		func(v *work.Verb[note]) { v.ID = first.ID },
		func(v *work.Verb[note]) { v.Version = 1 },
	} {
		different := ch
		other(&different)
		_, err = w.write(s, different)
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "once"})
	}

	s.Principal.Tenant = "other"
	_, err = w.write(s, ch)
	require.NoError(t, err, "tenants do not share keys")
}

func TestTraces(t *testing.T) {
	t.Parallel()

	w := newWorld()
	n := w.create()
	customer, other := ident.New(), ident.Ref{Entity: "customer", ID: ident.New()}
	s := scope()
	s.Source = personal.Source{System: "signup", Ref: "r1"}
	got, err := w.write(s, w.change(n.ID, 1, func(c *work.Call, n *note) error {
		n.Title, n.Author = "second", personal.NewText(personal.Name, "Grace Hopper")
		c.Touch("lines")
		c.Fact("stage", "open")
		c.Refer(other)
		c.Emit("note.shouted", map[string]string{"volume": "11"}, other)
		c.Line(customer, now.Add(-time.Hour))
		c.Line(ident.ID{}, now)
		c.SetTimer(work.Timer{Key: "k", Kind: "note.due", Due: now.Add(time.Hour)})
		return nil
	}))
	require.NoError(t, err)
	require.Equal(t, s.Source, got.Source)
	require.Len(t, w.traces, 1)
	tr := w.traces[0]
	require.Equal(t, []string{"author", "lines", "title"}, tr.Changed)
	require.Equal(t, int64(2), tr.Version)
	require.Equal(t, []work.Line{{Customer: customer, At: now.Add(-time.Hour)}}, tr.Timeline)
	require.Len(t, tr.Timers, 1)
	require.Len(t, tr.Events, 2)
	for i, ev := range tr.Events {
		require.Equal(t, i, ev.Ordinal)
		require.Equal(t, int64(2), ev.Version)
		require.Equal(t, ident.Ref{Entity: "note", ID: n.ID}, ev.Record)
		require.Equal(t, ident.Principal{Tenant: "acme", ID: "u-17", Kind: ident.KindUser}, ev.Actor, "roles and teams are not kept")
		require.Equal(t, now, ev.At)
		require.False(t, ev.ID.IsZero())
	}
	require.NotEqual(t, tr.Events[0].ID, tr.Events[1].ID)
	require.Equal(t, event.Kind("note.updated"), tr.Events[0].Kind)
	require.Equal(t, map[string]string{"stage": "open"}, tr.Events[0].Facts)
	require.Equal(t, []ident.Ref{other}, tr.Events[0].Refs)
	require.Equal(t, tr.Changed, tr.Events[0].Changed)
	require.Empty(t, tr.Events[1].Changed)
}

func TestCreationFillsMeta(t *testing.T) {
	t.Parallel()

	w := newWorld()
	own := ident.New()
	ch := w.change(ident.ID{}, 0, title("new"))
	ch.ID = own
	n, err := w.write(scope(), ch)
	require.NoError(t, err)
	require.Equal(t, own, n.ID, "the host may bring its own id")
	require.Equal(t, int64(1), n.Version)
	require.Equal(t, "u-17", n.OwnerUser)
	require.Equal(t, "emea", n.OwnerTeam)
	require.Equal(t, "u-17", n.CreatedBy)
	require.Equal(t, now, n.CreatedAt)
	require.Equal(t, now, n.UpdatedAt)
	require.Equal(t, []string{"owner_team", "owner_user", "title"}, w.traces[0].Changed)

	s := work.Scope{Principal: ident.System("acme", "nightly"), Purpose: personal.Operations}
	n, err = w.write(s, w.change(ident.ID{}, 0, title("new")))
	require.NoError(t, err)
	require.Empty(t, n.OwnerUser, "jobs own nothing")
	require.Equal(t, "nightly", n.CreatedBy)
}

func TestTheResultIsMasked(t *testing.T) {
	t.Parallel()

	w := newWorld()
	n := w.create()
	require.Equal(t, personal.Masked, n.Card.State(), "sensitive classes are never shown in passing")
	require.Equal(t, "4242", w.notes[n.ID].Card.Reveal(), "and stay what they are in the store")
	w.access = work.Access{Mask: work.NewMask("author")}
	got, err := w.write(scope(), w.change(n.ID, 0, title("second")))
	require.NoError(t, err)
	require.Equal(t, personal.Masked, got.Author.State())
	require.Equal(t, []string{"author", "card"}, got.Hidden)
	require.Equal(t, "Ada", w.notes[n.ID].Author.Reveal())
	require.Empty(t, w.notes[n.ID].Hidden)
}

func TestScopesAreChecked(t *testing.T) {
	t.Parallel()

	w := newWorld()
	for field, mend := range map[string]func(s *work.Scope){
		"tenant":    func(s *work.Scope) { s.Principal.Tenant = "" },
		"principal": func(s *work.Scope) { s.Principal.ID = "a\x00b" },
		"purpose":   func(s *work.Scope) { s.Purpose = "" },
		"once":      func(s *work.Scope) { s.Once = strings.Repeat("k", work.MaxOnce+1) },
		"source":    func(s *work.Scope) { s.Source.Ref = strings.Repeat("r", 201) },
	} {
		s := scope()
		mend(&s)
		_, err := w.write(s, w.change(ident.ID{}, 0, title("x")))
		f, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok, field)
		require.Equal(t, fault.Invalid, f.Code, field)
		require.Equal(t, field, f.Field)
	}
	s := scope()
	s.Principal.Roles = []string{strings.Repeat("r", 65)}
	_, err := w.write(s, w.change(ident.ID{}, 0, title("x")))
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.Empty(t, w.log, "nothing is asked of anybody")
	require.Error(t, (&work.Scope{}).Validate())
}

// A field that the caller may not see, by right or for its purpose, is not set: the verb does not get to look at the record.
func TestAVerbSetsWhatIsSeen(t *testing.T) {
	t.Parallel()

	for _, hide := range []work.Access{{Mask: work.NewMask("author")}, {Unseen: []personal.Class{personal.Name}}} {
		w := newWorld()
		n := w.create()
		hide.Level = work.LevelAll
		w.access = hide
		v := w.change(n.ID, 0, nil)
		v.Sets = []string{"card", "author"}
		v.Apply = func(context.Context, *work.Call, *note) error { panic("it looked") }
		_, err := w.write(scope(), v)
		f, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok && f.Code == fault.Denied && f.Field == "author", "%v", err)
	}
}
