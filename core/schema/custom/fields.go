package custom

import (
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Fields are the custom fields and objects of one tenant. It is a light value, made by [Service.In].
//
// A field defined on a joined or InTx session is seen by that transaction at once and by everybody once it commits;
// such a transaction should end within five minutes, after which this process goes back to its cache.
type Fields struct {
	s     *Service
	scope *work.Scope
}

// Define adds a custom field, changes one, or brings a retired one back, and returns the field it makes. The type of a key
// never changes, nor the class of one whose values are personal. Stored values are not looked at: one that no longer fits
// is refused at the next change of its record.
//
// Errors: Invalid for a malformed definition, an entity that has no custom fields, a sealed class, or another type or
// class than the key had; LimitExceeded; Denied; Retryable when two definitions of a tenant meet inside the host's transactions.
func (f Fields) Define(ctx context.Context, d schema.Definition) (schema.Field, error) {
	err := f.check(d)
	if d.Retired {
		err = fault.Field("retired", "must be false: Retire takes a field out of use")
	}
	if err != nil {
		return schema.Field{}, fault.At("schema: define", err)
	}
	return d.Field(), f.change(ctx, "define", d, func(l *Layout) error { return l.put(d) }, map[string]string{"entity": d.Entity, "key": d.Key})
}

// Retire takes a custom field out of use: it can no longer be set, filtered or seen. Its values stay stored, and Define
// brings it back.
//
// Errors: NotFound when the tenant has no such field in use; Denied; Retryable as for Define; Unavailable with reason
// [schema.ReasonModule] when the entity's module is left out.
func (f Fields) Retire(ctx context.Context, entity, key string) error {
	if err := f.installed(entity); err != nil {
		return fault.At("schema: retire", err)
	}
	apply := func(l *Layout) error { return l.retire(entity, key) }
	return f.change(ctx, "retire", [2]string{entity, key}, apply, map[string]string{"entity": entity, "key": key})
}

// DefineObject adds an object, changes its labels, or brings a retired one back with its records. The labels are those given
// here, also when the object had others. Fields are given to it by [Fields.Define] with the entity "object.<key>".
//
// Errors: Invalid for a malformed key or label; LimitExceeded; Denied; Retryable as for Define; Unavailable with reason
// [schema.ReasonModule] when the module of objects is left out.
func (f Fields) DefineObject(ctx context.Context, o Object) (Object, error) {
	err := o.Validate()
	if o.Retired {
		err = fault.Field("retired", "must be false: RetireObject takes an object out of use")
	}
	if err == nil {
		_, err = f.s.schemas.base(Family)
	}
	if err != nil {
		return Object{}, fault.At("schema: define object", err)
	}
	apply := func(l *Layout) error { return l.putObject(o) }
	return o, f.change(ctx, "define object", o, apply, map[string]string{"entity": o.Entity()})
}

// RetireObject takes an object out of use: its records are no longer shown, and none can be written. They stay stored, and
// DefineObject brings them back.
//
// Errors: NotFound when the tenant has no such object in use; Denied; Retryable as for Define; Unavailable as for
// DefineObject.
func (f Fields) RetireObject(ctx context.Context, key string) error {
	if err := f.installed(Family); err != nil {
		return fault.At("schema: retire object", err)
	}
	apply := func(l *Layout) error { return l.retireObject(key) }
	return f.change(ctx, "retire object", key, apply, map[string]string{"entity": Object{Key: key}.Entity()})
}

// Fields lists every field of an entity as the tenant sees it, built-in and custom, for forms, imports and documentation.
//
// Errors: Invalid for an unknown entity, Denied without the right to read the schema.
func (f Fields) Fields(ctx context.Context, entity string) ([]schema.Field, error) {
	return work.View(ctx, f.s.layouts.Engine(), *f.scope, "schema: fields", Entity, func(ctx context.Context, c *work.Call) ([]schema.Field, error) {
		e, err := f.s.schemas.Entity(ctx, c.Unit, c.Tenant(), entity)
		if err != nil {
			return nil, err
		}
		return e.Fields(), nil
	})
}

// Layout returns the tenant's definitions, retired ones included, and their version.
//
// Errors: Denied without the right to read the schema.
func (f Fields) Layout(ctx context.Context) (Layout, error) {
	return f.s.layouts.Get(ctx, f.scope, LayoutID)
}

// installed returns the fault of an entity whose module is left out. Unknown entities have no fields to retire.
func (f Fields) installed(entity string) error {
	_, err := f.s.schemas.base(entity)
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Reason == schema.ReasonModule {
		return err
	}
	return nil
}

// check refuses what is wrong whatever the tenant has.
func (f Fields) check(d schema.Definition) error {
	if err := d.Validate(); err != nil {
		return err
	}
	base, err := f.s.schemas.base(d.Entity)
	if err != nil {
		return err
	}
	if d.Entity == Family {
		return fault.Field("entity", "name one of the tenant's objects, such as %s.boat", Family)
	}
	if !base.HasCustom() {
		return fault.Field("entity", "%s has no custom fields", d.Entity)
	}
	if _, taken := base.Field(schema.CustomPrefix + d.Key); taken {
		return fault.Field("key", "an extension defines this field: choose another key")
	}
	return nil
}

// change runs a verb on the layout. facts are those of its event.
func (f Fields) change(ctx context.Context, name string, args any, apply func(l *Layout) error, facts map[string]string) error {
	cache, tenant := f.s.schemas.cache, f.scope.Principal.Tenant
	if f.scope.Unit == nil {
		defer cache.Begin(tenant)()
	}
	_, err := f.s.layouts.Change(ctx, f.scope, work.Verb[Layout]{
		Name: name, Event: Changed, Action: work.Configure, ID: LayoutID, Args: args,
		Apply: func(_ context.Context, c *work.Call, l *Layout) error {
			if f.scope.Unit != nil {
				c.Then(func(context.Context) error { cache.Hold(tenant); return nil })
			}
			for name, value := range facts {
				c.Fact(name, value)
			}
			return apply(l)
		},
	})
	return err
}
