package pipeline

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Store keeps pipelines, leads and opportunities with their histories. Implementations must be safe for concurrent use.
type Store interface {
	// Pipelines must return the store of pipelines.
	Pipelines() PipelineStore
	// Leads must return the store of leads.
	Leads() work.Store[Lead]
	// LeadMoves must return the history of leads, by version.
	LeadMoves() work.Lines[LeadMove]
	// Opportunities must return the store of opportunities.
	Opportunities() OpportunityStore
	// Transitions must return the history of opportunities, by version.
	Transitions() work.Lines[Transition]
}

// PipelineStore keeps pipelines. What Save has written must stay readable as a version that never changes.
type PipelineStore interface {
	work.Store[Pipeline]
	// Lock must return the newest version of a key, held against other writers until the transaction ends.
	Lock(ctx context.Context, c *work.Call, key string) (*Pipeline, error)
	// Version must return what waits for one version of a key, or for the newest when version is 0.
	Version(ctx context.Context, c *work.Call, key string, version int64) (wait func(ctx context.Context) (*Pipeline, error))
}

// OpportunityStore keeps opportunities. A deleted one must give its external id free.
type OpportunityStore interface {
	work.Store[Opportunity]
	// ByExt must return the opportunity of an external id, as Get would by its id.
	ByExt(ctx context.Context, c *work.Call, ext ident.Ext, how work.Fetch) (*Opportunity, error)
	// Known must return which of the external ids opportunities have.
	Known(ctx context.Context, c *work.Call, exts []ident.Ext) (map[ident.Ext]bool, error)
}
