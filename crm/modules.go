package crm

import (
	"slices"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/internal/module"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

// Module names a part of the CRM that can be left out, with its tables, kinds, timers and façades. [Config.Modules] says
// which a program uses, and [Migrate] installs them.
type Module string

// The modules.
const (
	ModuleFoundation Module = "foundation" // tenants, keys, audit, events, timelines, the queue, claims, custom fields; always there
	ModuleCustomer   Module = "customer"   // customers, interactions, and the objects that tenants define
	ModulePipeline   Module = "pipeline"   // pipelines, leads and opportunities; needs customer
	ModuleService    Module = "service"    // cases and their clocks; needs customer
	ModulePrivacy    Module = "privacy"    // consents and the send gate; needs customer
	ModulePlugin     Module = "plugin"     // extensions and what they were shown
)

// Modules lists every module, each behind those it needs.
func Modules() []Module {
	var out []Module
	for _, m := range store.Modules() {
		out = append(out, Module(m.Name))
	}
	return out
}

// ReasonModule is the reason of the Unavailable fault of an operation whose module is left out.
const ReasonModule = schema.ReasonModule

// absent is the fault of an operation whose module is left out.
func (m Module) absent() error {
	f := fault.New(fault.Unavailable, "the module %s is left out: name it in Config.Modules, and install it by crm.Migrate or rapport migrate", m)
	f.Reason = ReasonModule
	return f
}

// selected returns the modules of a list in the order of installation; an empty list means all.
//
// Errors: Invalid for field "modules" on an unknown name, naming the nearest, and for a module without one it needs.
func selected(further []module.Module, list []Module) ([]store.Module, error) {
	names := make([]string, len(list))
	for i, m := range list {
		names[i] = string(m)
	}
	all := store.Modules()
	for _, m := range further {
		all = append(all, m.Module)
	}
	some, err := store.Select(all, names...)
	if err != nil {
		return nil, err
	}
	return store.Arrange(some)
}

// has reports whether the program uses a module.
func (cfg *Config) has(m Module) bool {
	return len(cfg.Modules) == 0 || m == ModuleFoundation || slices.Contains(cfg.Modules, m)
}

// Kinds lists the kinds of records of every module, those that a program leaves out too: what the default roles, imports,
// exports and tests of hosts range over. Kinds that tenants define are there by their family; extensions' own are not among
// them. The kinds must not be changed.
func Kinds() []*work.Kind {
	return slices.Concat(
		custom.Kinds(), tenant.Kinds(), claim.Kinds(),
		customer.Kinds(), activity.Kinds(), object.Kinds(), pipeline.Kinds(), service.Kinds(), privacy.Kinds(),
	)
}

// kinds lists the kinds of every module that the program knows.
func (cfg *Config) kinds() []*work.Kind {
	out := Kinds()
	for _, m := range cfg.further {
		out = append(out, m.Kinds...)
	}
	return out
}

// registry has the kinds of the modules in use, and for those of the others the fault of both paths.
func (cfg *Config) registry() (*schema.Registry, error) {
	r, err := schema.NewRegistry()
	if err != nil {
		return nil, err
	}
	for _, k := range cfg.kinds() {
		if m := Module(k.Module); !cfg.has(m) {
			r.Withhold(k.Name(), m.absent())
		} else if err := r.Add(k.Entity); err != nil {
			return nil, err
		}
	}
	return r, nil
}
