package work_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

func (w *world) page(filter rule.Predicate, q page.Query) (page.Page[note], error) {
	s := scope()
	return w.records(shelf{w: w}).Page(context.Background(), &s, filter, q)
}

// List sorts everything, leaves out what lies before, and cuts, as a naive store would.
func (s shelf) List(_ context.Context, c *work.Call, l work.Listing) (work.Rows[note], error) {
	var rows []note
	for _, n := range s.w.notes {
		if rec := c.Entity.Record(&n); l.Where.Eval(rec) == rule.Yes {
			rows = append(rows, n)
		}
	}
	key := func(n *note) rule.Value { return c.Entity.Record(n).Field(l.Sort.Field) }
	compare := func(a, b rule.Value, first, second ident.ID) int {
		order := strings.Compare(a.String(), b.String())
		if order == 0 {
			order = first.Compare(second)
		}
		if l.Sort.Desc {
			return -order
		}
		return order
	}
	slices.SortFunc(rows, func(a, b note) int { return compare(key(&a), key(&b), a.ID, b.ID) })
	if l.After != nil {
		var last rule.Value
		if err := last.UnmarshalBinary(l.After.Key); err != nil {
			return work.Rows[note]{}, fmt.Errorf("key of the cursor: %w", err)
		}
		rows = slices.DeleteFunc(rows, func(n note) bool { return compare(key(&n), last, n.ID, l.After.ID) <= 0 })
	}
	return work.Rows[note]{Records: rows[:min(len(rows), l.Limit)]}, nil
}

func (w *world) add(title, author, owner string) {
	n := note{Title: title, Author: personal.NewText(personal.Name, author), Card: personal.NewText(personal.Financial, "1")}
	n.ID, n.OwnerUser = ident.New(), owner
	w.notes[n.ID] = n
}

func TestPagesGiveEachRecordOnce(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		total := rapid.IntRange(0, 25).Draw(t, "total")
		for range total {
			w.add(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "title"), "Ada", "u-17")
		}
		q := page.Query{Limit: rapid.IntRange(1, 7).Draw(t, "limit"), Sort: rapid.SampledFrom([]string{"title", "-title"}).Draw(t, "sort")}
		var got []note
		for n, err := range page.All(func(cursor string) (page.Page[note], error) {
			q.Cursor = cursor
			return w.page(rule.True(), q)
		}) {
			require.NoError(t, err)
			got = append(got, n)
		}
		require.Len(t, got, total)
		seen := map[ident.ID]bool{}
		for i, n := range got {
			require.False(t, seen[n.ID])
			seen[n.ID] = true
			if i > 0 {
				require.Equal(t, q.Sort == "-title", n.Title < got[i-1].Title || n.Title == got[i-1].Title && n.ID.Compare(got[i-1].ID) < 0)
			}
		}
	})
}

