package privacystore

import (
	"context"
	"errors"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

var (
	getKey = store.Same("privacy.subject_key", `SELECT wrapped FROM crm_subject_key WHERE tenant_id = $1 AND subject_id = $2`)
	newKey = store.Same("privacy.new_subject_key", newKeyText)
	addKey = store.Same("privacy.add_subject_key", newKeyText+` ON CONFLICT (tenant_id, subject_id) DO NOTHING`)
)

const newKeyText = `INSERT INTO crm_subject_key (tenant_id, subject_id, epoch, wrapped, created_at) VALUES ($1, $2, $3, $4, $5)`

type subjectKeys struct{ db *store.DB }

var _ keys.Store = subjectKeys{}

// Keys returns the table of subject keys of a database, for [keys.NewRing].
func Keys(db *store.DB) keys.Store { return subjectKeys{db} }

// SubjectKey implements [keys.Store].
func (k subjectKeys) SubjectKey(ctx context.Context, u work.Unit, tenant string, subject ident.ID) (wrapped []byte, ok bool, err error) {
	err = k.db.On(u).Get(ctx, getKey, &wrapped, tenant, subject)
	if errors.Is(err, store.ErrNoRow) {
		return nil, false, nil
	}
	return wrapped, err == nil, err
}

// AddSubjectKey implements [keys.Store].
func (k subjectKeys) AddSubjectKey(ctx context.Context, u work.Unit, tenant string, subject ident.ID, epoch uint32, wrapped []byte, at time.Time) (bool, error) {
	n, err := k.db.On(u).Exec(ctx, addKey, tenant, subject, epoch, wrapped, at)
	return n == 1, err
}

// NewSubjectKey implements [keys.Store].
func (k subjectKeys) NewSubjectKey(u work.Unit, tenant string, key keys.Key, at time.Time, taken error) error {
	check := func(err error) error {
		if store.Duplicate(err) {
			return taken
		}
		return err
	}
	return k.db.On(u).Queue(newKey, check, tenant, key.Subject(), key.Epoch(), key.Wrapped(), at)
}
