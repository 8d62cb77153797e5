package boundary

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/plugin"
)

// Config is what a [Boundary] is made of. What has no default must be set.
type Config struct {
	Extensions []plugin.Extension // may be empty; their ids must differ
	Engine     *work.Engine       // its Policy should be one made by [Policy]
	Store      Store              // what must outlive the process
	// Sources are the kinds of records that plugins may read, by name.
	Sources map[string]work.Source
	// LogInteraction stores an interaction with one customer on the scope's unit and returns its id.
	LogInteraction func(ctx context.Context, s work.Scope, w plugin.LogInteraction) (ident.ID, error)
	// Claims gives the claims of a scope.
	Claims func(s work.Scope) claim.Claims
	// Derive returns a tenant's secret for a use; tokens are keyed with "plugin-token".
	Derive func(ctx context.Context, tenant, label string) ([32]byte, error)
	// Consented must report whether a customer has agreed to a plugin's purpose. Nil refuses extensions that name a purpose
	// whose basis is consent.
	Consented func(ctx context.Context, s work.Scope, customer ident.ID, why personal.Purpose) (bool, error)
	Logger    *slog.Logger // Defaults to slog.Default
}

// Store keeps what the boundary must not forget. Implementations must be safe for concurrent use.
type Store interface {
	// Consume must mark an event or action as taken effect; fresh is false when it was marked before.
	Consume(ctx context.Context, u work.Unit, tenant, pluginID string, id ident.ID, at time.Time) (fresh bool, err error)
	// Value must return what Put kept.
	Value(ctx context.Context, u work.Unit, tenant, pluginID, key string) (value []byte, ok bool, err error)
	// Put must keep a value; an empty one drops the key.
	Put(ctx context.Context, u work.Unit, tenant, pluginID, key string, value []byte, at time.Time) error
	// Next must return 1, 2, 3 and so on for each record, without gaps among transactions that commit.
	Next(ctx context.Context, u work.Unit, tenant, pluginID string, record ident.ID) (int64, error)
	// Disclose must append to the ledger.
	Disclose(ctx context.Context, u work.Unit, tenant string, list []plugin.Disclosure) error
	// Disclosures must return the ledger of one record in order, after a line's id.
	Disclosures(ctx context.Context, u work.Unit, tenant string, record ident.Ref, after ident.ID, limit int) ([]plugin.Disclosure, error)
}

// New checks the manifests against the schema and returns a Boundary. Nothing runs before [Boundary.Start].
//
// Errors: Invalid naming the extension and what it declares wrongly: ids and namespaces must differ, entities and
// fields must exist and must not be sensitive.
func New(cfg Config) (*Boundary, error) {
	if cfg.Engine == nil || cfg.Store == nil || cfg.LogInteraction == nil || cfg.Claims == nil || cfg.Derive == nil {
		return nil, fault.New(fault.Internal, "boundary: Engine, Store, LogInteraction, Claims and Derive must be set")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	b := &Boundary{cfg: cfg, grants: map[ident.ID]*grant{}}
	var v fault.Violations
	ids, spaces := map[string]bool{}, map[string]bool{}
	for _, ext := range cfg.Extensions {
		m := &member{ext: ext, manifest: ext.Manifest(), suspects: map[ident.ID]int{}}
		at := "Config.Extensions[" + m.manifest.ID + "]"
		v.AddAll(at, b.admit(m))
		if ids[m.manifest.ID] || spaces[m.manifest.Namespace] {
			v.Add(at, "another extension has the id or the namespace %q", m.manifest.Namespace)
		}
		ids[m.manifest.ID], spaces[m.manifest.Namespace] = true, true
		b.members = append(b.members, m)
	}
	return b, v.Err()
}

// admit checks one manifest.
func (b *Boundary) admit(m *member) error {
	var v fault.Violations
	v.AddAll("", m.manifest.Validate())
	for _, p := range m.manifest.Purposes {
		if p.Basis == plugin.Consent && (b.cfg.Consented == nil || m.manifest.Owns(string(p.ID))) {
			v.Add("purposes", "%s rests on consent, which nobody can give for it: use a built-in purpose or another basis", p.ID)
		}
	}
	if slices.Contains(m.manifest.Writes, plugin.WriteInteraction) {
		_, err := b.entity(plugin.WriteInteraction)
		v.AddAll("writes", leftOut(err))
	}
	for _, g := range m.manifest.Reads {
		if _, ok := b.cfg.Sources[g.Entity]; !ok {
			v.Add("reads", "plugins cannot read %q", g.Entity)
			continue
		}
		ent, err := b.entity(g.Entity)
		if err != nil {
			v.AddAll("reads", leftOut(err))
			continue // without a tenant some registries do not answer; queries check again
		}
		for _, name := range g.Fields {
			f, ok := ent.Field(name)
			switch {
			case len(name) > 7 && name[:7] == "custom.":
			case !ok:
				v.Add("reads", "%s has no field %q", g.Entity, name)
			case f.Class.Sensitive():
				v.Add("reads", "%s.%s is sensitive: plugins cannot read it", g.Entity, name)
			}
		}
	}
	return v.Err()
}

// entity describes an entity without a tenant's fields.
func (b *Boundary) entity(name string) (*schema.Entity, error) {
	return b.cfg.Engine.Schemas.Entity(context.Background(), nil, "", name)
}

// leftOut returns err if it says that the entity's module is left out, and else nil.
func leftOut(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Reason == schema.ReasonModule {
		return f
	}
	return nil
}
