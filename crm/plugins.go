package crm

import (
	"context"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/boundary"
	"github.com/rapport-crm/rapport/plugin"
)

// Plugins are the extensions as the session's principal may use them.
type Plugins struct {
	in  boundary.Plugins
	crm *CRM
}

func (c *CRM) plugins(s *work.Scope) Plugins { return Plugins{c.boundary.In(s), c} }

// check returns why nothing can be done, when the module is left out.
func (p Plugins) check() error {
	if p.crm.cfg.has(ModulePlugin) {
		return nil
	}
	return ModulePlugin.absent()
}

// Manifests lists the contracts of the extensions, in the order of the configuration.
func (p Plugins) Manifests() []plugin.Manifest { return p.in.Manifests() }

// Invoke runs an action of an extension and returns its output. The plugin reads and writes customers' data with the
// caller's rights. Under an idempotency key a repeated call has the same Request.ID, by which the plugin recognizes it.
//
// Errors: NotFound for an action that no extension declares; Invalid for input that does not fit, and inside a
// transaction; Conflict with reason "once" for an idempotency key that was used for something else; Denied;
// Unavailable while the extension cannot be reached; what the action itself returns.
func (p Plugins) Invoke(ctx context.Context, action string, in map[string]any) (plugin.Values, error) {
	if err := p.check(); err != nil {
		return nil, fault.At("plugin: invoke", err)
	}
	return p.in.Invoke(ctx, action, in)
}

// Disclosed returns which plugins were shown what of a record, in order, one page at a time.
//
// Errors: Denied without the right to read the audit; Invalid for a malformed query, and for field "record" on a kind that
// does not exist.
func (p Plugins) Disclosed(ctx context.Context, record ident.Ref, q page.Query) (page.Page[plugin.Disclosure], error) {
	if err := p.check(); err != nil {
		return page.Page[plugin.Disclosure]{}, fault.At("plugin: disclosed", err)
	}
	return p.in.Disclosed(ctx, record, q)
}
