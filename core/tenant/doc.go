// Package tenant keeps what a tenant sets for itself: its time zone, currency and language.
//
//	set, err := s.Settings.Get(ctx)
//	zone := "Europe/Berlin"
//	set, err = s.Settings.Update(ctx, set.Version, tenant.Update{Zone: &zone})
//
// The zone is where the tenant's days begin: it dates what opens and closes, and it is the zone of `today` in gates and
// in conditions of lists. A change is seen by the next call in the same process, by the rest of its own transaction, and
// within a second by other processes.
//
// Names of zones come from the host's time zone data, and where it has none from Go's, which importing the package links
// in.
//
// Start with [Tenant].
package tenant
