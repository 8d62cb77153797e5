package corestore

import (
	"context"

	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

// Config is what a [Store] needs.
type Config struct {
	DB *store.DB // must be set
	// Derive returns a tenant's secret for a use; the digests of idempotency keys are keyed with "once". Must be set.
	Derive func(ctx context.Context, tenant, label string) ([32]byte, error)
	// Kinds are those with custom fields and others. When a field is made sortable, what a table holds already is indexed;
	// records of other kinds are indexed as they are written.
	Kinds []*work.Kind
}

// Store implements [work.Recorder], [work.BulkRecorder], [work.Accesses], [custom.Store] and [tenant.Store];
// [Store.Claims] has the store of claims. It is immutable and safe for concurrent use.
type Store struct {
	db     *store.DB
	derive func(ctx context.Context, tenant, label string) ([32]byte, error)
	kinds  []*work.Kind
}

var (
	_ work.Recorder     = (*Store)(nil)
	_ work.BulkRecorder = (*Store)(nil)
	_ work.Accesses     = (*Store)(nil)
	_ work.Audit        = (*Store)(nil)
	_ custom.Store      = (*Store)(nil)
	_ tenant.Store      = (*Store)(nil)
)

// New returns a Store over a DB.
func New(cfg Config) *Store { return &Store{db: cfg.DB, derive: cfg.Derive, kinds: cfg.Kinds} }

// Statements lists every static statement of the package.
func Statements() []store.SQL {
	return append([]store.SQL{
		addAudit, addEvent, addDispatch, addLine, moveLines, addAccess, setTimer, dropTimer, reserveOnce, getOnce, keepOnce,
		listAudit, getVersion, bumpVersion, addVersion, getField, listFields, putField, listObjects, putObject, dropSortKeys, getSettings, putSettings,
		claimOfKey, takeKey, dropKey,
	}, claimTable.Statements()...)
}
