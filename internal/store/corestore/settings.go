package corestore

import (
	"context"
	"errors"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	getSettings = store.Same("corestore.get_settings", `
		SELECT zone, currency, language, settings_version FROM crm_tenant WHERE tenant_id = $1`)

	putSettings = store.Same("corestore.put_settings", `
		INSERT INTO crm_tenant (tenant_id, zone, currency, language, settings_version, schema_version, updated_at)
		VALUES ($1, $2, $3, $4, $5, 0, $6)
		ON CONFLICT (tenant_id) DO UPDATE SET zone = excluded.zone, currency = excluded.currency, language = excluded.language,
			settings_version = excluded.settings_version, updated_at = excluded.updated_at
		WHERE COALESCE(crm_tenant.settings_version, 0) = $7`)
)

type settingsRow struct {
	Zone     string `bun:"zone"`
	Currency string `bun:"currency"`
	Language string `bun:"language"`
	Version  int64  `bun:"settings_version"`
}

// Settings implements [tenant.Store].
func (s *Store) Settings(ctx context.Context, u work.Unit, of string) (set tenant.Settings, err error) {
	var r settingsRow
	if err := found(s.db.On(u).Get(ctx, getSettings, &r, of)); err != nil {
		return set, err
	}
	set.Zone, set.Currency, set.Language, set.Version = r.Zone, r.Currency, r.Language, r.Version
	return set, nil
}

// SaveSettings implements [tenant.Store]. The row may have been made by the first custom field.
func (s *Store) SaveSettings(_ context.Context, u work.Unit, of string, set tenant.Settings, from int64) error {
	return s.db.On(u).QueueOne(putSettings, func(err error) error {
		if errors.Is(err, store.ErrNoRow) {
			return fault.New(fault.Retryable, "another change of the tenant's settings came first: run the transaction again")
		}
		return err
	}, of, store.OrNull(set.Zone), store.OrNull(set.Currency), store.OrNull(set.Language), set.Version, time.Now().UTC(), from)
}
