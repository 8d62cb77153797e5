package work_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// card is a record with a title that no other one has, and an owner.
type card struct {
	schema.Meta
	Title string   `json:"title" crm:"class=none"`
	Text  string   `json:"text" crm:"class=none"`
	Owner ident.ID `json:"owner,omitzero" crm:"class=none,ref=note"`
}

var cardKind = &work.Kind{Entity: schema.Of[card]("card"), Table: "crm_card"}

// box is a store of cards by title. Another writer puts rival into it just before the next new card is saved.
type box struct {
	work.Store[card]
	cards map[string]card
	rival *card
}

func (b *box) Save(_ context.Context, _ *work.Call, before, after *card) error {
	if b.rival != nil && before == nil {
		b.cards[b.rival.Title], b.rival = *b.rival, nil
	}
	if _, taken := b.cards[after.Title]; taken && before == nil {
		return &fault.Error{Code: fault.Conflict, Reason: work.ReasonTaken}
	}
	b.cards[after.Title] = *after
	return nil
}

func (b *box) byTitle(title string) func(context.Context, *work.Call) (*card, error) {
	return func(context.Context, *work.Call) (*card, error) {
		if rec, ok := b.cards[title]; ok {
			return &rec, nil
		}
		return nil, fault.New(fault.NotFound, "none")
	}
}

// cards is a world that knows the entity, with the notes of a list as what cards may refer to.
type cards struct {
	*world
	asked []ident.ID
}

func (c *cards) Entity(context.Context, work.Unit, string, string) (*schema.Entity, error) {
	return cardKind.Entity, nil
}

func (c *cards) Refer(_ context.Context, _ *work.Call, id ident.ID) func(context.Context) error {
	c.asked = append(c.asked, id)
	return func(context.Context) error {
		if _, ok := c.notes[id]; ok {
			return nil
		}
		return fault.New(fault.NotFound, "no such note")
	}
}

func newCards() (*cards, *box, *work.Records[card, *card]) {
	w, b := &cards{world: newWorld()}, &box{cards: map[string]card{}}
	w.Schemas, w.Referees = w, map[string]work.Referee{"note": w}
	return w, b, work.NewRecords[card](w.Engine, cardKind, b)
}

func TestUpsert(t *testing.T) {
	t.Parallel()

	w, b, r := newCards()
	s := scope()
	put := func(text string) (card, work.Outcome) {
		set := func(_ context.Context, _ *work.Call, rec *card) error {
			rec.Title, rec.Text = "a", text
			return nil
		}
		rec, did, err := r.Upsert(t.Context(), &s, b.byTitle("a"), work.Verb[card]{Apply: set}, work.Verb[card]{Apply: set})
		require.NoError(t, err)
		require.Equal(t, b.cards["a"], rec)
		return rec, did
	}
	first, did := put("one")
	require.Equal(t, work.Created, did)
	same, did := put("one")
	require.Equal(t, work.Unchanged, did)
	require.Equal(t, first, same)
	second, did := put("two")
	require.Equal(t, work.Updated, did)
	require.Equal(t, first.ID, second.ID)
	require.Equal(t, []string{"card: upsert", "card: upsert"}, []string{w.traces[0].Op, w.traces[1].Op})

	rival := second
	delete(b.cards, "a")
	b.rival = &rival
	third, did := put("three")
	require.Equal(t, work.Updated, did, "another writer was faster: its card is the one to change")
	require.Equal(t, rival.ID, third.ID)
}

// Whoever sets a reference, the caller's draft or the verb, it is looked up, once, before anything is written.
func TestAVerbsOwnReferencesAreAskedFor(t *testing.T) {
	t.Parallel()

	w, b, r := newCards()
	w.add("known", "Ada", "")
	s := scope()
	refer := func(id ident.ID) error {
		_, err := r.Create(t.Context(), &s, work.Verb[card]{Apply: func(_ context.Context, _ *work.Call, rec *card) error {
			rec.Title, rec.Owner = id.String(), id
			return nil
		}})
		return err
	}
	for id := range w.notes {
		require.NoError(t, refer(id))
		require.Equal(t, []ident.ID{id}, w.asked)
	}
	err := refer(ident.New())
	require.ErrorIs(t, err, fault.ErrNotFound)
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, "owner", f.Field)
	require.Len(t, b.cards, 1)
}
