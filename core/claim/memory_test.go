package claim_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// memory is a claim.Store and the rest of a CRM, in memory. Transactions run one after the other and are undone when
// they fail.
type memory struct {
	work.Store[claim.Claim] // what claims do not ask for

	fault mutant

	mu      sync.Mutex
	clock   time.Time
	claims  map[ident.ID]claim.Claim
	keys    map[claim.Key]owner
	once    map[string]ident.Ref
	access  work.Access
	traces  []work.Record
	history []moment
}

type owner struct {
	id    ident.ID
	until time.Time // zero for ever
}

// moment is one saved state of a claim.
type moment struct {
	at    time.Time
	claim claim.Claim
}

// mutant names a deliberate fault of the store, "" for none.
type mutant string

const (
	takesBlindly   mutant = "takes keys without looking"
	takesEarly     mutant = "takes keys a second before their time is over"
	takesLate      mutant = "leaves keys alone at the instant their time is over"
	keepsOldLimit  mutant = "extends the claim but not its keys"
	dropsForeign   mutant = "drops keys that others have"
	dropsNothing   mutant = "never drops keys"
	takesFirstOnly mutant = "takes the first key only"
	keepsHalf      mutant = "keeps the keys taken before the refused one"
)

var mutants = []mutant{takesBlindly, takesEarly, takesLate, keepsOldLimit, dropsForeign, dropsNothing, takesFirstOnly, keepsHalf}

func newMemory(m mutant) *memory {
	return &memory{
		fault: m, clock: time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC),
		claims: map[ident.ID]claim.Claim{}, keys: map[claim.Key]owner{}, once: map[string]ident.Ref{},
	}
}

func (m *memory) as(user string) claim.Claims {
	return m.in(work.Scope{Principal: ident.User("acme", user, "sales"), Purpose: personal.Sales})
}

func (m *memory) in(s work.Scope) claim.Claims {
	e := &work.Engine{Units: m, Policy: m, Recorder: m, Schemas: m, Now: func() time.Time { return m.clock }, NewID: ident.New}
	return claim.New(e, m).In(&s)
}

func (m *memory) advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock = m.clock.Add(d)
}

func (m *memory) Write(ctx context.Context, _ work.Unit, fn func(ctx context.Context, u work.Unit) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	claims, keys, once, n := maps.Clone(m.claims), maps.Clone(m.keys), maps.Clone(m.once), len(m.history)
	err := fn(ctx, "tx")
	if err != nil {
		m.claims, m.once, m.history = claims, once, m.history[:n]
		if m.fault != keepsHalf {
			m.keys = keys
		}
	}
	return err
}

func (m *memory) Read(ctx context.Context, _ work.Unit, fn func(ctx context.Context, u work.Unit) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fn(ctx, "read")
}

func (m *memory) Access(context.Context, work.Scope, string, work.Action) (work.Access, error) {
	return m.access, nil
}

var entity = claim.Kinds()[0].Entity

func (m *memory) Entity(context.Context, work.Unit, string, string) (*schema.Entity, error) {
	return entity, nil
}

func (m *memory) Record(_ context.Context, _ work.Unit, t work.Record) error {
	m.traces = append(m.traces, t)
	return nil
}

func (m *memory) Digest(_ context.Context, _ string, args any) ([]byte, error) {
	return fmt.Append(nil, args), nil
}

func (m *memory) Recall(_ context.Context, _ work.Unit, tenant, key, op string, digest []byte) (ident.Ref, bool, error) {
	ref, ok := m.once[fmt.Sprint(tenant, key, op, string(digest))]
	return ref, ok, nil
}

func (m *memory) Remember(_ context.Context, _ work.Unit, tenant, key, op string, digest []byte, ref ident.Ref, _ time.Time) error {
	m.once[fmt.Sprint(tenant, key, op, string(digest))] = ref
	return nil
}

func (m *memory) Get(_ context.Context, _ *work.Call, id ident.ID, _ work.Fetch) (*claim.Claim, error) {
	rec, ok := m.claims[id]
	if !ok {
		return nil, fault.New(fault.NotFound, "no such claim")
	}
	rec.Keys = slices.Clone(rec.Keys)
	return &rec, nil
}

func (m *memory) Of(ctx context.Context, c *work.Call, key claim.Key) (*claim.Claim, error) {
	return m.Get(ctx, c, m.keys[key].id, work.Look)
}

func (m *memory) Save(_ context.Context, c *work.Call, before, after *claim.Claim) error {
	old, exists := m.claims[after.ID]
	if exists != (before != nil) || before != nil && old.Version != before.Version {
		return fault.New(fault.Conflict, "the claim was changed meanwhile")
	}
	m.claims[after.ID] = *after
	m.history = append(m.history, moment{c.Now, *after})
	if after.State == claim.StateReleased {
		m.drop(after.ID, after.Keys)
		return nil
	}
	if err := m.take(c, after); err != nil || before == nil {
		return err
	}
	m.drop(after.ID, slices.DeleteFunc(slices.Clone(before.Keys), after.Holds))
	return nil
}

func (m *memory) take(c *work.Call, rec *claim.Claim) error {
	for _, k := range rec.Keys {
		now := c.Now
		switch m.fault {
		case takesEarly:
			now = now.Add(time.Second)
		case takesLate:
			now = now.Add(-time.Microsecond)
		}
		o, had := m.keys[k]
		if had && o.id != rec.ID && (o.until.IsZero() || o.until.After(now)) && m.fault != takesBlindly {
			return claim.Taken(k)
		}
		if had && o.id == rec.ID && m.fault == keepsOldLimit {
			continue
		}
		m.keys[k] = owner{rec.ID, rec.Until}
		if m.fault == takesFirstOnly {
			break
		}
	}
	return nil
}

func (m *memory) drop(id ident.ID, keys []claim.Key) {
	for _, k := range keys {
		if (m.keys[k].id == id || m.fault == dropsForeign) && m.fault != dropsNothing {
			delete(m.keys, k)
		}
	}
}
