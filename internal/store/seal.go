package store

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// keysOfMany reads the keys of many subjects at once. PostgreSQL is held to one look per subject, as for many records.
var keysOfMany = Split("store.subject_keys", `
	SELECT x.* FROM unnest($2::uuid[]) AS s(id) CROSS JOIN LATERAL (
		SELECT k.subject_id, k.wrapped FROM crm_subject_key k WHERE k.tenant_id = $1 AND k.subject_id = s.id LIMIT 1) x`, `
	SELECT subject_id, wrapped FROM crm_subject_key
	WHERE tenant_id = $1 AND subject_id IN (SELECT unhex(value) FROM json_each($2))`)

type keyRow struct {
	SubjectID ID     `bun:"subject_id"`
	Wrapped   []byte `bun:"wrapped"`
}

// learnKeys reads the keys under which the texts of new records will lie, all at once.
func (b *Bound[T, P]) learnKeys(ctx context.Context, c *work.Call, recs []*T) error {
	if !b.sealed || b.subject == "id" {
		return nil
	}
	var ids []ident.ID
	for _, rec := range recs {
		id := b.kind.Entity.KeyHolder(P(rec))
		if _, known := c.LearnedKey(id); !known {
			c.LearnKey(id, nil) // until it is read
			ids = append(ids, id)
		}
	}
	var rows []keyRow
	if err := b.DB.On(c.Unit).Select(ctx, keysOfMany, &rows, c.Tenant(), IDList(b.DB, ids)); err != nil {
		return err
	}
	for _, r := range rows {
		c.LearnKey(ident.ID(r.SubjectID), r.Wrapped)
	}
	return nil
}

// LearnKey sends for the key under which texts about a subject lie, and returns what waits until the call knows it: a verb
// asks for it together with what else it reads.
func (b *Bound[T, P]) LearnKey(c *work.Call, subject ident.ID) (wait func(ctx context.Context) error) {
	var rows []keyRow
	later := b.DB.On(c.Unit).SelectLater(keysOfMany, &rows, c.Tenant(), IDList(b.DB, []ident.ID{subject}))
	return func(ctx context.Context) error {
		if err := later.Wait(ctx); err != nil {
			return err
		}
		c.LearnKey(subject, nil) // unless it has one
		for _, r := range rows {
			c.LearnKey(subject, r.Wrapped)
		}
		return nil
	}
}

// KeyOf returns the key of a subject: the one that a read of this write has come upon, or else the stored one. A subject
// without a key gets one.
func KeyOf(ctx context.Context, ring *keys.Ring, c *work.Call, subject ident.ID) (keys.Key, error) {
	wrapped, known := c.LearnedKey(subject)
	if len(wrapped) > 0 {
		return ring.Unwrap(ctx, c.Tenant(), subject, wrapped)
	}
	var key keys.Key
	var err error
	if known {
		key, err = ring.First(ctx, c.Unit, c.Tenant(), subject)
	} else {
		key, err = ring.Subject(ctx, c.Unit, c.Tenant(), subject, true)
	}
	if err == nil {
		c.LearnKey(subject, key.Wrapped())
	}
	return key, err
}

// sealText returns the sealed form of a text, nil for an absent one.
func sealText(key keys.Key, at keys.Place, t personal.Text) ([]byte, error) {
	plain, err := t.Value()
	if err != nil || plain == "" {
		return nil, err
	}
	return key.Seal(at, plain)
}
