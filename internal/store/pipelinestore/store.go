package pipelinestore

import (
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/money"
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

func (s *Store) on(c *work.Call) store.Conn { return s.db.On(c.Unit) }

// changed turns the count of an UPDATE into a fault. Whoever saves holds the row, so this is the second net.
func changed(n int64, err error, current int64) error {
	if err != nil || n == 1 {
		return err
	}
	f := fault.New(fault.Conflict, "the record was changed meanwhile: load it again and repeat")
	f.Current = current
	return f
}

// taken names the field of a repeated key, by what the database says about the index.
func taken(err error) error {
	if !store.Duplicate(err) {
		return err
	}
	field := "id"
	switch text := err.Error(); {
	case strings.Contains(text, "_ext"), strings.Contains(text, ".ext_"):
		field = "ext"
	case strings.Contains(text, "_key") && !strings.Contains(text, "_pkey"), strings.Contains(text, ".key"):
		field = "key"
	}
	f := fault.New(fault.Conflict, "is taken: %w", err)
	f.Field, f.Reason = field, "taken"
	return f
}

func missing(err error, what string) error {
	if fault.CodeOf(err) == fault.NotFound {
		return fault.New(fault.NotFound, "no such %s", what)
	}
	return err
}

// encoded is the stored form of custom fields, NULL when there are none.
func encoded(v schema.Values) store.JSON {
	if v.IsZero() {
		return nil
	}
	return store.JSON(v.Encode())
}

// minor and currency are an amount in its two columns; both are NULL for none.
func minor(a money.Amount) any {
	if a.Currency == "" {
		return nil
	}
	return a.Minor
}

func currency(a money.Amount) any { return store.OrNull(a.Currency) }

// records converts a page's rows and reads their sort keys before anything is hidden.
func records[R, T any](c *work.Call, list []R, l work.Listing, convert func(c *work.Call, r *R) (*T, error)) ([]work.Row[T], error) {
	out := make([]work.Row[T], len(list))
	for i := range list {
		rec, err := convert(c, &list[i])
		if err != nil {
			return nil, err
		}
		out[i] = work.Row[T]{Record: *rec, Key: c.Entity.Record(rec).Field(l.Sort.Field)}
	}
	return out, nil
}

// table joins the fields of Meta with an entity's own.
func table(alias string, own map[string]rule.Column) map[string]rule.Column {
	out := store.MetaFields(alias)
	for name, col := range own {
		out[name] = col
	}
	return out
}
