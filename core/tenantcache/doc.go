// Package tenantcache keeps in memory what each tenant configures and every operation reads: one value per tenant under a
// version number, at most a second old.
//
//	c := tenantcache.New(tenantcache.Config[*zone]{Version: store.Version, Load: load})
//	z, err := c.Get(ctx, u, tenant) // nearly always without a statement
//
//	defer c.Begin(tenant)() // around a transaction of one's own that changes the value
//	c.Hold(tenant)          // inside a transaction of somebody else's
//
// Start with [Cache].
package tenantcache
