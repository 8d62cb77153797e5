package customer

import (
	"context"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
)

// Subjects is what other domains may ask about customers without knowing this package: who a reference is, and for
// the send gate alone, where to reach them. It is got from [Module.Subjects] and safe for concurrent use.
type Subjects struct{ s *Module }

// Subjects returns what other domains ask.
func (s *Module) Subjects() Subjects { return Subjects{s} }

// Resolve returns every id under which the customer's records may be stored: first its own, then those of customers
// merged into it. An id that was merged gives the survivor's.
//
// Errors: NotFound for a customer that is missing or that the scope may not see; Denied when it may see none.
func (s *Module) Resolve(ctx context.Context, scope work.Scope, id ident.ID) ([]ident.ID, error) {
	return s.Subjects().Resolve(ctx, scope, id, work.Read)
}

// Resolve is [Module.Resolve] for a customer with which the scope does more than read it.
func (x Subjects) Resolve(ctx context.Context, scope work.Scope, id ident.ID, a work.Action) ([]ident.ID, error) {
	var out []ident.ID
	err := x.read(ctx, scope, func(ctx context.Context, c *work.Call) (err error) {
		if c.Entity, err = c.Engine.Schemas.Entity(ctx, c.Unit, c.Tenant(), EntityCustomer); err != nil {
			return err
		}
		if c.Access, err = c.AccessTo(ctx, EntityCustomer, a); err != nil {
			return err
		}
		rec, err := x.s.visible(ctx, c, id)
		if err != nil {
			return err
		}
		if out = []ident.ID{rec.ID}; rec.Merged {
			out, err = x.s.store.ResolutionSet(ctx, c, rec.ID)
		}
		return err
	})
	return out, err
}

// Address returns the normalised address to use for a channel, whatever the scope itself may see of it: that of the
// primary contact point, else of another one that is not invalid. Without one it is absent. It is for the send gate,
// which hands it to a transport and to nobody else.
func (x Subjects) Address(ctx context.Context, scope work.Scope, subjects []ident.ID, ch personal.Channel) (personal.Text, error) {
	var out personal.Text
	err := x.read(ctx, scope, func(ctx context.Context, c *work.Call) error {
		for _, id := range subjects[:min(1, len(subjects))] {
			rec, err := x.s.store.Customer(ctx, c, id)
			if err != nil {
				return err
			}
			if p, ok := rec.Point(ch); ok {
				out = p.Value
			}
		}
		return nil
	})
	return out, err
}

// Normalise brings an address into the form of those that Address returns.
//
// Errors: Invalid naming the field "value".
func (x Subjects) Normalise(_ context.Context, _ work.Scope, ch personal.Channel, address string) (string, error) {
	return x.s.points.Normalise(ch, address, "")
}

func (x Subjects) read(ctx context.Context, scope work.Scope, fn func(ctx context.Context, c *work.Call) error) error {
	if err := scope.Validate(); err != nil {
		return err
	}
	return x.s.engine.Units.Read(ctx, scope.Unit, func(ctx context.Context, u work.Unit) error {
		scope.Unit = u
		return fn(ctx, &work.Call{Scope: scope, Engine: x.s.engine, Action: work.Read, Now: x.s.engine.Now()})
	})
}

// Refer implements [work.Referee]: records of other domains refer to customers.
func (s *Module) Refer(_ context.Context, c *work.Call, id ident.ID) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.Resolve(ctx, c.Scope, id)
		return err
	}
}

// FindExt implements [transfer.Finder]: files of other domains name customers by ids in other systems.
func (s *Module) FindExt(ctx context.Context, scope *work.Scope, exts []ident.Ext) (map[ident.Ext]ident.ID, error) {
	return work.View(ctx, s.engine, *scope, "customer: find", EntityCustomer, func(ctx context.Context, c *work.Call) (map[ident.Ext]ident.ID, error) {
		out := map[ident.Ext]ident.ID{}
		for _, ext := range exts {
			if checkExt(ext) != nil {
				continue
			}
			id, ok, err := s.store.ByExt(ctx, c, ext)
			if err == nil && ok {
				_, err = s.visible(ctx, c, id)
			}
			switch {
			case err == nil && ok:
				out[ext] = id
			case err != nil && fault.CodeOf(err) != fault.NotFound:
				return nil, err
			}
		}
		return out, nil
	})
}
