package boundary

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/plugin"
)

// host is plugin.Host behind one token of one extension.
type host struct {
	b     *Boundary
	m     *member
	token string
}

var _ plugin.Host = (*host)(nil)

// enter checks the token and bounds the call by what is left of its time.
func (h *host) enter(ctx context.Context) (context.Context, context.CancelFunc, *grant, error) {
	g, err := h.b.allowed(h.m, h.token)
	if err != nil {
		return nil, nil, nil, err
	}
	ctx, cancel := context.WithDeadline(context.WithValue(ctx, depthKey{}, g.depth), g.deadline)
	return ctx, cancel, g, nil
}

// Query implements plugin.Host.
func (h *host) Query(ctx context.Context, q plugin.Query) (page.Page[plugin.Record], error) {
	const op = "plugin: query"
	var none page.Page[plugin.Record]
	ctx, cancel, g, err := h.enter(ctx)
	if err != nil {
		return none, fault.At(op, err)
	}
	defer cancel()
	if q, err = h.m.manifest.AllowQuery(q, g.purpose); err != nil {
		return none, fault.At(op, err)
	}
	out, err := h.b.query(ctx, g, q)
	if err != nil {
		return none, fault.At(op, err)
	}
	return out, nil
}

func (b *Boundary) query(ctx context.Context, g *grant, q plugin.Query) (out page.Page[plugin.Record], err error) {
	scope := g.reader()
	ent, err := b.cfg.Engine.Schemas.Entity(ctx, nil, g.tenant, q.Entity)
	if err != nil {
		return out, err
	}
	found, err := b.find(ctx, &scope, ent, g, q)
	if err != nil {
		return out, err
	}
	if err := g.show(len(found.Items)); err != nil {
		return out, err
	}
	out.Next = found.Next
	basis := b.basis(&scope, ent, g)
	for _, rec := range found.Items {
		agreed, err := basis.covers(ctx, rec)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, project(ent, rec, q.Fields, agreed))
	}
	return out, b.disclose(ctx, g, out.Items)
}

// find reads the records of a query through their domain.
func (b *Boundary) find(ctx context.Context, scope *work.Scope, ent *schema.Entity, g *grant, q plugin.Query) (out page.Page[schema.Aggregate], err error) {
	source := b.cfg.Sources[q.Entity]
	if q.IDs != nil {
		out.Items, err = source.GetMany(ctx, scope, q.IDs)
		return out, err
	}
	if err := b.checkWhere(ent, g, q); err != nil {
		return out, err
	}
	return source.Page(ctx, scope, ident.ID{}, page.Query{Where: q.Where, Limit: q.Limit, Cursor: q.Cursor})
}

// checkWhere refuses conditions over fields that the plugin may not see, which would tell their values; so would a
// condition over personal fields for a purpose that not everybody has agreed to.
func (b *Boundary) checkWhere(ent *schema.Entity, g *grant, q plugin.Query) error {
	if q.Where.Expr == "" {
		return nil
	}
	types := make(map[string]rule.Type, len(q.Where.Args))
	for _, name := range slices.Sorted(maps.Keys(q.Where.Args)) {
		v, ok := rule.Of(q.Where.Args[name])
		if !ok || v.IsBlank() {
			return fault.Field("where.args."+name, "want a bool, number, string, time, date, money or id")
		}
		types[name] = v.Type()
	}
	p, err := b.cfg.Engine.Rules.Compile(ent.Env(types), rule.Source{ID: "where", Expr: q.Where.Expr})
	if err != nil {
		return err
	}
	granted, _ := g.m.manifest.Grant(q.Entity, g.purpose)
	why, _ := g.m.manifest.Purpose(g.purpose)
	for _, name := range p.Fields() {
		d := fault.New(fault.Denied, "the manifest does not read %s of %s for this purpose", fault.Quote(name), q.Entity)
		d.Field, d.Reason = "where", "not_granted"
		if !slices.Contains(granted.Fields, name) {
			return d
		}
		if f, _ := ent.Field(name); why.Basis == plugin.Consent && f.Class.Personal() {
			d.Message, d.Reason = "the purpose rests on consent: conditions over personal fields would tell of those who have not agreed", "consent"
			return d
		}
	}
	return nil
}

