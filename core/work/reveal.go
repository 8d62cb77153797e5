package work

import (
	"context"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
)

// Reveal returns one record with its sensitive fields. It needs the right to [Reveal]; what the principal's mask hides, or
// the purpose does not need, stays hidden. find must read the whole record. When there is a sensitive value to show, an
// access record is written in the same transaction; without one nothing is shown.
//
// It needs a unit that can write: on a read-only transaction it fails, and nothing is shown.
//
// Errors: Invalid, Denied, NotFound, Unavailable when no access records are kept, and whatever find returns.
func (r *Records[T, P]) Reveal(ctx context.Context, s *Scope, find func(ctx context.Context, c *Call) (*T, error)) (T, error) {
	var out, none T
	e, op := r.engine, r.op("reveal")
	if err := s.Validate(); err != nil {
		return none, fault.At(op, err)
	}
	if e.Accesses == nil {
		return none, fault.At(op, fault.New(fault.Unavailable, "no access records are kept, so sensitive fields are not shown"))
	}
	err := e.Units.Write(ctx, s.Unit, func(ctx context.Context, u Unit) error {
		in := *s
		in.Unit = u
		c, err := e.call(ctx, in, r.kind.Name(), Reveal)
		if err != nil {
			return err
		}
		rec, err := find(ctx, c)
		if rec, err = r.see(ctx, c, rec, err); err != nil {
			return err
		}
		if fields := c.sensitive(rec); len(fields) > 0 {
			a := Accessed{ID: e.NewID(), Scope: in, Record: ident.Ref{Entity: r.kind.Name(), ID: P(rec).Base().ID}, Fields: fields, At: c.Now}
			if err := e.Accesses.Accessed(ctx, u, a); err != nil {
				return err
			}
		}
		c.Mask(rec)
		out = *rec
		return nil
	})
	if err != nil {
		return none, fault.At(op, err)
	}
	return out, nil
}

// sensitive lists the filled sensitive fields of rec that the call shows.
func (c *Call) sensitive(rec any) []string {
	var out []string
	for _, name := range c.Entity.Filled(rec) {
		if f, ok := c.Entity.Field(name); ok && f.Class.Sensitive() && !c.Hides(name, f.Class) {
			out = append(out, name)
		}
	}
	return out
}
