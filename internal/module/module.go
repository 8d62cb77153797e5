package module

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// Parts is what a module builds upon.
type Parts struct {
	Engine *work.Engine // the one write path and read path of the CRM
	DB     *store.DB    // where the tables of the module are
	Keys   *keys.Ring   // seals and opens personal text
}

// Module is one part: its schema, its kinds, and what gives access to their records.
type Module struct {
	store.Module
	Kinds      []*work.Kind // what it declares, each once
	Statements []store.SQL  // every static statement, for the rules of tenancy
	// Build returns the records of each kind, in the order of Kinds. It is called once for each CRM.
	Build func(p Parts) []work.Source
}

type key struct{}

// With returns a context in which CRMs are opened and migrated with further modules.
func With(ctx context.Context, list ...Module) context.Context {
	return context.WithValue(ctx, key{}, append(slices.Clone(From(ctx)), list...))
}

// From returns the further modules of a context.
func From(ctx context.Context) []Module {
	if ctx == nil {
		return nil
	}
	list, _ := ctx.Value(key{}).([]Module)
	return list
}
