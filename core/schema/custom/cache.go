package custom

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// How old a cached schema may be. From soft on, one caller looks at the version while others go on; from hard on, every
// caller does. What other processes define is therefore seen within hard.
const (
	soft = 500 * time.Millisecond
	hard = time.Second
)

// unsettled is how long after a definition inside somebody else's transaction every call of the tenant asks the
// database: the service cannot see when that transaction ends.
const unsettled = 5 * time.Minute

// maxTenants bounds the cache; beyond it, it starts afresh.
const maxTenants = 20_000

// cache holds one snapshot per tenant. It holds only what was read while no definition of this process was pending, and
// so nothing that may still be rolled back.
type cache struct {
	clock   func() time.Time
	tenants sync.Map // string → *state
	size    atomic.Int64
}

type state struct {
	snap    atomic.Pointer[snapshot]
	pending atomic.Int64 // UnixNano until which transactions of others may hold definitions of ours
	own     atomic.Int64 // transactions of our own that are defining
	looking sync.Mutex   // held by the one caller that looks at the version
	mu      sync.Mutex   // guards gen, and snap against gen
	gen     uint64       // grows with each definition of this process
}

// snapshot is one version of a tenant's schema. It is immutable.
type snapshot struct {
	version  int64
	checked  time.Time
	entities map[string]*schema.Entity // those with custom fields
}

func (c *cache) state(tenant string) *state {
	if st, ok := c.tenants.Load(tenant); ok {
		return st.(*state) //nolint:forcetypeassert // only states are stored
	}
	st, loaded := c.tenants.LoadOrStore(tenant, &state{})
	if !loaded && c.size.Add(1) > maxTenants {
		c.shrink(tenant)
	}
	return st.(*state) //nolint:forcetypeassert // only states are stored
}

// shrink forgets every settled tenant but one.
func (c *cache) shrink(keep string) {
	now := c.clock().UnixNano()
	c.tenants.Range(func(k, v any) bool {
		if k != keep && v.(*state).settled(now) { //nolint:forcetypeassert // only states are stored
			c.tenants.Delete(k)
			c.size.Add(-1)
		}
		return true
	})
}

// settled reports whether no definition of this process is pending.
func (st *state) settled(now int64) bool { return st.own.Load() == 0 && st.pending.Load() < now }

// snapshot returns the tenant's schema as the unit may see it.
func (s *Service) snapshot(ctx context.Context, u work.Unit, tenant string) (*snapshot, error) {
	st, now := s.cache.state(tenant), s.cache.clock()
	snap := st.snap.Load()
	if !st.settled(now.UnixNano()) {
		return s.exact(ctx, u, tenant, snap)
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
	return s.refresh(ctx, u, tenant, st, snap, now)
}

// exact asks the unit itself and remembers nothing.
func (s *Service) exact(ctx context.Context, u work.Unit, tenant string, snap *snapshot) (*snapshot, error) {
	if snap != nil {
		if v, err := s.store.Version(ctx, u, tenant); err != nil || v == snap.version {
			return snap, err
		}
	}
	list, version, err := s.store.Definitions(ctx, u, tenant)
	if err != nil {
		return nil, err
	}
	return s.build(list, version)
}

// refresh looks at the version and, when it moved, at the definitions.
func (s *Service) refresh(ctx context.Context, u work.Unit, tenant string, st *state, snap *snapshot, now time.Time) (*snapshot, error) {
	st.mu.Lock()
	gen := st.gen
	st.mu.Unlock()
	next, err := s.exact(ctx, u, tenant, snap)
	if err != nil {
		return nil, err
	}
	fresh := &snapshot{version: next.version, checked: now, entities: next.entities}
	st.mu.Lock()
	defer st.mu.Unlock()
	// A long transaction may see an older schema than the one cached: it gets what it sees, others do not.
	if old := st.snap.Load(); st.gen == gen && (old == nil || old.version <= fresh.version) {
		st.snap.Store(fresh)
	}
	return fresh, nil
}

// hold makes every call of the tenant exact until the transaction of somebody else can be taken to have ended.
func (s *Service) hold(tenant string) {
	st := s.cache.state(tenant)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.gen++
	st.pending.Store(s.cache.clock().Add(unsettled).UnixNano())
}

// begin makes every call of the tenant exact while a transaction of our own defines; the function it returns ends
// that, committed or not, and forgets what was cached.
func (s *Service) begin(tenant string) (end func()) {
	st := s.cache.state(tenant)
	st.own.Add(1)
	return func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.gen++
		st.snap.Store(nil)
		st.own.Add(-1)
	}
}
