package boundary

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/plugin"
)

// Plugins are the extensions as one principal may use them, for one purpose. It is a light value, safe for concurrent
// use.
type Plugins struct {
	b     *Boundary
	scope *work.Scope
}

// In returns the extensions as the scope's principal may use them. A nil Boundary has none.
func (b *Boundary) In(scope *work.Scope) Plugins { return Plugins{b, scope} }

// Manifests lists the extensions, in the order of the configuration.
func (ps Plugins) Manifests() []plugin.Manifest {
	var out []plugin.Manifest
	if ps.b != nil {
		for _, m := range ps.b.members {
			out = append(out, m.manifest)
		}
	}
	return out
}

// Invoke runs an action of an extension and returns its output. The plugin reads and writes customers' data with the
// caller's rights. Under an idempotency key a repeated call has the same Request.ID, by which the plugin recognizes it.
//
// Errors: NotFound for an action that no extension declares; Invalid for input that does not fit and inside a
// transaction; Conflict with reason "once" for an idempotency key that was used for another operation, other input or
// by somebody else; Denied with reason "action" without the right, "purpose" for a session of another purpose than the
// action's; Unavailable when the extension does not answer; Internal with reason "contract" for output that does not
// fit its manifest; and what the extension returns.
func (ps Plugins) Invoke(ctx context.Context, action string, in map[string]any) (plugin.Values, error) {
	const op = "plugin: invoke"
	if err := ps.scope.Validate(); err != nil {
		return nil, fault.At(op, err)
	}
	m, a, err := ps.action(action)
	if err != nil {
		return nil, fault.At(op, err)
	}
	if err := ps.may(ctx, m, a); err != nil {
		return nil, fault.At(op, err)
	}
	input, err := plugin.ValuesOf(in)
	if err == nil {
		err = a.CheckInput(input)
	}
	if err != nil {
		return nil, fault.At(op, err)
	}
	out, err := ps.run(ctx, m, a, input)
	return out, fault.At(op, err)
}

func (ps Plugins) action(name string) (*member, plugin.Action, error) {
	if ps.b != nil {
		for _, m := range ps.b.members {
			if a, ok := m.manifest.Action(name); ok {
				return m, a, nil
			}
		}
	}
	f := fault.New(fault.NotFound, "no extension has this action")
	f.Field = "action"
	return nil, plugin.Action{}, f
}

// may checks who calls, why, and from where.
func (ps Plugins) may(ctx context.Context, m *member, a plugin.Action) error {
	p := ps.scope.Principal
	allowed := p.Kind == ident.KindSystem || p.Kind == ident.KindUser && slices.ContainsFunc(p.Roles, func(r string) bool {
		return r == "admin" || slices.Contains(a.Roles, r)
	})
	switch {
	case !allowed:
		f := fault.New(fault.Denied, "none of the principal's roles may call %s", a.Name)
		f.Reason = "action"
		return f
	case ps.scope.Purpose != a.Purpose && !m.manifest.Owns(string(a.Purpose)):
		f := fault.New(fault.Denied, "the action is for the purpose %q: act for that one", a.Purpose)
		f.Reason = "purpose"
		return f
	case ps.scope.Unit != nil:
		return fault.Field("session", "actions of plugins cannot be called inside a transaction: it would stay open while the plugin works")
	}
	// Reading nothing fails inside a transaction that the scope does not know of.
	return ps.b.cfg.Engine.Units.Read(ctx, nil, func(context.Context, work.Unit) error { return nil })
}

