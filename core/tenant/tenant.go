package tenant

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Tenant is the scope's tenant with its settings. It is a light value, got from [Service.In].
//
// Settings changed on a joined or InTx session are seen by that transaction at once and by everybody once it commits;
// such a transaction should end within five minutes, after which this process goes back to its cache.
type Tenant struct {
	svc   *Service
	scope work.Scope
}

// Get returns the tenant's settings, with defaults for what was never set.
//
// Errors: Denied without the right to read the settings.
func (t Tenant) Get(ctx context.Context) (Settings, error) {
	return work.View(ctx, t.svc.engine, t.scope, "tenant: settings", Entity, func(ctx context.Context, c *work.Call) (Settings, error) {
		set, err := t.svc.settings(ctx, c.Unit, c.Tenant())
		if err != nil {
			return Settings{}, err
		}
		c.Mask(set)
		return *set, nil
	})
}

// Update changes settings and returns them. version is the one the caller saw; 0 means whatever is stored now. An
// update that changes nothing writes nothing. Days that records already have stay as they are.
//
// Errors: Invalid naming each field that cannot be; Conflict when the version moved; Denied without the right to
// configure the settings; Retryable when two updates of a tenant meet inside the host's transactions.
func (t Tenant) Update(ctx context.Context, version int64, u Update) (Settings, error) {
	tenant := t.scope.Principal.Tenant
	if t.scope.Unit == nil {
		defer t.svc.zones.Begin(tenant)()
	}
	load := func(ctx context.Context, c *work.Call) (*Settings, error) { return t.svc.settings(ctx, c.Unit, tenant) }
	set, err := work.Write(ctx, t.svc.engine, t.scope, work.Change[Settings]{
		Op: "tenant: update settings", Entity: Entity, Action: work.Configure, Kind: Updated,
		ID: SettingsID, Version: version, Args: u,
		Load:  load,
		Apply: func(_ context.Context, _ *work.Call, set *Settings) error { return u.apply(set) },
		Save: func(ctx context.Context, c *work.Call, before, after *Settings) error {
			if t.scope.Unit != nil {
				t.svc.zones.Hold(tenant)
			}
			return t.svc.store.SaveSettings(ctx, c.Unit, tenant, *after, before.Version)
		},
		Replay: func(ctx context.Context, c *work.Call, _ ident.ID) (*Settings, error) { return load(ctx, c) },
	})
	set.Meta = schema.Meta{ID: set.ID, Version: set.Version, Hidden: set.Hidden}
	return set, err
}
