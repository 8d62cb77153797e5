package privacystore

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// Store implements [privacy.Store]. It is safe for concurrent use.
type Store struct {
	db   *store.DB
	keys *keys.Ring
}

var _ privacy.Store = (*Store)(nil)

// New returns a Store on a database, which seals with the keys of a ring.
func New(db *store.DB, keys *keys.Ring) *Store { return &Store{db, keys} }

// Statements lists every static statement of the package.
func Statements() []store.SQL {
	return []store.SQL{
		getKey, addKey, newKey,
		lockHead, moveHead, addConsent, getConsent, said,
		getSuppression, lockSuppression, suppressionByID, addSuppression, updateSuppression,
		getSend, lockSend, addSend, updateSend, addDecision, decisions,
	}
}

func (s *Store) on(c *work.Call) store.Conn { return s.db.On(c.Unit) }

// orNil turns a missing row into nil without an error.
func orNil[T any](rec *T, err error) (*T, error) {
	switch {
	case errors.Is(err, store.ErrNoRow):
		return nil, nil //nolint:nilnil // the contract: nil is no such row
	case err != nil:
		return nil, err
	}
	return rec, nil
}

// once returns the fault of an insert that met somebody else's row, or of an update whose version moved.
func once(n int64, err error) error {
	if store.Duplicate(err) || err == nil && n != 1 {
		return fault.New(fault.Retryable, "another transaction was faster")
	}
	return err
}

// encodeIDs is the stored form of a list of ids, NULL when it is empty.
func encodeIDs(ids []ident.ID) []string {
	if len(ids) == 0 {
		return nil
	}
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

func decodeIDs(b store.JSON) ([]ident.ID, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var out []ident.ID
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fault.New(fault.Internal, "a list of ids cannot be read: %w", err)
	}
	return out, nil
}

func sorted(ids []ident.ID) []ident.ID {
	return slices.SortedFunc(slices.Values(ids), ident.ID.Compare)
}
