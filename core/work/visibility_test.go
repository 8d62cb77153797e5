package work_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

// later is a shelf whose reads can be sent together.
type later struct{ shelf }

func (s later) GetLater(ctx context.Context, c *work.Call, id ident.ID) func(ctx context.Context) (*note, error) {
	_ = s.w.say("asked")
	return func(context.Context) (*note, error) { return s.Get(ctx, c, id, work.Look) }
}

func TestVisibility(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		access     work.Access
		denied     bool
		mine, none bool // what is seen of a record of u-17, and of one without an owner
	}{
		"all":    {access: work.Access{}, mine: true, none: true},
		"own":    {access: work.Access{Rows: rule.Eq("owner_user", rule.Text("u-17"))}, mine: true},
		"other":  {access: work.Access{Rows: rule.Eq("title", rule.Text("first"))}},
		"denied": {denied: true},
	} {
		w := newWorld()
		n := w.create()
		n.Author, n.Card = personal.NewText(personal.Name, "Ada"), personal.NewText(personal.Financial, "4242")
		_, err := work.View(t.Context(), w.Engine, scope(), "note: timeline", "note", func(ctx context.Context, call *work.Call) (any, error) {
			if w.access = c.access; c.denied {
				w.broken["access read"] = fault.New(fault.Denied, "no")
			}
			v := call.Visibility()
			for range 2 {
				mine, err := v.Owned(ctx, "note", "u-17", "")
				require.NoError(t, err)
				require.Equal(t, c.mine, mine, name)
				none, err := v.Owned(ctx, "note", "", "")
				require.NoError(t, err)
				require.Equal(t, c.none, none, name)
			}
			seen, err := v.Mask(ctx, "note", &n)
			require.NoError(t, err)
			require.Equal(t, !c.denied, seen, name)
			if seen {
				require.Equal(t, personal.Masked, n.Card.State(), name)
			}
			return nil, nil
		})
		require.NoError(t, err)
		asked := 0
		for _, what := range w.log {
			if what == "access read" {
				asked++
			}
		}
		require.Equal(t, 2, asked, "%s: once for the call, once for the kind", name)
	}
}

func TestReach(t *testing.T) {
	t.Parallel()

	w := newWorld()
	n, s := w.create(), scope()
	r := w.records(later{shelf{w: w}})
	wait := r.Reach(t.Context(), &s, n.ID, work.Delete)
	require.Equal(t, []string{"schema", "access delete", "asked"}, w.log, "the question is sent before the answer is waited for")
	got, err := wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, "4242", got.Card.Reveal(), "it is not masked")

	for _, id := range []ident.ID{{}, ident.New()} {
		_, err = r.Reach(t.Context(), &s, id, work.Read)(t.Context())
		require.ErrorIs(t, err, fault.ErrNotFound)
	}
	_, err = r.Reach(t.Context(), &work.Scope{}, n.ID, work.Read)(t.Context())
	require.ErrorIs(t, err, fault.ErrInvalid)
	w.access.Rows = rule.Eq("title", rule.Text("other"))
	_, err = r.Reach(t.Context(), &s, n.ID, work.Read)(t.Context())
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = w.records(shelf{w: w}).Reach(t.Context(), &s, n.ID, work.Read)(t.Context())
	require.ErrorIs(t, err, fault.ErrNotFound)
	w.broken["access read"] = fault.New(fault.Denied, "no")
	_, err = r.Reach(t.Context(), &s, n.ID, work.Read)(t.Context())
	require.ErrorIs(t, err, fault.ErrDenied)
}

// Records come in the order of the ids; one that another was merged into comes last, and once.
func TestGetManyKeepsTheOrder(t *testing.T) {
	t.Parallel()

	w := newWorld()
	a, b, c, s := w.create(), w.create(), w.create(), scope()
	lost := ident.New()
	w.merged = map[ident.ID]ident.ID{lost: a.ID}
	got, err := w.records(shelf{w: w}).GetMany(t.Context(), &s, []ident.ID{lost, c.ID, b.ID, lost})
	require.NoError(t, err)
	require.Len(t, got, 3)
	for i, id := range []ident.ID{c.ID, b.ID, a.ID} {
		require.Equal(t, id, got[i].ID)
	}
}

func TestBefore(t *testing.T) {
	t.Parallel()

	w := newWorld()
	seen := func(want string) func(c *work.Call, n *note) error {
		return func(c *work.Call, n *note) error {
			n.Title, n.Stage = "second", "open"
			if before := work.Before[note](c); want == "" {
				require.Nil(t, before)
			} else {
				require.Equal(t, want, before.Title)
			}
			return nil
		}
	}
	n, err := w.write(scope(), w.change(ident.ID{}, 0, seen("")))
	require.NoError(t, err)
	n.Title = "first"
	w.notes[n.ID] = n
	_, err = w.write(scope(), w.change(n.ID, 0, seen("first")))
	require.NoError(t, err)
}
