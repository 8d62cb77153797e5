package work

import (
	"context"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
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
	// Entries must ask for the newest changes of a record, at most limit, and return what waits for them, in order of version.
	Entries(ctx context.Context, u Unit, tenant string, record ident.Ref, limit int) (wait func(ctx context.Context) ([]Entry, error))
}

// MaxEntries is how many changes [Records.History] returns at most: the newest.
const MaxEntries = 1000

// History returns the changes of a record, oldest first, the newest [MaxEntries] of them. Fields that the scope may not see are not named.
//
// Errors: NotFound; Denied.
func (r *Records[T, P]) History(ctx context.Context, s *Scope, id ident.ID) ([]Entry, error) {
	ask := func(ctx context.Context, c *Call, id ident.ID) func(ctx context.Context) ([]Entry, error) {
		return r.engine.Audit.Entries(ctx, c.Unit, c.Tenant(), ident.Ref{Entity: r.kind.Name(), ID: id}, MaxEntries)
	}
	return Beside(ctx, r, s, "history", id, ask, func(ctx context.Context, c *Call, _ *T, wait func(ctx context.Context) ([]Entry, error)) ([]Entry, error) {
		list, err := wait(ctx)
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
	// Of must ask for the lines of a record in their order, and return what waits for them. subject is under whose key sealed
	// texts lie.
	Of(ctx context.Context, c *Call, id ident.ID) (wait func(ctx context.Context, subject ident.ID) ([]L, error))
}

// HistoryOf returns a history of a record that the scope may see. hide takes out of each line what the call hides; nil for
// lines that hold nothing personal and no field of the record.
//
// Errors: NotFound; Denied.
func HistoryOf[T any, P Aggregate[T], L any](ctx context.Context, r *Records[T, P], s *Scope, id ident.ID, lines Lines[L], hide func(c *Call, line *L)) ([]L, error) {
	return Beside(ctx, r, s, "history", id, lines.Of, func(ctx context.Context, c *Call, rec *T, wait func(ctx context.Context, subject ident.ID) ([]L, error)) ([]L, error) {
		list, err := wait(ctx, c.Entity.KeyHolder(P(rec)))
		for i := 0; hide != nil && i < len(list); i++ {
			hide(c, &list[i])
		}
		return list, err
	})
}
