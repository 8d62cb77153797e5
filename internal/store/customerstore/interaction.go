package customerstore

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	interactions = store.TableOf[activity.Interaction](work.Find(activity.Kinds(), activity.EntityInteraction),
		map[string]string{"participants": "parties"})

	insertParty  = store.Same("interaction.insert_party", store.InsertText("crm_interaction_party", partyColumns))
	partyColumns = []string{"tenant_id", "customer_id", "at", "interaction_id", "role"}
)

// talks is the store of interactions: a table, and beside it one row for each participant, by which the interactions of a
// customer are found.
type talks struct {
	*store.Bound[activity.Interaction, *activity.Interaction]
}

// Interactions implements [activity.Store].
func (s *Store) Interactions() work.Store[activity.Interaction] {
	return talks{interactions.On(s.db, s.keys)}
}

// Save implements [work.Store].
func (t talks) Save(ctx context.Context, c *work.Call, before, after *activity.Interaction) error {
	if err := t.Bound.Save(ctx, c, before, after); err != nil || before != nil {
		return err
	}
	for row, err := range parties(c, after) {
		if err != nil {
			return err
		}
		if err := t.DB.On(c.Unit).Queue(insertParty, nil, row...); err != nil {
			return err
		}
	}
	return nil
}

// Insert implements [work.Store].
func (t talks) Insert(ctx context.Context, c *work.Call, recs []*activity.Interaction) error {
	if err := t.Bound.Insert(ctx, c, recs); err != nil {
		return err
	}
	_, err := t.DB.On(c.Unit).BulkLoad(ctx, "crm_interaction_party", partyColumns, parties(c, recs...))
	return err
}

// parties yields the rows of participants.
func parties(c *work.Call, recs ...*activity.Interaction) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, rec := range recs {
			for _, p := range rec.Participants {
				if !yield([]any{c.Tenant(), p.Customer, rec.At, rec.ID, store.OrNull(p.Role)}, nil) {
					return
				}
			}
		}
	}
}

// List implements [work.Store].
func (t talks) List(ctx context.Context, c *work.Call, l work.Listing) (work.Rows[activity.Interaction], error) {
	return t.Select(ctx, c, t.spec(c, l))
}

// ListLater implements [work.ListAhead].
func (t talks) ListLater(ctx context.Context, c *work.Call, l work.Listing) func(ctx context.Context) (work.Rows[activity.Interaction], error) {
	return t.SelectLater(ctx, c, t.spec(c, l))
}

// Count implements [work.Store].
func (t talks) Count(ctx context.Context, c *work.Call, l work.Listing, limit int) (int, error) {
	n, err := t.DB.On(c.Unit).CountList(ctx, t.spec(c, l), limit)
	return int(n), err
}

// spec finds the interactions of customers by the rows of their participants.
func (t talks) spec(c *work.Call, l work.Listing) store.ListSpec {
	subjects := l.Subjects
	l.Subjects = nil
	spec := t.Spec(c, l)
	if len(subjects) > 0 {
		spec.Also = func(b rule.Binder) string {
			return "r.id IN (SELECT p.interaction_id FROM crm_interaction_party p WHERE p.tenant_id = $1 AND p.customer_id IN (" + store.IDs(b, subjects) + "))"
		}
	}
	return spec
}
