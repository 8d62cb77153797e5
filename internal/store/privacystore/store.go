package privacystore

import (
	"slices"

	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// Store implements [privacy.Store]. It is safe for concurrent use.
type Store struct {
	db           *store.DB
	consents     *store.Bound[privacy.Consent, *privacy.Consent]
	sends        *store.Bound[privacy.Sending, *privacy.Sending]
	suppressions *store.Bound[privacy.Suppression, *privacy.Suppression]
}

var _ privacy.Store = (*Store)(nil)

// New returns a Store on a database, which seals with the keys of a ring.
func New(db *store.DB, ring *keys.Ring) *Store {
	return &Store{db: db, consents: consents.On(db, ring), sends: sends.On(db, nil), suppressions: suppressions.On(db, nil)}
}

// Statements lists every static statement of the package.
func Statements() []store.SQL {
	return slices.Concat(
		[]store.SQL{getKey, addKey, newKey, lockHead, moveHead, said, addDecision, decisions},
		consents.Statements(), sends.Statements(), byName.Statements(), suppressions.Statements(), byDigest.Statements(),
	)
}

func (s *Store) on(c *work.Call) store.Conn { return s.db.On(c.Unit) }
