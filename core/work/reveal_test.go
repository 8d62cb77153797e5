package work_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
)

// ledger keeps access records.
type ledger struct {
	kept []work.Accessed
	err  error
}

func (l *ledger) Accessed(_ context.Context, u work.Unit, a work.Accessed) error {
	if u != "tx" {
		return fault.New(fault.Internal, "recorded on %v", u)
	}
	l.kept = append(l.kept, a)
	return l.err
}

func (w *world) reveal(s work.Scope, id ident.ID) (note, error) {
	return w.records(shelf{w: w}).Reveal(context.Background(), &s, func(ctx context.Context, c *work.Call) (*note, error) {
		return shelf{w: w}.Get(ctx, c, id, work.Look)
	})
}

func TestReveal(t *testing.T) {
	t.Parallel()

	w, l := newWorld(), &ledger{}
	n := note{Title: "a", Author: personal.NewText(personal.Name, "Ada"), Card: personal.NewText(personal.Financial, "4111")}
	n.ID = ident.New()
	empty := note{Title: "b"}
	empty.ID = ident.New()
	w.notes[n.ID], w.notes[empty.ID] = n, empty

	_, err := w.reveal(scope(), n.ID)
	require.ErrorIs(t, err, fault.ErrUnavailable, "nobody keeps access records")

	w.Accesses = l
	got, err := w.reveal(scope(), n.ID)
	require.NoError(t, err)
	require.Equal(t, "4111", got.Card.Reveal())
	require.Contains(t, w.log, "access reveal")
	require.Len(t, l.kept, 1)
	a := l.kept[0]
	require.Equal(t, []string{"card"}, a.Fields)
	require.Equal(t, ident.Ref{Entity: "note", ID: n.ID}, a.Record)
	require.Equal(t, scope().Principal, a.Scope.Principal)
	require.Equal(t, now, a.At)

	_, err = w.reveal(scope(), empty.ID)
	require.NoError(t, err)
	_, err = w.reveal(scope(), ident.New())
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.Len(t, l.kept, 1, "nothing sensitive was shown")

	for _, hide := range []work.Access{
		{Level: work.LevelAll, Mask: work.NewMask("card")},
		{Level: work.LevelAll, Unseen: []personal.Class{personal.Financial}},
	} {
		w.access = hide
		got, err = w.reveal(scope(), n.ID)
		require.NoError(t, err)
		require.Equal(t, personal.Masked, got.Card.State())
		require.Equal(t, []string{"card"}, got.Hidden)
		require.Len(t, l.kept, 1)
	}

	w.access = work.Access{Level: work.LevelAll}
	l.err = fault.New(fault.Unavailable, "read-only transaction")
	got, err = w.reveal(scope(), n.ID)
	require.ErrorIs(t, err, fault.ErrUnavailable)
	require.Zero(t, got, "without a record nothing is shown")
	w.broken["access reveal"] = fault.New(fault.Denied, "no right")
	_, err = w.reveal(scope(), n.ID)
	require.ErrorIs(t, err, fault.ErrDenied)
	_, err = w.reveal(work.Scope{}, n.ID)
	require.ErrorIs(t, err, fault.ErrInvalid)
}