func TestListsShowWhatTheAccessAllows(t *testing.T) {
	t.Parallel()

	w := newWorld()
	w.add("a", "Ada", "u-17")
	w.add("b", "Bob", "u-18")
	w.access = work.Access{Rows: rule.Eq("owner_user", rule.Text("u-17")), Mask: work.NewMask("author")}
	w.add("c", "Zoe", "u-17")
	p, err := w.page(rule.True(), page.Query{Limit: 1})
	require.NoError(t, err)
	require.Len(t, p.Items, 1)
	for _, behind := range p.Items[1:cap(p.Items)] {
		require.Zero(t, behind, "the record that tells of a next page is nobody's to see")
	}
	p, err = w.page(rule.True(), page.Query{Cursor: p.Next, Limit: 1})
	require.NoError(t, err)
	require.Len(t, p.Items, 1)
	require.Empty(t, p.Next)
	require.Equal(t, personal.Masked, p.Items[0].Author.State())
	require.Equal(t, personal.Masked, p.Items[0].Card.State())

	for name, ask := range map[string]func() error{
		"filter": func() error { _, err := w.page(rule.Eq("author", rule.Text("Ada")), page.Query{}); return err },
		"nested": func() error {
			_, err := w.page(rule.Not(rule.Eq("author", rule.Text("Ada"))), page.Query{})
			return err
		},
		"card": func() error { _, err := w.page(rule.Eq("card", rule.Text("1")), page.Query{}); return err },
		"expr": func() error {
			_, err := w.page(rule.True(), page.Query{Where: page.Where{Expr: "author == t", Args: map[string]any{"t": "Ada"}}})
			return err
		},
		"sort": func() error {
			before := w.access.Mask
			defer func() { w.access.Mask = before }()
			w.access.Mask = work.NewMask("title")
			_, err := w.page(rule.True(), page.Query{Sort: "title"})
			return err
		},
	} {
		require.ErrorIs(t, ask(), fault.ErrDenied, name)
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()

	w := newWorld()
	w.add("a", "Ada", "u-17")
	w.add("b", "Bob", "u-17")
	p, err := w.page(rule.True(), page.Query{Where: page.Where{Expr: "title == t", Args: map[string]any{"t": "b"}}})
	require.NoError(t, err)
	require.Len(t, p.Items, 1)
	require.Equal(t, "b", p.Items[0].Title)
	for field, where := range map[string]page.Where{
		"where.expr":   {Expr: "title =="},
		"where.args.t": {Expr: "title == t", Args: map[string]any{"t": struct{}{}}},
		"where.args.u": {Expr: "title == t", Args: map[string]any{"u": nil}},
		"where.args.v": {Expr: "title == t", Args: map[string]any{"t": "a", "w": "b", "v": "c"}},
		"where.args.x": {Args: map[string]any{"x": "a", "y": "b"}},
	} {
		_, err := w.page(rule.True(), page.Query{Where: where})
		require.Equal(t, field, faultOf(t, err).Field)
	}
	_, err = w.page(rule.True(), page.Query{Where: page.Where{Expr: strings.Repeat("x", page.MaxExpr+1)}})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestBadQueries(t *testing.T) {
	t.Parallel()

	w := newWorld()
	for range 3 {
		w.add("a", "Ada", "u-17")
	}
	first, err := w.page(rule.True(), page.Query{Limit: 1, Sort: "title"})
	require.NoError(t, err)
	require.NotEmpty(t, first.Next)
	for name, ask := range map[string]page.Query{
		"limit":          {Limit: -1},
		"sort":           {Sort: "nothing"},
		"sort unsorted":  {Sort: "stage"},
		"sort malformed": {Sort: "title desc"},
		"cursor":         {Cursor: "AAAA", Sort: "title"},
		"cursor sort":    {Cursor: first.Next, Sort: "-title"},
		"cursor where":   {Cursor: first.Next, Sort: "title", Where: page.Where{Expr: "title == t", Args: map[string]any{"t": "a"}}},
	} {
		_, err := w.page(rule.True(), ask)
		f := faultOf(t, err)
		require.Equal(t, fault.Invalid, f.Code, name)
		require.Equal(t, strings.Fields(name)[0], f.Field, name)
		require.Equal(t, "note: list", f.Op)
	}
	_, err = w.page(rule.Eq("title", rule.Text("a")), page.Query{Cursor: first.Next, Sort: "title"})
	require.Equal(t, "cursor", faultOf(t, err).Field, "a cursor belongs to the filter, too")

	second, err := w.page(rule.True(), page.Query{Limit: 2, Sort: "title", Cursor: first.Next})
	require.NoError(t, err, "the size of the page may change on the way")
	require.Len(t, second.Items, 2)
	require.Empty(t, second.Next)
}

func TestTheDefaultSortIsByID(t *testing.T) {
	t.Parallel()

	w := newWorld()
	for range 3 {
		w.add("a", "Ada", "u-17")
	}
	p, err := w.page(rule.True(), page.Query{})
	require.NoError(t, err)
	require.Len(t, p.Items, 3)
	require.True(t, slices.IsSortedFunc(p.Items, func(a, b note) int { return a.ID.Compare(b.ID) }))
}

func TestViewFails(t *testing.T) {
	t.Parallel()

	w := newWorld()
	boom := errors.New("boom")
	see := func(s work.Scope) error {
		got, err := work.View(context.Background(), w.Engine, s, "note: get", "note", func(context.Context, *work.Call) (int, error) { return 7, boom })
		require.Zero(t, got, "a failed read gives nothing")
		return err
	}
	require.ErrorIs(t, see(scope()), boom)
	require.ErrorIs(t, see(work.Scope{}), fault.ErrInvalid)
	w.broken["access read"] = fault.New(fault.Denied, "no right")
	require.ErrorIs(t, see(scope()), fault.ErrDenied)
}

func TestMasks(t *testing.T) {
	t.Parallel()

	m := work.NewMask("points", "name", "name")
	require.Len(t, m, 2)
	for field, want := range map[string]bool{"name": true, "points": true, "points.value": true, "points.value.x": true, "point": false, "names": false, "": false} {
		require.Equal(t, want, m.Has(field), field)
	}
	require.False(t, work.Mask(nil).Has("x"))
	require.Equal(t, "team", work.LevelTeam.String())
	require.Equal(t, "all", work.Level(9).String())
}

func faultOf(t *testing.T, err error) *fault.Error {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok, "%v", err)
	return f
}
