package work

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
)

// Source is the records of one kind without their Go type, for whatever ranges over kinds: plugins, the command line,
// exports, tests. What it returns are pointers to records, masked.
type Source interface {
	Referee
	// Kind must return what was declared.
	Kind() *Kind
	// Get must return one record that the scope may see, or fault.NotFound.
	Get(ctx context.Context, s *Scope, id ident.ID) (any, error)
	// GetMany must return the records of several ids in their order, without those that the scope may not see.
	GetMany(ctx context.Context, s *Scope, ids []ident.ID) ([]any, error)
	// Page must return one page of the records that the scope may see; with a subject only those of that customer.
	Page(ctx context.Context, s *Scope, subject ident.ID, q page.Query) (page.Page[any], error)
	// Delete must hide a record from every read.
	Delete(ctx context.Context, s *Scope, id ident.ID, version int64) error
}

// Source returns the records without their Go type.
func (r *Records[T, P]) Source() Source { return source[T, P]{r} }

type source[T any, P Aggregate[T]] struct{ *Records[T, P] }

func (s source[T, P]) Get(ctx context.Context, scope *Scope, id ident.ID) (any, error) {
	rec, err := s.Records.Get(ctx, scope, id)
	return &rec, err
}

func (s source[T, P]) GetMany(ctx context.Context, scope *Scope, ids []ident.ID) ([]any, error) {
	list, err := s.Records.GetMany(ctx, scope, ids)
	return pointers(list), err
}

func (s source[T, P]) Page(ctx context.Context, scope *Scope, subject ident.ID, q page.Query) (page.Page[any], error) {
	p, err := s.Records.PageOf(ctx, scope, subject, rule.True(), q)
	return page.Page[any]{Items: pointers(p.Items), Next: p.Next}, err
}

func pointers[T any](list []T) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}
