package tenantcache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rapport-crm/rapport/core/work"
)

// How old a value may be. From soft on, one caller looks at the version while others go on; from hard on, every caller
// does. What other processes change is therefore seen within hard.
const (
	soft = 500 * time.Millisecond
	hard = time.Second
)

// unsettled is how long after a change inside somebody else's transaction every call of the tenant asks the database:
// nobody tells the cache when that transaction ends.
const unsettled = 5 * time.Minute

// maxTenants bounds the cache; beyond it, it starts afresh.
const maxTenants = 20_000

// Config is what a [Cache] needs.
type Config[T any] struct {
	// Version returns the number of the tenant's value as the unit sees it. It keeps the cache fresh, so it must be
	// cheap, and it must grow with every change. Required.
	Version func(ctx context.Context, u work.Unit, tenant string) (int64, error)
	// Load returns the tenant's value with a version read before it or together with it. Required.
	Load func(ctx context.Context, u work.Unit, tenant string) (value T, version int64, err error)
	// Clock measures the age of what is cached and nothing else. Defaults to time.Now.
	Clock func() time.Time
}

// Cache holds one value per tenant. It holds only what was read while no change of this process was pending, and so
// nothing that may still be rolled back. Values are shared between callers: they must not be changed. A Cache is safe
// for concurrent use.
type Cache[T any] struct {
	cfg     Config[T]
	tenants sync.Map // string → *state[T]
	size    atomic.Int64
}

type state[T any] struct {
	snap    atomic.Pointer[snapshot[T]]
	pending atomic.Int64 // UnixNano until which transactions of others may hold changes of ours
	own     atomic.Int64 // transactions of our own that are changing the value
	looking sync.Mutex   // held by the one caller that looks at the version
	mu      sync.Mutex   // guards gen, and snap against gen
	gen     uint64       // grows with each change of this process
}

// snapshot is one version of a tenant's value. It is immutable.
type snapshot[T any] struct {
	version int64
	checked time.Time
	value   T
}

// New returns an empty Cache.
func New[T any](c Config[T]) *Cache[T] {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &Cache[T]{cfg: c}
}

// Get returns the tenant's value as the unit may see it: what the unit's own transaction has changed, what this process
// has committed, and what others committed at least a second ago.
//
// Errors: whatever Version and Load return.
func (c *Cache[T]) Get(ctx context.Context, u work.Unit, tenant string) (T, error) {
	snap, err := c.get(ctx, u, tenant)
	if err != nil {
		var none T
		return none, err
	}
	return snap.value, nil
}

// Hold makes every call of the tenant exact until the transaction of somebody else, in which the caller changes the
// value, can be taken to have ended: for five minutes.
func (c *Cache[T]) Hold(tenant string) {
	st := c.state(tenant)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.gen++
	st.pending.Store(c.cfg.Clock().Add(unsettled).UnixNano())
}

// Begin makes every call of the tenant exact while a transaction of the caller's own changes the value; the function it
// returns ends that, committed or not, and forgets what was cached.
func (c *Cache[T]) Begin(tenant string) (end func()) {
	st := c.state(tenant)
	st.own.Add(1)
	return func() {
		st.forget()
		st.own.Add(-1)
		if now := c.state(tenant); now != st { // it was forgotten meanwhile, and others began anew
			now.forget()
		}
	}
}

func (st *state[T]) forget() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.gen++
	st.snap.Store(nil)
}

func (c *Cache[T]) get(ctx context.Context, u work.Unit, tenant string) (*snapshot[T], error) {
	st, now := c.state(tenant), c.cfg.Clock()
	snap := st.snap.Load()
	if !st.settled(now.UnixNano()) {
		return c.exact(ctx, u, tenant, snap)
	}
	if snap != nil {
		age := now.Sub(snap.checked)
		if age < soft {
			return snap, nil
		}
		if age < hard {
			if !st.looking.TryLock() {
				return snap, nil
			}
			defer st.looking.Unlock()
		}
	}
	return c.refresh(ctx, u, tenant, st, snap, now)
}

// exact asks the unit itself and remembers nothing.
func (c *Cache[T]) exact(ctx context.Context, u work.Unit, tenant string, snap *snapshot[T]) (*snapshot[T], error) {
	if snap != nil {
		if v, err := c.cfg.Version(ctx, u, tenant); err != nil || v == snap.version {
			return snap, err
		}
	}
	value, version, err := c.cfg.Load(ctx, u, tenant)
	if err != nil {
		return nil, err
	}
	return &snapshot[T]{version: version, value: value}, nil
}

// refresh looks at the version and, when it moved, at the value.
func (c *Cache[T]) refresh(ctx context.Context, u work.Unit, tenant string, st *state[T], snap *snapshot[T], now time.Time) (*snapshot[T], error) {
	st.mu.Lock()
	gen := st.gen
	st.mu.Unlock()
	next, err := c.exact(ctx, u, tenant, snap)
	if err != nil {
		return nil, err
	}
	fresh := &snapshot[T]{version: next.version, checked: now, value: next.value}
	st.mu.Lock()
	defer st.mu.Unlock()
	// A long transaction may see an older value than the one cached: it gets what it sees, others do not.
	if old := st.snap.Load(); st.gen == gen && (old == nil || old.version <= fresh.version) {
		st.snap.Store(fresh)
	}
	return fresh, nil
}

func (c *Cache[T]) state(tenant string) *state[T] {
	if st, ok := c.tenants.Load(tenant); ok {
		return st.(*state[T]) //nolint:forcetypeassert // only states are stored
	}
	st, loaded := c.tenants.LoadOrStore(tenant, &state[T]{})
	if !loaded && c.size.Add(1) > maxTenants {
		c.shrink(tenant)
	}
	return st.(*state[T]) //nolint:forcetypeassert // only states are stored
}

// shrink forgets every settled tenant but one.
func (c *Cache[T]) shrink(keep string) {
	now := c.cfg.Clock().UnixNano()
	c.tenants.Range(func(k, v any) bool {
		if k != keep && v.(*state[T]).settled(now) { //nolint:forcetypeassert // only states are stored
			c.tenants.Delete(k)
			c.size.Add(-1)
		}
		return true
	})
}

// settled reports whether no change of this process is pending.
func (st *state[T]) settled(now int64) bool {
	until := st.pending.Load()
	return st.own.Load() == 0 && (until == 0 || until < now)
}
