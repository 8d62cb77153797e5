package work_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// memo belongs to a person.
type memo struct {
	schema.Meta

	Of   ident.ID `json:"of" crm:"class=none,readonly,ref=person,subject,required"`
	Text string   `json:"text" crm:"class=none,sort"`
}

// drawer is a store of memos in memory. Lists ignore everything but the subjects.
type drawer map[ident.ID]memo

func (s drawer) Get(_ context.Context, _ *work.Call, id ident.ID, _ work.Fetch) (*memo, error) {
	if m, ok := s[id]; ok {
		return &m, nil
	}
	return nil, fault.New(fault.NotFound, "none")
}

func (s drawer) GetMany(_ context.Context, _ *work.Call, ids []ident.ID) (out []memo, _ error) {
	for _, id := range ids {
		if m, ok := s[id]; ok {
			out = append(out, m)
		}
	}
	return out, nil
}

func (s drawer) Save(_ context.Context, _ *work.Call, _, after *memo) error {
	s[after.ID] = *after
	return nil
}

func (s drawer) Delete(context.Context, *work.Call, *memo, *memo) error  { panic("unasked") }
func (s drawer) Restore(context.Context, *work.Call, *memo, *memo) error { panic("unasked") }
func (s drawer) Insert(context.Context, *work.Call, []*memo) error       { panic("unasked") }

func (s drawer) List(_ context.Context, _ *work.Call, l work.Listing) (out work.Rows[memo], _ error) {
	for _, m := range s {
		if len(l.Subjects) == 0 || slices.Contains(l.Subjects, m.Of) {
			out.Records, out.Keys = append(out.Records, m), append(out.Keys, rule.Text(m.Text))
		}
	}
	return out, nil
}

func (s drawer) Count(context.Context, *work.Call, work.Listing, int) (int, error) {
	return len(s), nil
}

// known are the persons that may be read.
type known []ident.ID

func (k known) Resolve(_ context.Context, _ work.Scope, id ident.ID, _ work.Action) ([]ident.ID, error) {
	if slices.Contains(k, id) {
		return []ident.ID{id}, nil
	}
	return nil, fault.New(fault.NotFound, "no such person")
}

func memos(k work.Kind, people ...ident.ID) (*work.Records[memo, *memo], drawer, *world) {
	w, s := newWorld(), drawer{}
	k.Entity = schema.Of[memo]("memo")
	w.entity, w.Subjects = k.Entity, known(people)
	return work.NewRecords[memo](w.Engine, &k, s), s, w
}

func put(s drawer, of ident.ID) ident.ID {
	m := memo{Of: of}
	m.ID, m.Version = ident.New(), 1
	s[m.ID] = m
	return m.ID
}

// Where making and changing need one right, finding needs no other.
func TestUpsertFindsByTheRightOfBothVerbs(t *testing.T) {
	t.Parallel()

	r, s, w := memos(work.Kind{})
	scope, of := scope(), ident.New()
	w.broken["access read"] = fault.New(fault.Denied, "no right")
	upsert := func(text string, change work.Action) (memo, work.Outcome, error) {
		apply := func(_ context.Context, _ *work.Call, m *memo) error {
			m.Of, m.Text = of, text
			return nil
		}
		return r.Upsert(t.Context(), &scope, func(context.Context, *work.Call) (*memo, error) {
			for _, m := range s {
				return &m, nil
			}
			return nil, fault.New(fault.NotFound, "none")
		}, work.Verb[memo]{Action: change, Apply: apply}, work.Verb[memo]{Apply: apply})
	}
	first, did, err := upsert("a", work.Create)
	require.NoError(t, err)
	require.Equal(t, work.Created, did)
	second, did, err := upsert("b", work.Create)
	require.NoError(t, err)
	require.Equal(t, work.Updated, did)
	require.Equal(t, first.ID, second.ID)
	_, _, err = upsert("c", work.Edit)
	require.ErrorIs(t, err, fault.ErrDenied)
}

func TestALedgerIsOnlyAddedTo(t *testing.T) {
	t.Parallel()

	for _, ledger := range []bool{true, false} {
		r, s, w := memos(work.Kind{Permanent: true, Ledger: ledger})
		scope := scope()
		old := put(s, ident.New())
		find := func(ctx context.Context, c *work.Call) (*memo, error) { return s.Get(ctx, c, old, work.Lock) }
		text := func(text string) work.Verb[memo] {
			return work.Verb[memo]{ID: old, Apply: func(_ context.Context, _ *work.Call, m *memo) error {
				m.Text = text
				return nil
			}}
		}
		_, changed := r.Change(t.Context(), &scope, text("a"))
		_, updated := r.Update(t.Context(), &scope, text("b"))
		_, _, put := r.Upsert(t.Context(), &scope, find, text("c"), text("d"))
		for _, err := range []error{changed, updated, put} {
			if ledger {
				require.Equal(t, fault.Internal, fault.CodeOf(err))
			} else {
				require.NoError(t, err)
			}
		}
		require.Equal(t, ledger, s[old].Text == "" && len(w.traces) == 0)
		_, err := r.Create(t.Context(), &scope, work.Verb[memo]{Apply: func(_ context.Context, _ *work.Call, m *memo) error {
			m.Of = ident.New()
			return nil
		}})
		require.NoError(t, err)
		require.Len(t, s, 2)
	}
	require.Panics(t, func() { memos(work.Kind{Ledger: true}) }, "what may be deleted is no ledger")
}

