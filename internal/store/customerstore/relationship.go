package customerstore

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	relations = store.TableOf[customer.Relationship](work.Find(customer.Kinds(), customer.EntityRelationship), nil)

	// ancestors climbs from one customer, through those merged into each step as well.
	ancestors = store.Split("relationship.ancestors", ancestorsText("$2::uuid", "::date"), ancestorsText("$2", ""))

	// lockAncestors locks what ancestors finds, and the customer of argument $7. The ids are an array, so that without
	// statistics each is looked up. SQLite has one writer, and nothing to lock.
	lockAncestors = store.Split("relationship.lock_ancestors", `
		SELECT c.id FROM crm_customer c WHERE c.tenant_id = $1 AND c.id = ANY(ARRAY(
			SELECT a.id FROM (`+ancestorsText("$2::uuid", "::date")+`) a UNION SELECT $7::uuid))
		ORDER BY c.id FOR NO KEY UPDATE OF c`, `
		SELECT a.id FROM (`+ancestorsText("$2", "")+`) a UNION SELECT $7 ORDER BY id`)
)

func hierarchyStatements() []store.SQL { return []store.SQL{ancestors, lockAncestors} }

func ancestorsText(from, day string) string {
	return `
		WITH RECURSIVE up(id, depth) AS (
			SELECT ` + from + `, 0
			UNION
			SELECT coalesce(t.canonical_id, t.id), up.depth + 1
			FROM up
			JOIN crm_customer m ON m.tenant_id = $1 AND (m.id = up.id OR m.canonical_id = up.id)
			JOIN crm_relationship r ON r.tenant_id = $1 AND r.from_id = m.id AND r.type = $3
				AND (r.until IS NULL OR r.until >= $4` + day + `) AND (r.since IS NULL OR r.since <= $6` + day + `)
			JOIN crm_customer t ON t.tenant_id = $1 AND t.id = r.to_id
			WHERE up.depth <= $5
		)
		SELECT id, max(depth) AS depth FROM up GROUP BY id ORDER BY id`
}

// Relationships implements [customer.RelationshipStore].
func (s *Store) Relationships() work.Store[customer.Relationship] { return relations.On(s.db, nil) }

type ancestorRow struct {
	ID    store.ID `bun:"id"`
	Depth int      `bun:"depth"`
}

// lastDay stands for no end.
var lastDay = date.MustParse("9999-12-31")

// lockTries bounds how often ancestors are read again because others changed them before they were locked.
const lockTries = 5

// Ancestors implements [customer.RelationshipStore]. Looking, locking what was found, and looking again travel together:
// when both looks agree, what was found is locked, and the statement saw what others had stored before.
func (s *Store) Ancestors(ctx context.Context, c *work.Call, rel *customer.Relationship, depth int) ([]ident.ID, error) {
	until := rel.Until
	if until.IsZero() {
		until = lastDay
	}
	args := []any{c.Tenant(), rel.To, rel.Type, rel.Since, depth, until}
	for range lockTries {
		var locked []store.ID
		var rows []ancestorRow
		lock := s.on(c).SelectLater(lockAncestors, &locked, append(args[:len(args):len(args)], rel.From)...)
		look := s.on(c).SelectLater(ancestors, &rows, args...)
		if err := lock.Wait(ctx); err != nil {
			return nil, err
		}
		if err := look.Wait(ctx); err != nil {
			return nil, err
		}
		found, deepest := make([]ident.ID, len(rows)), 0
		for i, r := range rows {
			found[i], deepest = ident.ID(r.ID), max(deepest, r.Depth)
		}
		switch {
		case slices.Contains(found, rel.From):
			return found, nil
		case deepest > depth:
			return nil, fault.New(fault.LimitExceeded, "a chain of at most %d relationships of type %s is possible", depth, rel.Type)
		case !slices.ContainsFunc(rows, func(r ancestorRow) bool { return !slices.Contains(locked, r.ID) }):
			return found, nil
		}
	}
	return nil, fault.New(fault.Retryable, "the customers above change all the time: try again")
}
