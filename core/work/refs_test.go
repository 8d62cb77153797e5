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

// deck is a record that refers to as many notes as a caller likes.
type deck struct {
	schema.Meta
	Notes []leaf `json:"notes" crm:"class=none"`
}

type leaf struct {
	Note ident.ID `json:"note" crm:"class=none,ref=note"`
}

type deckDraft struct{ Notes []leaf }

var (
	deckKind = &work.Kind{Entity: schema.Of[deck]("deck"), Table: "crm_deck"}
	deckSet  = schema.PatchOf[deck, deckDraft](deckKind.Entity)
)

// decks is a world that knows the entity.
type decks struct{ *cards }

func (decks) Entity(context.Context, work.Unit, string, string) (*schema.Entity, error) {
	return deckKind.Entity, nil
}

// A draft that names a crowd is refused by its verb before anybody is asked for; a few are asked for along with it.
func TestNobodyIsAskedForACrowd(t *testing.T) {
	t.Parallel()

	for _, n := range []int{1, 100, 101, 100_000} {
		w, _, _ := newCards()
		w.Schemas = decks{w}
		d := deckDraft{Notes: make([]leaf, n)}
		for i := range d.Notes {
			d.Notes[i].Note = ident.New()
		}
		many := fault.New(fault.Invalid, "too many")
		s := scope()
		_, err := work.NewRecords[deck](w.Engine, deckKind, work.Store[deck](nil)).Create(t.Context(), &s, work.Verb[deck]{
			Set: deckSet.With(&d), Apply: func(context.Context, *work.Call, *deck) error { return many },
		})
		require.ErrorIs(t, err, many)
		want := n
		if n > 100 {
			want = 0
		}
		require.Len(t, w.asked, want)
	}
}
