package work

import (
	"context"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
)

// see is pass, and for a kind that is read with its subject also whether the scope may read that.
func (r *Records[T, P]) see(ctx context.Context, c *Call, rec *T, err error) (*T, error) {
	if rec, err = r.pass(c, rec, err); err != nil || !r.kind.WithSubject {
		return rec, err
	}
	return rec, r.beside(ctx, c, c.Entity.Subjects(rec))
}

// beside returns NotFound when the scope may read none of the customers to whom a record belongs.
func (r *Records[T, P]) beside(ctx context.Context, c *Call, subjects []ident.ID) error {
	for _, id := range subjects {
		if _, err := r.engine.Subjects.Resolve(ctx, c.Scope, id, Read); fault.CodeOf(err) != fault.NotFound {
			return err
		}
	}
	return r.missing()
}

// besideSubjects leaves out records whose subjects the scope may not read.
func (r *Records[T, P]) besideSubjects(ctx context.Context, c *Call, found []T) ([]T, error) {
	if !r.kind.WithSubject {
		return found, nil
	}
	kept := found[:0]
	for i := range found {
		err := r.beside(ctx, c, c.Entity.Subjects(&found[i]))
		switch {
		case err == nil:
			kept = append(kept, found[i])
		case fault.CodeOf(err) != fault.NotFound:
			return nil, err
		}
	}
	return kept, nil
}

// unnamed is the answer to a list of everybody's records where they are listed for one subject at a time.
func (r *Records[T, P]) unnamed() error {
	return fault.Field(r.kind.Entity.SubjectFields()[0].Name, "must name whose records: each %s is listed with whom it belongs to", r.kind.Name())
}