// A record that is read with its subject is there for nobody who may not read that, by whatever way they come.
func TestARecordIsReadWithItsSubject(t *testing.T) {
	t.Parallel()

	ada, eve := ident.New(), ident.New()
	scope := scope()
	for _, with := range []bool{true, false} {
		r, s, _ := memos(work.Kind{WithSubject: with}, ada)
		mine, other := put(s, ada), put(s, eve)
		for name, read := range map[string]func(id ident.ID) error{
			"get":  func(id ident.ID) error { _, err := r.Get(t.Context(), &scope, id); return err },
			"seen": func(id ident.ID) error { return seen(t, r, &scope, id) },
			"refer": func(id ident.ID) error {
				return view(t, r, &scope, func(ctx context.Context, c *work.Call) error { return r.Refer(ctx, c, id)(ctx) })
			},
			"refer to many": func(id ident.ID) error {
				return view(t, r, &scope, func(ctx context.Context, c *work.Call) error {
					there, err := r.ReferAll(ctx, c, []ident.ID{id})
					if err == nil && len(there) == 0 {
						return fault.ErrNotFound
					}
					return err
				})
			},
			"change": func(id ident.ID) error {
				_, err := r.Update(t.Context(), &scope, work.Verb[memo]{ID: id})
				return err
			},
			"source": func(id ident.ID) error { _, err := r.Source().Get(t.Context(), &scope, id); return err },
			"page": func(id ident.ID) error {
				_, err := r.PageOf(t.Context(), &scope, s[id].Of, rule.True(), page.Query{})
				return err
			},
		} {
			require.NoError(t, read(mine), name)
			if with || name == "page" {
				require.ErrorIs(t, read(other), fault.ErrNotFound, name)
			} else {
				require.NoError(t, read(other), name)
			}
		}
		many, err := r.GetMany(t.Context(), &scope, []ident.ID{other, mine})
		require.NoError(t, err)
		_, all := r.Page(t.Context(), &scope, rule.True(), page.Query{})
		_, count := r.Count(t.Context(), &scope, rule.True(), page.Query{})
		if !with {
			require.Len(t, many, 2)
			require.NoError(t, all)
			require.NoError(t, count)
			continue
		}
		require.Len(t, many, 1)
		require.Equal(t, mine, many[0].ID)
		for _, err := range []error{all, count} {
			require.ErrorIs(t, err, fault.ErrInvalid, "everybody's are not listed")
		}
	}
}

func view(t *testing.T, r *work.Records[memo, *memo], s *work.Scope, fn func(ctx context.Context, c *work.Call) error) error {
	t.Helper()
	_, err := work.View(t.Context(), r.Engine(), *s, "test", "memo", func(ctx context.Context, c *work.Call) (any, error) { return nil, fn(ctx, c) })
	return err
}

func seen(t *testing.T, r *work.Records[memo, *memo], s *work.Scope, id ident.ID) error {
	t.Helper()
	return view(t, r, s, func(ctx context.Context, c *work.Call) error {
		_, err := r.SeenLater(ctx, c, id)(ctx)
		return err
	})
}

func TestASingletonIsAlwaysThere(t *testing.T) {
	t.Parallel()

	w, scope, of := newWorld(), scope(), ident.New()
	w.entity = schema.Of[memo]("memo")
	now := memo{Of: of}
	now.ID = ident.New()
	r := work.NewRecords[memo](w.Engine, &work.Kind{Entity: w.entity, Permanent: true}, &work.Single[memo, *memo]{
		Load:  func(context.Context, *work.Call) (*memo, error) { m := now; return &m, nil },
		Store: func(_ context.Context, _ *work.Call, _, after *memo) error { now = *after; return nil },
	})
	ctx := t.Context()
	_, err := r.Update(ctx, &scope, work.Verb[memo]{ID: now.ID, Apply: func(_ context.Context, _ *work.Call, m *memo) error {
		m.Text = "b"
		return nil
	}})
	require.NoError(t, err)
	require.Equal(t, int64(1), now.Version)
	got, err := r.Get(ctx, &scope, now.ID)
	require.NoError(t, err)
	require.Equal(t, "b", got.Text)
	_, err = r.Get(ctx, &scope, ident.New())
	require.ErrorIs(t, err, fault.ErrNotFound)
	many, err := r.GetMany(ctx, &scope, []ident.ID{ident.New(), now.ID})
	require.NoError(t, err)
	require.Len(t, many, 1)

	for text, n := range map[string]int{"b": 1, "a": 0} {
		p, err := r.Page(ctx, &scope, rule.Eq("text", rule.Text(text)), page.Query{Sort: "text"})
		require.NoError(t, err)
		require.Len(t, p.Items, n)
		require.Empty(t, p.Next)
		count, err := r.Count(ctx, &scope, rule.Eq("text", rule.Text(text)), page.Query{})
		require.NoError(t, err)
		require.Equal(t, n, count)
	}
	_, err = r.Create(ctx, &scope, work.Verb[memo]{Apply: func(_ context.Context, _ *work.Call, m *memo) error { m.Of = of; return nil }})
	require.ErrorIs(t, err, fault.ErrDenied)
}
