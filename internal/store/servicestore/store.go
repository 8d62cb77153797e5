package servicestore

import (
	"context"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

// Store implements [service.Store]. It is safe for concurrent use.
type Store struct {
	db   *store.DB
	keys *keys.Ring
}

var _ service.Store = (*Store)(nil)

// New returns a Store on a database, which seals texts by the keys of customers.
func New(db *store.DB, keys *keys.Ring) *Store { return &Store{db, keys} }

// Statements lists every static statement of the package.
func Statements() []store.SQL {
	return []store.SQL{getCase, lockCase, insertCase, updateCase, updateTexts, insertEntry, getEntries}
}

func (s *Store) on(c *work.Call) store.Conn { return s.db.On(c.Unit) }

// Places of sealed values.
func subjectOf(id ident.ID) keys.Place {
	return keys.Place{Table: "crm_case", Column: "subject", Row: id}
}

func bodyOf(id ident.ID) keys.Place {
	return keys.Place{Table: "crm_case", Column: "body", Row: id}
}

func noteOf(id ident.ID) keys.Place {
	return keys.Place{Table: "crm_case_entry", Column: "note", Row: id}
}

// seal returns the sealed form of a text, nil for an absent one.
func seal(k keys.Key, at keys.Place, t personal.Text) ([]byte, error) {
	plain, err := t.Value()
	if err != nil || t.IsZero() {
		return nil, err
	}
	return k.Seal(at, plain)
}

// unseal returns a text that opens when it is revealed, absent for a NULL.
func unseal(o *keys.Openers, at keys.Place, sealed []byte) personal.Text {
	if sealed == nil {
		return personal.Text{}
	}
	return personal.NewSealed(personal.Content, sealed, o.At(at))
}

// saved turns the count of an UPDATE into a fault. Whoever saves holds the row, so this is the second net.
func saved(n int64, err error, current int64) error {
	if err != nil || n == 1 {
		return err
	}
	f := fault.New(fault.Conflict, "the record was changed meanwhile: load it again and repeat")
	f.Current = current
	return f
}

func taken(err error) error {
	if !store.Duplicate(err) {
		return err
	}
	f := fault.New(fault.Conflict, "is taken: %w", err)
	f.Field, f.Reason = "id", "taken"
	return f
}

// encoded is the stored form of custom fields, NULL when there are none.
func encoded(v schema.Values) store.JSON {
	if v.IsZero() {
		return nil
	}
	return store.JSON(v.Encode())
}

// warm loads the tenant's secrets before rows with sealed values are read.
func (s *Store) warm(ctx context.Context, c *work.Call) error { return s.keys.Warm(ctx, c.Tenant()) }
