package privacystore

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
)

type suppressionRow struct {
	store.MetaRow

	Channel string     `bun:"channel"`
	Digest  []byte     `bun:"digest"`
	Cause   string     `bun:"cause"`
	Since   store.Time `bun:"since"`
}

var (
	suppressionFields = append(store.MetaColumns(), "channel", "digest", "cause", "since")
	oneSuppression    = "SELECT " + store.Qualified("s", store.BirthColumns()[1:], suppressionFields) + " FROM crm_suppression s WHERE s.tenant_id = $1 AND "

	getSuppression    = store.Same("privacy.suppression", oneSuppression+"s.channel = $2 AND s.digest = $3")
	lockSuppression   = store.Split("privacy.lock_suppression", oneSuppression+"s.channel = $2 AND s.digest = $3 FOR UPDATE", oneSuppression+"s.channel = $2 AND s.digest = $3")
	suppressionByID   = store.Same("privacy.suppression_by_id", oneSuppression+"s.id = $2")
	addSuppression    = store.Same("privacy.add_suppression", store.InsertText("crm_suppression", store.BirthColumns(), suppressionFields))
	updateSuppression = store.Same("privacy.update_suppression", store.UpdateText("crm_suppression", "", append(store.MetaColumns(), "cause", "since")))
)

func (r *suppressionRow) suppression() *privacy.Suppression {
	return &privacy.Suppression{
		Meta: r.Meta(), Channel: personal.Channel(r.Channel), Digest: r.Digest, Cause: privacy.Cause(r.Cause), Since: time.Time(r.Since),
	}
}

// Suppression implements [privacy.SuppressionStore].
func (s *Store) Suppression(ctx context.Context, c *work.Call, ch personal.Channel, digest []byte) (*privacy.Suppression, error) {
	q := getSuppression
	if c.Action == work.Create {
		q = lockSuppression
	}
	var r suppressionRow
	err := s.on(c).Get(ctx, q, &r, c.Tenant(), ch, digest)
	return orNil(r.suppression(), err)
}

// SuppressionByID implements [privacy.SuppressionStore].
func (s *Store) SuppressionByID(ctx context.Context, c *work.Call, id ident.ID) (*privacy.Suppression, error) {
	var r suppressionRow
	if err := s.on(c).Get(ctx, suppressionByID, &r, c.Tenant(), id); err != nil {
		return nil, err
	}
	return r.suppression(), nil
}

// PutSuppression implements [privacy.SuppressionStore].
func (s *Store) PutSuppression(ctx context.Context, c *work.Call, old, rec *privacy.Suppression) error {
	if old == nil {
		values := append(store.BirthValues(c.Tenant(), &rec.Meta), store.MetaValues(&rec.Meta)...)
		return once(s.on(c).Exec(ctx, addSuppression, append(values, rec.Channel, rec.Digest, rec.Cause, rec.Since)...))
	}
	values := append([]any{c.Tenant(), rec.ID, old.Version}, store.MetaValues(&rec.Meta)...)
	return once(s.on(c).Exec(ctx, updateSuppression, append(values, rec.Cause, rec.Since)...))
}
