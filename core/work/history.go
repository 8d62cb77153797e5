package work

import (
	"context"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
)

// Entry is one change of a record, as the audit knows it: who did what, never what a field said.
type Entry struct {
	Version int64            `json:"version"`           // of the record after the change
	At      time.Time        `json:"at"`                // the instant of the decision
	Op      string           `json:"op"`                // "lead: qualify"
	Actor   ident.Principal  `json:"actor"`             // tenant, kind and id
	Purpose personal.Purpose `json:"purpose"`           // why
	Source  personal.Source  `json:"source,omitzero"`   // where the data came from
	Changed []string         `json:"changed,omitempty"` // names of the fields that the reader may see, sorted
}

// Audit reads what [Recorder] has kept.
type Audit interface {
	// Entries must return the changes of a record by version, at most limit.
	Entries(ctx context.Context, u Unit, tenant string, record ident.Ref, limit int) ([]Entry, error)
}

// MaxEntries is how many changes [Records.History] returns at most: the oldest.
const MaxEntries = 1000

// History returns the changes of a record, oldest first. Fields that the scope may not see are not named.
//
// Errors: NotFound; Denied.
func (r *Records[T, P]) History(ctx context.Context, s *Scope, id ident.ID) ([]Entry, error) {
	return Of(ctx, r, s, "history", r.ByID(id), func(ctx context.Context, c *Call, rec *T) ([]Entry, error) {
		ref := ident.Ref{Entity: r.kind.Name(), ID: P(rec).Base().ID}
		list, err := r.engine.Audit.Entries(ctx, c.Unit, c.Tenant(), ref, MaxEntries)
		for i := range list {
			list[i].Changed = slices.DeleteFunc(list[i].Changed, func(name string) bool {
				f, _ := c.Entity.Field(name)
				return c.Access.Mask.Has(name) || slices.Contains(c.Access.Unseen, f.Class)
			})
		}
		return list, err
	})
}

// Lines is a [History] that can be read.
type Lines[L any] interface {
	History
	// Of must return the lines of a record in their order. subject is under whose key sealed texts lie.
	Of(ctx context.Context, c *Call, m *schema.Meta, subject ident.ID) ([]L, error)
}

// HistoryOf returns a history of a record that the scope may see. hide takes out of each line what the call hides; nil for
// lines that hold nothing personal and no field of the record.
//
// Errors: NotFound; Denied.
func HistoryOf[T any, P Aggregate[T], L any](ctx context.Context, r *Records[T, P], s *Scope, id ident.ID, lines Lines[L], hide func(c *Call, line *L)) ([]L, error) {
	return Of(ctx, r, s, "history", r.ByID(id), func(ctx context.Context, c *Call, rec *T) ([]L, error) {
		own := *c
		own.saved(P(rec))
		list, err := lines.Of(ctx, c, own.meta, own.subject)
		for i := 0; hide != nil && i < len(list); i++ {
			hide(c, &list[i])
		}
		return list, err
	})
}
