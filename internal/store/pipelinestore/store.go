package pipelinestore

import (
	"slices"

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
