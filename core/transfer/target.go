package transfer

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// Target is where the rows of a file go: the records of one kind, as one session may write them. A façade's Import returns
// it.
type Target struct {
	form   Form
	engine *work.Engine
	scope  *work.Scope
	read   func(r *Record) any // the draft
	place  func(r *Record, path string) string
	load   func(ctx context.Context, s *work.Scope, list []*Record, o *work.LoadOptions) (work.LoadReport, error)
}

// Loader is a façade whose records are loaded from drafts of type D.
type Loader[D any] interface {
	// Load must create a record of each draft, or bring one with a known external id up to date. See [work.Load].
	Load(ctx context.Context, rows iter.Seq2[D, error], o *work.LoadOptions) (work.LoadReport, error)
}

// Of returns the target of a façade: rows become drafts, which the façade loads in the scope that it is bound to.
func Of[D any, F Loader[D]](rows Rows[D], e *work.Engine, s *work.Scope, bind func(s *work.Scope) F) Target {
	t := Target{form: rows.Form, engine: e, scope: s, place: rows.Place}
	t.read = func(r *Record) any { return rows.Read(r) }
	t.load = func(ctx context.Context, s *work.Scope, list []*Record, o *work.LoadOptions) (work.LoadReport, error) {
		return bind(s).Load(ctx, drafts[D](list), o)
	}
	return t
}

func drafts[D any](list []*Record) iter.Seq2[D, error] {
	return func(yield func(D, error) bool) {
		for _, r := range list {
			if d, _ := r.draft.(D); !yield(d, nil) {
				return
			}
		}
	}
}

// Form returns what a row can hold, with the fields of the scope's tenant.
//
// Errors: Invalid of field "target" for the zero Target, and for the scope; those of the database.
func (t Target) Form(ctx context.Context) (Form, error) {
	if t.scope == nil {
		return Form{}, fault.Field("target", "must be what the Import method of a façade returns, such as Customers.Import")
	}
	if err := t.scope.Validate(); err != nil {
		return Form{}, err
	}
	var form Form
	err := t.engine.Units.Read(ctx, t.scope.Unit, func(ctx context.Context, u work.Unit) error {
		e, err := t.engine.Schemas.Entity(ctx, u, t.scope.Principal.Tenant, t.form.name())
		if err == nil {
			form = t.form.in(e)
		}
		return err
	})
	return form, fault.At("transfer: form", err)
}