// project cuts a record down to fields. What the reader may not see is hidden, and so is what is personal unless the
// customers have agreed.
func project(ent *schema.Entity, rec schema.Aggregate, names []string, agreed bool) plugin.Record {
	base, values := rec.Base(), ent.Record(rec)
	fields := make(map[string]plugin.Field, len(names))
	var hidden []string
	for _, name := range names {
		f, ok := ent.Field(name)
		switch {
		case !ok: // a custom field that this tenant does not have
		case f.Class.Sensitive(), !agreed && f.Class.Personal(), work.Mask(base.Hidden).Has(name):
			hidden = append(hidden, name)
			fields[name] = plugin.Field{Class: f.Class}
		default:
			fields[name] = plugin.Field{Class: f.Class, Value: values.Field(name)}
		}
	}
	return plugin.NewRecord(ident.Ref{Entity: ent.Name, ID: base.ID}, base.Version, fields, hidden...)
}

// basis answers for the records of one query whether the purpose's basis stands for them. It asks once for each customer.
type basis struct {
	b       *Boundary
	scope   *work.Scope
	entity  *schema.Entity
	why     personal.Purpose
	consent bool // the purpose rests on consent
	known   map[ident.ID]bool
}

func (b *Boundary) basis(scope *work.Scope, ent *schema.Entity, g *grant) *basis {
	p, _ := g.m.manifest.Purpose(g.purpose)
	return &basis{b, scope, ent, g.purpose, p.Basis == plugin.Consent, map[ident.ID]bool{}}
}

// covers reports whether every customer that a record belongs to has agreed. A record that belongs to none is covered by
// nobody's consent.
func (s *basis) covers(ctx context.Context, rec schema.Aggregate) (bool, error) {
	if !s.consent {
		return true, nil
	}
	whose := s.entity.Subjects(rec)
	if s.entity.Name == entityCustomer {
		whose = []ident.ID{rec.Base().ID}
	}
	for _, id := range whose {
		yes, asked := s.known[id]
		if !asked {
			var err error
			if yes, err = s.b.cfg.Consented(ctx, *s.scope, id, s.why); err != nil {
				return false, err
			}
			s.known[id] = yes
		}
		if !yes {
			return false, nil
		}
	}
	return len(whose) > 0, nil
}

// disclose writes the ledger before anything is handed over.
func (b *Boundary) disclose(ctx context.Context, g *grant, recs []plugin.Record) error {
	if len(recs) == 0 {
		return nil
	}
	now := b.cfg.Engine.Now()
	list := make([]plugin.Disclosure, len(recs))
	for i, r := range recs {
		shown := slices.DeleteFunc(r.Names(), func(n string) bool { return slices.Contains(r.Hidden(), n) })
		list[i] = plugin.Disclosure{
			ID: b.cfg.Engine.NewID(), At: now, Plugin: g.m.manifest.ID, Purpose: g.purpose, Record: r.Ref, Fields: shown, Cause: g.subject,
		}
	}
	return b.cfg.Engine.Units.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
		return b.cfg.Store.Disclose(ctx, u, g.tenant, list)
	})
}

// Get implements plugin.Host.
func (h *host) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	const op = "plugin: get"
	ctx, cancel, g, err := h.enter(ctx)
	if err != nil {
		return nil, false, fault.At(op, err)
	}
	defer cancel()
	if err := plugin.CheckKey(key); err != nil {
		return nil, false, fault.At(op, err)
	}
	value, ok, err = h.b.cfg.Store.Value(ctx, nil, g.tenant, h.m.manifest.ID, key)
	return value, ok, fault.At(op, err)
}

// Log implements plugin.Host. A line without a good token is dropped.
func (h *host) Log(ctx context.Context, level slog.Level, msg string, args ...any) {
	_, cancel, g, err := h.enter(ctx)
	if err != nil {
		return
	}
	defer cancel()
	// A plugin does not log as an error of the host's, nor in its words.
	h.b.cfg.Logger.With("plugin", h.m.manifest.ID, "tenant", g.tenant).
		LogAttrs(ctx, level, "plugin says", slog.String("text", msg[:min(len(msg), 1000)]), slog.Group("with", args...))
}

// Claims implements plugin.Host.
func (h *host) Claims() plugin.Claims { return claims{h} }
