package pipelinestore

import (
	"context"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
)

// Store implements [pipeline.Store]. It is safe for concurrent use.
type Store struct{ db *store.DB }

var _ pipeline.Store = (*Store)(nil)

// New returns a Store on a database.
func New(db *store.DB) *Store { return &Store{db} }

// Statements lists every static statement of the package.
func Statements() []store.SQL {
	return slices.Concat(pipelineStatements(), leadStatements(), opportunityStatements())
}

// metaRow is what every aggregate's row begins with.
type metaRow struct {
	ID           store.ID   `bun:"id"`
	Version      int64      `bun:"version"`
	OwnerUser    string     `bun:"owner_user"`
	OwnerTeam    string     `bun:"owner_team"`
	CreatedAt    store.Time `bun:"created_at"`
	UpdatedAt    store.Time `bun:"updated_at"`
	CreatedBy    string     `bun:"created_by"`
	SourceSystem string     `bun:"source_system"`
	SourceRef    string     `bun:"source_ref"`
}

var metaColumns = []string{"version", "owner_user", "owner_team", "updated_at", "source_system", "source_ref"}

func (r *metaRow) meta() schema.Meta {
	return schema.Meta{
		ID: ident.ID(r.ID), Version: r.Version, OwnerUser: r.OwnerUser, OwnerTeam: r.OwnerTeam,
		CreatedAt: r.CreatedAt.Time(), UpdatedAt: r.UpdatedAt.Time(), CreatedBy: r.CreatedBy,
		Source: personal.Source{System: r.SourceSystem, Ref: r.SourceRef},
	}
}

// metaValues are the values of metaColumns.
func metaValues(m *schema.Meta) []any {
	return []any{
		m.Version, store.OrNull(m.OwnerUser), store.OrNull(m.OwnerTeam), m.UpdatedAt,
		store.OrNull(m.Source.System), store.OrNull(m.Source.Ref),
	}
}

// birthColumns are written once: tenant, id, and what is known at creation.
var birthColumns = []string{"tenant_id", "id", "created_at", "created_by"}

func birthValues(tenant string, m *schema.Meta) []any {
	return []any{tenant, m.ID, m.CreatedAt, m.CreatedBy}
}

// metaFields are the columns of Meta for filters and sorts.
func metaFields(alias string) map[string]rule.Column {
	col := func(name string, t rule.Type, can rule.Ability) rule.Column {
		return rule.Column{Expr: alias + "." + name, Type: t, Can: can}
	}
	const equal, ranged = rule.CanEqual, rule.CanEqual | rule.CanRange | rule.CanSort
	return map[string]rule.Column{
		"id":         col("id", rule.TypeID, equal|rule.CanSort),
		"version":    col("version", rule.TypeInt, equal|rule.CanRange),
		"owner_user": col("owner_user", rule.TypeText, rule.CanAll&^rule.CanSort),
		"owner_team": col("owner_team", rule.TypeText, rule.CanAll&^rule.CanSort),
		"created_by": col("created_by", rule.TypeText, rule.CanAll&^rule.CanSort),
		"created_at": col("created_at", rule.TypeTime, ranged),
		"updated_at": col("updated_at", rule.TypeTime, ranged),
	}
}

// insertText is an INSERT of the given columns as $1 to $n.
func insertText(table string, columns ...[]string) string {
	all := slices.Concat(columns...)
	return "INSERT INTO " + table + " (" + strings.Join(all, ", ") + ") VALUES (" + placeholders(1, len(all)) + ")"
}

// updateText is an UPDATE of the given columns from $4 on, where $1 is the tenant, $2 the id and $3 the version.
func updateText(table, also string, columns ...[]string) string {
	sets := slices.Concat(columns...)
	for i, name := range sets {
		sets[i] = name + " = " + placeholder(i+4)
	}
	return "UPDATE " + table + " SET " + strings.Join(sets, ", ") + " WHERE tenant_id = $1 AND id = $2 AND version = $3" + also
}

// moved is the fault of a version that is not the one expected. The row is locked by whoever loaded it, so this is
// rare; the version now stored is read again by the caller.
func moved() error {
	return fault.New(fault.Conflict, "the record was changed meanwhile: load it again and repeat")
}

// taken names the field of a repeated key, by what the database says about the index.
func taken(err error) error {
	if !store.Duplicate(err) {
		return err
	}
	field := "id"
	switch {
	case strings.Contains(err.Error(), "ext"):
		field = "ext"
	case strings.Contains(err.Error(), "key"):
		field = "key"
	}
	f := fault.New(fault.Conflict, "is taken: %w", err)
	f.Field, f.Reason = field, "taken"
	return f
}

func notFound(err error, what string) error {
	if fault.CodeOf(err) == fault.NotFound {
		return fault.New(fault.NotFound, "no such %s", what)
	}
	return err
}

func (s *Store) on(c *work.Call) store.Conn { return s.db.On(c.Unit) }

// custom decodes a row's custom fields with the types the tenant gave them.
func custom(c *work.Call, raw store.JSON) (schema.Values, error) { return c.Entity.Decode(raw) }

// encoded is the stored form of custom fields, NULL when there are none.
func encoded(v schema.Values) store.JSON {
	if v.IsZero() {
		return nil
	}
	return store.JSON(v.Encode())
}

func rows[R, T any](list []R, convert func(r *R) (T, error), key func(rec *T) rule.Value) ([]work.Row[T], error) {
	out := make([]work.Row[T], len(list))
	for i := range list {
		rec, err := convert(&list[i])
		if err != nil {
			return nil, err
		}
		out[i] = work.Row[T]{Record: rec, Key: key(&rec)}
	}
	return out, nil
}

// sortKey reads a record's sort key before anything of it is hidden.
func sortKey[T any](c *work.Call, field string) func(rec *T) rule.Value {
	return func(rec *T) rule.Value { return c.Entity.Record(rec).Field(field) }
}

var _ context.Context
