package work

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// Source is the records of one kind without their Go type, for whatever ranges over kinds: plugins, the command line,
// exports, tests. What it returns are pointers to records, masked.
type Source interface {
	Referee
	// Kind must return what was declared.
	Kind() *Kind
	// Get must return one record that the scope may see, or fault.NotFound.
	Get(ctx context.Context, s *Scope, id ident.ID) (schema.Aggregate, error)
	// GetMany must return the records of several ids in their order, without those that the scope may not see.
	GetMany(ctx context.Context, s *Scope, ids []ident.ID) ([]schema.Aggregate, error)
	// Reveal must return one record with its sensitive fields, and leave an access record.
	Reveal(ctx context.Context, s *Scope, id ident.ID) (schema.Aggregate, error)
	// Page must return one page of the records that the scope may see; with a subject only those of that customer.
	Page(ctx context.Context, s *Scope, subject ident.ID, q page.Query) (page.Page[schema.Aggregate], error)
	// History must return the changes of a record as the audit knows them, oldest first.
	History(ctx context.Context, s *Scope, id ident.ID) ([]Entry, error)
	// Delete must hide a record from every read.
	Delete(ctx context.Context, s *Scope, id ident.ID, version int64) error
}

// Source returns the records without their Go type.
func (r *Records[T, P]) Source() Source { return source[T, P]{r} }

type source[T any, P Aggregate[T]] struct{ *Records[T, P] }

func (s source[T, P]) Get(ctx context.Context, scope *Scope, id ident.ID) (schema.Aggregate, error) {
	rec, err := s.Records.Get(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	return P(&rec), nil
}

func (s source[T, P]) GetMany(ctx context.Context, scope *Scope, ids []ident.ID) ([]schema.Aggregate, error) {
	list, err := s.Records.GetMany(ctx, scope, ids)
	return pointers[T, P](list), err
}

func (s source[T, P]) Reveal(ctx context.Context, scope *Scope, id ident.ID) (schema.Aggregate, error) {
	rec, err := s.Records.Reveal(ctx, scope, s.Records.ByID(id))
	if err != nil {
		return nil, err
	}
	return P(&rec), nil
}

func (s source[T, P]) Page(ctx context.Context, scope *Scope, subject ident.ID, q page.Query) (page.Page[schema.Aggregate], error) {
	p, err := s.Records.PageOf(ctx, scope, subject, rule.True(), q)
	return page.Page[schema.Aggregate]{Items: pointers[T, P](p.Items), Next: p.Next}, err
}

func pointers[T any, P Aggregate[T]](list []T) []schema.Aggregate {
	out := make([]schema.Aggregate, len(list))
	for i := range list {
		out[i] = P(&list[i])
	}
	return out
}
