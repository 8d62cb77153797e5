package servicestore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/service"
)

// life is the documented table, written down a second time: new, open, pending, resolved, closed.
var life = map[string][5]service.State{
	"start":    {"open", "open", "", "", ""},
	"reply":    {"open", "open", "pending", "resolved", ""},
	"pause":    {"pending", "pending", "pending", "", ""},
	"resume":   {"", "open", "open", "", ""},
	"resolve":  {"resolved", "resolved", "resolved", "resolved", ""},
	"close":    {"", "", "", "closed", "closed"},
	"reopen":   {"", "open", "", "open", "open"},
	"assign":   {"new", "open", "pending", "resolved", ""},
	"escalate": {"new", "open", "pending", "", ""},
	"update":   {"new", "open", "pending", "resolved", ""},
}

var states = [5]service.State{"new", "open", "pending", "resolved", "closed"}

func (l *lab) do(t testing.TB, verb string, id ident.ID) (service.Case, error) {
	t.Helper()
	ctx := t.Context()
	switch verb {
	case "start":
		return l.Start(ctx, id)
	case "reply":
		return l.Reply(ctx, id)
	case "pause":
		return l.Pause(ctx, id, "a note")
	case "resume":
		return l.Resume(ctx, id)
	case "resolve":
		return l.Resolve(ctx, id, "a note")
	case "close":
		return l.Close(ctx, id, "accepted by phone")
	case "reopen":
		return l.Reopen(ctx, id, "a note")
	case "assign":
		return l.Assign(ctx, id, service.Assignment{User: "u-2"})
	case "escalate":
		return l.Escalate(ctx, id, 1, "a note")
	case "update":
		typ := service.Return
		return l.Update(ctx, id, 0, service.CaseUpdate{Type: &typ})
	}
	require.Fail(t, "no such verb", verb)
	return service.Case{}, nil
}

// in makes a case in a state.
func (l *lab) in(t testing.TB, st service.State) service.Case {
	t.Helper()
	cs := l.open(t, service.Urgent)
	for _, verb := range map[service.State][]string{
		"open": {"start"}, "pending": {"pause"}, "resolved": {"resolve"}, "closed": {"resolve", "close"},
	}[st] {
		var err error
		cs, err = l.do(t, verb, cs.ID)
		require.NoError(t, err)
	}
	require.Equal(t, st, cs.State)
	return cs
}

func TestCaseStatesAreTotal(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		for verb, row := range life {
			for i, from := range states {
				before := l.in(t, from)
				l.Advance(time.Minute)
				after, err := l.do(t, verb, before.ID)
				if row[i] == "" {
					require.ErrorIs(t, err, errState, "%s from %s", verb, from)
					got, err := l.Get(t.Context(), before.ID)
					require.NoError(t, err)
					require.Equal(t, before.Version, got.Version)
					continue
				}
				require.NoError(t, err, "%s from %s", verb, from)
				require.Equal(t, row[i], after.State, "%s from %s", verb, from)
				again, err := l.do(t, verb, before.ID)
				if life[verb][index(row[i])] == row[i] {
					require.NoError(t, err, "%s twice from %s", verb, from)
					require.Equal(t, after.Version, again.Version, "%s twice from %s changes nothing", verb, from)
				}
			}
		}
	})
}

func index(st service.State) int {
	for i := range states {
		if states[i] == st {
			return i
		}
	}
	return -1
}

func TestCloseNeedsAnAcceptance(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		cs := l.in(t, service.StateResolved)
		for _, blank := range []string{"", " \t\u00a0"} {
			_, err := l.Close(t.Context(), cs.ID, blank)
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
		cs, err := l.Close(t.Context(), cs.ID, "said so on the phone")
		require.NoError(t, err)
		require.Equal(t, l.Now(), cs.ClosedAt)
		cs, err = l.Reopen(t.Context(), cs.ID, "smokes again")
		require.NoError(t, err)
		require.EqualValues(t, 1, cs.Reopens)
		require.True(t, cs.ClosedAt.IsZero())
		hist, err := l.History(t.Context(), cs.ID)
		require.NoError(t, err)
		var notes []string
		for _, e := range hist {
			if e.Kind == service.EntryState && !e.Note.IsZero() {
				notes = append(notes, e.To+": "+e.Note.Reveal())
			}
		}
		require.Equal(t, []string{"resolved: a note", "closed: said so on the phone", "open: smokes again"}, notes)
	})
}
