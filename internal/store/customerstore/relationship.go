package customerstore

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
)

const relationshipColumns = `r.id, r.version, r.owner_user, r.owner_team, r.created_at, r.updated_at, r.created_by, r.source_system, r.source_ref,
	r.type, r.from_id, r.to_id, r.role, r.department, r.title, r.since, r.until`

const getRelationshipText = `
	SELECT ` + relationshipColumns + ` FROM crm_relationship r WHERE r.tenant_id = $1 AND r.id = $2`

var (
	getRelationship  = store.Same("relationship.get", getRelationshipText)
	lockRelationship = store.Split("relationship.lock", getRelationshipText+` FOR NO KEY UPDATE`, getRelationshipText)

	versionOfRelationship = store.Same("relationship.version", `
		SELECT version FROM crm_relationship WHERE tenant_id = $1 AND id = $2`)

	insertRelationship = store.Same("relationship.insert", `
		INSERT INTO crm_relationship (tenant_id, type, from_id, to_id, role, department, title, since, until, `+metaColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`)

	updateRelationship = store.Same("relationship.update", `
		UPDATE crm_relationship SET version = $4, role = $5, department = $6, title = $7, since = $8, until = $9, updated_at = $10
		WHERE tenant_id = $1 AND id = $2 AND version = $3`)

	// ancestors climbs from one customer, through those merged into each step as well.
	ancestors = store.Split("relationship.ancestors", ancestorsText("$2::uuid", "::date"), ancestorsText("$2", ""))
)

func relationshipStatements() []store.SQL {
	return []store.SQL{getRelationship, lockRelationship, versionOfRelationship, insertRelationship, updateRelationship, ancestors}
}

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

type relationshipRow struct {
	store.MetaRow

	Type       string     `bun:"type"`
	FromID     store.ID   `bun:"from_id"`
	ToID       store.ID   `bun:"to_id"`
	Role       string     `bun:"role"`
	Department string     `bun:"department"`
	Title      string     `bun:"title"`
	Since      store.Date `bun:"since"`
	Until      store.Date `bun:"until"`
}

func (r *relationshipRow) relationship() customer.Relationship {
	return customer.Relationship{
		Meta: r.Meta(), Type: r.Type, From: ident.ID(r.FromID), To: ident.ID(r.ToID),
		Role: profileText(r.Role), Department: profileText(r.Department), Title: profileText(r.Title),
		Since: date.Date(r.Since), Until: date.Date(r.Until),
	}
}

// Relationship implements [customer.Relations].
func (s *Store) Relationship(ctx context.Context, c *work.Call, id ident.ID, lock bool) (*customer.Relationship, error) {
	q := getRelationship
	if lock {
		q = lockRelationship
	}
	var row relationshipRow
	if err := s.on(c).Get(ctx, q, &row, c.Tenant(), id); err != nil {
		return nil, missing(err, "relationship")
	}
	rec := row.relationship()
	return &rec, nil
}

// InsertRelationship implements [customer.Relations].
func (s *Store) InsertRelationship(ctx context.Context, c *work.Call, rec *customer.Relationship) error {
	args := append([]any{
		c.Tenant(), rec.Type, rec.From, rec.To, orNull(rec.Role), orNull(rec.Department), orNull(rec.Title), rec.Since, rec.Until,
	}, metaValues(&rec.Meta)...)
	_, err := s.on(c).Exec(ctx, insertRelationship, args...)
	return taken(err, "id")
}

// UpdateRelationship implements [customer.Relations].
func (s *Store) UpdateRelationship(ctx context.Context, c *work.Call, before, after *customer.Relationship) error {
	n, err := s.on(c).Exec(ctx, updateRelationship, c.Tenant(), after.ID, before.Version, after.Version,
		orNull(after.Role), orNull(after.Department), orNull(after.Title), after.Since, after.Until, after.UpdatedAt)
	if err == nil && n == 0 {
		return s.conflict(ctx, c, versionOfRelationship, after.ID)
	}
	return err
}

var relationshipFields = func() map[string]rule.Column {
	out := store.MetaFields("r")
	for _, f := range []string{"type", "role", "department", "title"} {
		out[f] = rule.Column{Expr: "r." + f, Type: rule.TypeText, Can: text}
	}
	out["from"] = rule.Column{Expr: "r.from_id", Type: rule.TypeID, Can: rule.CanEqual}
	out["to"] = rule.Column{Expr: "r.to_id", Type: rule.TypeID, Can: rule.CanEqual}
	for _, f := range []string{"since", "until"} {
		out[f] = rule.Column{Expr: "r." + f, Type: rule.TypeDate, Can: rule.CanEqual | rule.CanRange}
	}
	return out
}()

// ListRelationships implements [customer.Relations].
func (s *Store) ListRelationships(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[customer.Relationship], error) {
	var rows []relationshipRow
	err := s.on(c).SelectList(ctx, store.ListSpec{
		Name: "relationship.list", Tenant: c.Tenant(), Select: relationshipColumns, From: "crm_relationship r", Alias: "r",
		Columns: store.Columns{Dialect: s.db.Dialect(), Table: relationshipFields, Entity: c.Entity},
		NotNull: []string{"created_at", "updated_at"}, Listing: l,
	}, &rows)
	out := make([]work.Row[customer.Relationship], len(rows))
	for i := range rows {
		out[i].Record = rows[i].relationship()
		out[i].Key = c.Entity.Record(&out[i].Record).Field(l.Sort.Field)
	}
	return out, err
}

type ancestorRow struct {
	ID    store.ID `bun:"id"`
	Depth int      `bun:"depth"`
}

// lastDay stands for no end.
var lastDay = date.MustParse("9999-12-31")

// lockTries bounds how often ancestors are read again because others changed them before they were locked.
const lockTries = 5

// Ancestors implements [customer.Relations]. It locks what it found and looks again until nothing has changed.
func (s *Store) Ancestors(ctx context.Context, c *work.Call, rel *customer.Relationship, depth int) ([]ident.ID, error) {
	until := rel.Until
	if until.IsZero() {
		until = lastDay
	}
	var before []ident.ID
	for range lockTries {
		var rows []ancestorRow
		if err := s.on(c).Select(ctx, ancestors, &rows, c.Tenant(), rel.To, rel.Type, rel.Since, depth, until); err != nil {
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
		}
		if before != nil && slices.Equal(before, found) {
			return found, nil
		}
		before = found
		var locked []store.ID
		if err := s.on(c).Select(ctx, lockCustomers, &locked, c.Tenant(), s.idList(append([]ident.ID{rel.From}, found...))); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Retryable, "the customers above change all the time: try again")
}
