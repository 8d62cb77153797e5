package custom

import (
	"context"

	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Store keeps definitions and one version number per tenant. Every method runs on the given unit, nil meaning the
// store's own pools, and names the tenant in every statement. Implementations must be safe for concurrent use.
type Store interface {
	// Version must return the tenant's schema version as the unit sees it, 0 for a tenant without one. It is the
	// statement that keeps caches fresh, so it must be cheap.
	Version(ctx context.Context, u work.Unit, tenant string) (int64, error)
	// Layout must return every definition of the tenant, retired ones included, and the schema version read before them or
	// together with them.
	Layout(ctx context.Context, u work.Unit, tenant string) (*Layout, error)
	// Define must insert the definition or replace the one of the same entity and key, and move the schema version from
	// from to from+1, creating the tenant's row when from is 0. When the stored version is no longer from, it must
	// write nothing and return a fault of code Retryable.
	Define(ctx context.Context, u work.Unit, tenant string, d schema.Definition, from int64) error
	// DefineObject must do the same for an object, which its key names.
	DefineObject(ctx context.Context, u work.Unit, tenant string, o Object, from int64) error
}
