package dbtest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule/cel"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/internal/store/corestore"
	"github.com/rapport-crm/rapport/internal/store/privacystore"
	"github.com/rapport-crm/rapport/privacy/access"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// Lab is what a domain's suite needs besides its own store: an engine on a backend with real rules, keys, cursors,
// custom fields and traces, whose clock stands still until it is moved.
type Lab struct {
	Backend
	Engine *work.Engine    // on the backend's DB, with the clock of the lab
	Keys   *keys.Ring      // a ring of its own: its master key dies with the lab
	Fields *custom.Service // the custom fields of tenants

	mu  sync.Mutex
	now time.Time
}

// Entities returns the descriptions of kinds.
func Entities(lists ...[]*work.Kind) (out []*schema.Entity) {
	for _, k := range slices.Concat(lists...) {
		out = append(out, k.Entity)
	}
	return out
}

// NewLab returns a Lab for entities under the default policy. Its clock begins at 2026-03-27 09:00 UTC, two days before
// the hour changes in Europe.
func NewLab(t testing.TB, b Backend, entities ...*schema.Entity) *Lab {
	t.Helper()
	l := &Lab{Backend: b, now: time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)}
	l.Keys = keys.NewRing(keys.NewMemory(), privacystore.Keys(b.DB), l.Now)
	core := corestore.New(corestore.Config{DB: b.DB, Derive: l.Keys.Derive})
	registry, err := schema.NewRegistry(append(entities, custom.Kinds()[0].Entity)...)
	check(t, err)
	schemas := custom.NewSchemas(custom.Config{Registry: registry, Store: core, Clock: l.Now})
	rules, err := cel.New(cel.Config{})
	check(t, err)
	l.Engine = &work.Engine{
		Units: b.DB, Policy: access.Default(crm.Kinds()), Recorder: core, Accesses: core, Schemas: schemas, Rules: rules,
		Cursors: cursors{l.Keys}, Now: l.Now, NewID: ident.New,
	}
	l.Fields = custom.New(l.Engine, schemas)
	return l
}

// Now is the instant at which the clock stands.
func (l *Lab) Now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// Advance moves the clock on and returns the new instant.
func (l *Lab) Advance(d time.Duration) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
	return l.now
}

// cursors seals positions with a key of the tenant.
type cursors struct{ keys *keys.Ring }

func (c cursors) codec(ctx context.Context, tenant string) (*page.Codec, error) {
	key, err := c.keys.Derive(ctx, tenant, "cursor")
	if err != nil {
		return nil, err
	}
	return page.NewCodec(key[:])
}

func (c cursors) Seal(ctx context.Context, tenant string, p page.Position) (string, error) {
	codec, err := c.codec(ctx, tenant)
	if err != nil {
		return "", err
	}
	return codec.Seal(tenant, p), nil
}

func (c cursors) Open(ctx context.Context, tenant, cursor string) (page.Position, error) {
	codec, err := c.codec(ctx, tenant)
	if err != nil {
		return page.Position{}, err
	}
	return codec.Open(tenant, cursor)
}
