package tenant

import (
	"context"

	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Tenant is the scope's tenant with its settings. It is a light value, made by [Service.In].
//
// Settings changed on a joined or InTx session are seen by that transaction at once and by everybody once it commits;
// such a transaction should end within five minutes, after which this process goes back to its cache.
type Tenant struct {
	s     *Service
	scope *work.Scope
}

// Get returns the tenant's settings, with defaults for what was never set.
//
// Errors: Denied without the right to read the settings.
func (t Tenant) Get(ctx context.Context) (Settings, error) {
	return t.s.settings.Get(ctx, t.scope, SettingsID)
}

// Update changes settings and returns them. version is the one the caller saw, or [schema.AnyVersion]. An
// update that changes nothing writes nothing. Days that records already have stay as they are.
//
// Errors: Invalid naming each field that cannot be; Conflict when the version moved; Denied without the right to
// configure the settings; Retryable when two updates of a tenant meet inside the host's transactions.
func (t Tenant) Update(ctx context.Context, version int64, u Update) (Settings, error) {
	zones, tenant := t.s.zones, t.scope.Principal.Tenant
	if t.scope.Unit == nil {
		defer zones.cache.Begin(tenant)()
	}
	set, err := t.s.settings.Update(ctx, t.scope, work.Verb[Settings]{
		Action: work.Configure, ID: SettingsID, Version: version, Args: u, Set: update.With(&u),
		Apply: func(_ context.Context, c *work.Call, set *Settings) error {
			if t.scope.Unit != nil {
				c.Then(func(context.Context) error { zones.cache.Hold(tenant); return nil })
			}
			return u.check(set)
		},
	})
	set.Meta = schema.Meta{ID: set.ID, Version: set.Version, Hidden: set.Hidden}
	return set, err
}
