package servicestore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/service"
)

// A load leaves what opening each case would, and reports each row that is refused.
func TestLoadOpensManyCases(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx, bob, again := t.Context(), ident.New(), ident.New()
		l.known[bob] = []ident.ID{bob}
		first := l.open(t, service.Urgent)
		drafts := []service.CaseDraft{
			0: {Customer: l.ada},
			1: {Customer: ident.New(), Subject: "whose?"},
			2: {Customer: l.ada, Subject: "odd", Priority: "asap"},
			3: {Customer: bob, Subject: "one", ID: again, Priority: service.Urgent},
		}
		for i := range 25 {
			drafts = append(drafts, service.CaseDraft{Customer: []ident.ID{l.ada, bob}[i%2], Subject: fmt.Sprint("load ", i), Body: "long"})
		}
		rep, err := l.Load(ctx, seq(drafts), nil)
		require.NoError(t, err)
		require.Equal(t, 26, rep.Created)
		var faults []string
		for _, f := range rep.Faults {
			var x *fault.Error
			require.ErrorAs(t, f.Err, &x)
			faults = append(faults, fmt.Sprint(f.Row, " ", x.Code, " ", x.Field))
		}
		require.Equal(t, []string{"0 invalid subject", "1 not_found customer", "2 invalid priority"}, faults)

		subjects := map[string]bool{}
		for cs, err := range l.All(ctx, service.CaseFilter{Customer: bob}) {
			require.NoError(t, err)
			subjects[cs.Subject.Reveal()] = true
		}
		require.Len(t, subjects, 13)
		require.True(t, subjects["load 23"])
		require.Len(t, l.tape.timers, 27*4, "the clocks of each run")

		l.sameHistory(t, first.ID, again)
		rep, err = l.Load(ctx, seq([]service.CaseDraft{{Customer: l.ada, ID: again, Subject: "taken"}, {Customer: l.ada, Subject: "free"}}), nil)
		require.NoError(t, err)
		require.Equal(t, 1, rep.Created)
		require.ErrorIs(t, rep.Faults[0].Err, &fault.Error{Code: fault.Conflict, Reason: work.ReasonTaken})
		_, err = l.Load(ctx, seq(drafts), &work.LoadOptions{History: true})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

func (l *lab) sameHistory(t *testing.T, a, b ident.ID) {
	t.Helper()
	lines := func(id ident.ID) (out []string) {
		list, err := l.History(t.Context(), id)
		require.NoError(t, err)
		for _, e := range list {
			out = append(out, fmt.Sprint(e.Version, e.Ordinal, e.Kind, e.From, e.To, e.Clock, e.Due, e.At, e.Actor))
		}
		return out
	}
	require.Len(t, lines(a), 3)
	require.Equal(t, lines(a), lines(b))
	for i, line := range lines(a) {
		require.True(t, strings.HasPrefix(line, fmt.Sprint(1, i)), line)
	}
}

func seq[T any](list []T) func(yield func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for _, x := range list {
			if !yield(x, nil) {
				return
			}
		}
	}
}

// A verb seals its note with the key that came with the case, so that it asks for none.
func TestAVerbAsksForNoKey(t *testing.T) {
	t.Parallel()
	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, chaos *dbtest.Chaos) {
		const asked = "privacy.subject_key"
		l := newLab(t, b)
		cs := l.open(t, service.Urgent)
		before := chaos.Coverage()[asked]
		require.Positive(t, before)
		_, err := l.Pause(t.Context(), cs.ID, "waits for the serial number")
		require.NoError(t, err)
		subject := "Printer burns"
		_, err = l.Update(t.Context(), cs.ID, 0, service.CaseUpdate{Subject: &subject})
		require.NoError(t, err)
		require.Equal(t, before, chaos.Coverage()[asked])
		hist, err := l.History(t.Context(), cs.ID)
		require.NoError(t, err)
		require.Equal(t, "waits for the serial number", hist[len(hist)-1].Note.Reveal())
	})
}
