package customerstore

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/internal/store"
)

var objects = store.TableOf[object.Object](object.Kinds()[0], nil)

// Objects returns the store of the records of kinds that tenants define.
func (s *Store) Objects() work.Store[object.Object] { return objectStore{objects.On(s.db, nil)} }

// objectStore keeps the objects of all kinds in one table. Each method sees those of the kind that the call's entity names.
type objectStore struct {
	*store.Bound[object.Object, *object.Object]
}

// Get implements [work.Store].
func (s objectStore) Get(ctx context.Context, c *work.Call, id ident.ID, how work.Fetch) (*object.Object, error) {
	rec, err := s.Bound.Get(ctx, c, id, how)
	return ofKind(c, rec, err)
}

// GetLater implements [work.Ahead].
func (s objectStore) GetLater(ctx context.Context, c *work.Call, id ident.ID) func(ctx context.Context) (*object.Object, error) {
	wait := s.Bound.GetLater(ctx, c, id)
	return func(ctx context.Context) (*object.Object, error) {
		rec, err := wait(ctx)
		return ofKind(c, rec, err)
	}
}

func ofKind(c *work.Call, rec *object.Object, err error) (*object.Object, error) {
	if err == nil && rec.Kind != c.Entity.Name {
		return nil, fault.New(fault.NotFound, "no such %s", c.Entity.Name)
	}
	return rec, err
}

// GetMany implements [work.Store].
func (s objectStore) GetMany(ctx context.Context, c *work.Call, ids []ident.ID) ([]object.Object, error) {
	list, err := s.Bound.GetMany(ctx, c, ids)
	return slices.DeleteFunc(list, func(rec object.Object) bool { return rec.Kind != c.Entity.Name }), err
}

// List implements [work.Store].
func (s objectStore) List(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[object.Object], error) {
	return s.Bound.List(ctx, c, within(c, l))
}

// Count implements [work.Store].
func (s objectStore) Count(ctx context.Context, c *work.Call, l work.Listing, limit int) (int, error) {
	return s.Bound.Count(ctx, c, within(c, l), limit)
}

func within(c *work.Call, l work.Listing) work.Listing {
	l.Where = rule.All(rule.Eq("kind", rule.Text(c.Entity.Name)), l.Where)
	return l
}
