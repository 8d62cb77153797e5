package tenant

import (
	"context"

	"github.com/rapport-crm/rapport/core/work"
)

// Store keeps the settings of tenants, one row each. Every method runs on the given unit, nil meaning the store's own
// pools, and names the tenant in every statement. Implementations must be safe for concurrent use.
type Store interface {
	// Settings must return what the tenant has set and its version as the unit sees them: blanks and 0 for a tenant that
	// has set nothing. It is the statement that keeps caches fresh, so it must be cheap.
	Settings(ctx context.Context, u work.Unit, tenant string) (Settings, error)
	// SaveSettings must store zone, currency, language and version, the first time also where the tenant's row is
	// there for other reasons. When the stored version is no longer from, it must write nothing and return a fault of
	// code Retryable.
	SaveSettings(ctx context.Context, u work.Unit, tenant string, set Settings, from int64) error
}