func (ps Plugins) run(ctx context.Context, m *member, a plugin.Action, input plugin.Values) (plugin.Values, error) {
	deadline := time.Now().Add(a.Deadline())
	if t, ok := ctx.Deadline(); ok && t.Before(deadline) {
		deadline = t
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	id, err := ps.callID(ctx, m, a, input)
	if err != nil {
		return nil, err
	}
	g := &grant{m: m, tenant: ps.scope.Principal.Tenant, purpose: a.Purpose, subject: id, caller: ps.scope, deadline: deadline}
	token, revoke, err := ps.b.mint(ctx, g)
	if err != nil {
		return nil, err
	}
	defer revoke()
	r, err := m.ext.Invoke(ctx, plugin.Call{Token: token, Request: plugin.Request{ID: g.subject, Action: a.Name, Input: input}})
	if err != nil {
		return nil, err
	}
	if err := a.CheckOutput(r.Output); err != nil {
		f := fault.New(fault.Internal, "the extension's answer does not fit its manifest: %w", err)
		f.Reason = "contract"
		return nil, f
	}
	return r.Output, nil
}

// callID names the call: anew, or as the first call under the caller's idempotency key was named.
func (ps Plugins) callID(ctx context.Context, m *member, a plugin.Action, input plugin.Values) (id ident.ID, err error) {
	e, s := ps.b.cfg.Engine, *ps.scope
	fresh := e.NewID()
	if s.Once == "" {
		return fresh, nil
	}
	args := []any{m.manifest.ID, string(s.Principal.Kind), s.Principal.ID}
	for _, name := range slices.Sorted(maps.Keys(input)) {
		args = append(args, name, input[name].Type().String(), input[name].String(), input[name].Texts())
	}
	digest, err := e.Recorder.Digest(ctx, s.Principal.Tenant, args)
	if err != nil {
		return id, err
	}
	op := "plugin: invoke " + a.Name
	err = e.Units.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
		call := ident.Ref{Entity: m.manifest.Namespace, ID: fresh}
		first, found, err := e.Recorder.Recall(ctx, u, s.Principal.Tenant, s.Once, op, digest)
		switch {
		case err != nil:
			return err
		case found:
			call = first
		default:
			err = e.Recorder.Remember(ctx, u, s.Principal.Tenant, s.Once, op, digest, call, e.Now())
		}
		id = call.ID
		return err
	})
	return id, err
}

// Disclosed returns which plugins were shown what of a record, in order, one page at a time; a page's cursor is the
// id of its last line. It answers "who got my data?".
//
// Errors: Denied without the right to read the audit; Invalid for a malformed query, and for field "record" on a kind that
// does not exist. The records of a kind that is no longer in use keep their ledger.
func (ps Plugins) Disclosed(ctx context.Context, record ident.Ref, q page.Query) (page.Page[plugin.Disclosure], error) {
	const op = "plugin: disclosed"
	var out page.Page[plugin.Disclosure]
	if ps.b == nil {
		return out, nil
	}
	size, err := q.Size()
	if err != nil {
		return out, fault.At(op, err)
	}
	var after ident.ID
	if q.Cursor != "" {
		if after, err = ident.Parse(q.Cursor); err != nil {
			return out, fault.At(op, fault.Field("cursor", "not a cursor of this list"))
		}
	}
	s := ps.scope
	err = s.Validate()
	if err == nil {
		_, err = ps.b.cfg.Engine.Policy.Access(ctx, *s, "audit", work.Read)
	}
	if err == nil {
		err = ps.checkRecord(ctx, record)
	}
	if err == nil {
		out.Items, err = ps.b.cfg.Store.Disclosures(ctx, s.Unit, s.Principal.Tenant, record, after, size)
	}
	if err != nil {
		return page.Page[plugin.Disclosure]{}, fault.At(op, err)
	}
	if len(out.Items) == size {
		out.Next = out.Items[size-1].ID.String()
	}
	return out, nil
}

// checkRecord refuses a record of no kind. One that a tenant has retired, or whose module is left out, was a kind once.
func (ps Plugins) checkRecord(ctx context.Context, record ident.Ref) error {
	kind, key, own := strings.Cut(record.Entity, ".")
	var err error
	if own {
		err = schema.CheckKey(key)
	}
	if err == nil {
		_, err = ps.b.cfg.Engine.Schemas.Entity(ctx, ps.scope.Unit, ps.scope.Principal.Tenant, kind)
	}
	f, ok := errors.AsType[*fault.Error](err)
	switch {
	case ok && f.Code == fault.Invalid:
		return fault.Field("record", "want the kind and id of a record: %s", f.Message)
	case ok && f.Reason == schema.ReasonModule:
		return nil
	case err == nil && record.ID.IsZero():
		return fault.Field("record", "want the kind and id of a record: the id is missing")
	}
	return err
}
