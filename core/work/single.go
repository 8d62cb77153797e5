package work

import (
	"context"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
)

// Single is the [Store] of a kind of which each tenant has one record. Both functions are required.
type Single[T any, P Aggregate[T]] struct {
	// Load must return the tenant's record, with what holds for a tenant that has set nothing. Its id must be the same in
	// every tenant.
	Load func(ctx context.Context, c *Call) (*T, error)
	// Store must write the record if its version is still that of before; else it must return a Retryable fault.
	Store func(ctx context.Context, c *Call, before, after *T) error
}

// Get implements [Store]. No look holds the record against other writers: Store notices them.
func (s *Single[T, P]) Get(ctx context.Context, c *Call, id ident.ID, how Fetch) (*T, error) {
	rec, err := s.Load(ctx, c)
	if err == nil && (P(rec).Base().ID != id || how == Undrawn) {
		return nil, fault.New(fault.NotFound, "no such %s", c.Entity.Name)
	}
	return rec, err
}

// GetMany implements [Store].
func (s *Single[T, P]) GetMany(ctx context.Context, c *Call, ids []ident.ID) ([]T, error) {
	for _, id := range ids {
		rec, err := s.Get(ctx, c, id, Look)
		switch {
		case err == nil:
			return []T{*rec}, nil
		case fault.CodeOf(err) != fault.NotFound:
			return nil, err
		}
	}
	return nil, nil
}

// Save implements [Store].
func (s *Single[T, P]) Save(ctx context.Context, c *Call, before, after *T) error {
	if before == nil {
		return s.only(c)
	}
	return s.Store(ctx, c, before, after)
}

func (s *Single[T, P]) only(c *Call) error {
	return fault.New(fault.Denied, "a tenant has one %s, which is never made nor deleted", c.Entity.Name)
}

// Delete implements [Store].
func (s *Single[T, P]) Delete(_ context.Context, c *Call, _, _ *T) error { return s.only(c) }

// Restore implements [Store].
func (s *Single[T, P]) Restore(_ context.Context, c *Call, _, _ *T) error { return s.only(c) }

// Insert implements [Store].
func (s *Single[T, P]) Insert(_ context.Context, c *Call, _ []*T) error { return s.only(c) }

// List implements [Store]: the one record, where the listing lets it pass.
func (s *Single[T, P]) List(ctx context.Context, c *Call, l Listing) (out Rows[T], err error) {
	rec, err := s.Load(ctx, c)
	if err == nil && l.After == nil && l.Where.Eval(c.Entity.Record(rec)) == rule.Yes {
		out.Records = []T{*rec}
	}
	return out, err
}

// Count implements [Store].
func (s *Single[T, P]) Count(ctx context.Context, c *Call, l Listing, _ int) (int, error) {
	rows, err := s.List(ctx, c, l)
	return len(rows.Records), err
}
