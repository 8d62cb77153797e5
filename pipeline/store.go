package pipeline

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Store keeps pipelines, leads and opportunities. Implementations must be safe for concurrent use. A missing or
// deleted record must be fault.NotFound. Save methods must write nothing and return fault.Conflict, with the current
// version, when the stored version is not the one of before.
type Store interface {
	PipelineStore
	LeadStore
	OpportunityStore
}

// PipelineStore keeps versions of definitions. A stored version must never change.
type PipelineStore interface {
	// Pipeline must return one version, or the newest for version 0.
	Pipeline(ctx context.Context, c *work.Call, key string, version int64) (*Pipeline, error)
	// LockPipeline must return the newest version and hold the key against concurrent writers until the
	// transaction ends.
	LockPipeline(ctx context.Context, c *work.Call, key string) (*Pipeline, error)
	// SavePipeline must add after as a new version; before is nil for the first. A key that is taken is Conflict.
	SavePipeline(ctx context.Context, c *work.Call, before, after *Pipeline) error
	// ListPipelines must return the newest versions.
	ListPipelines(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[Pipeline], error)
}

// LeadStore keeps leads and their history.
type LeadStore interface {
	// Leads must return the store of leads.
	Leads() work.Store[Lead]
	// LeadMoves must return their history, by version.
	LeadMoves() work.Lines[LeadMove]
}

// OpportunityStore keeps opportunities and their history.
type OpportunityStore interface {
	// Opportunity must return one opportunity; with lock it must hold it against concurrent writers until the
	// transaction ends.
	Opportunity(ctx context.Context, c *work.Call, id ident.ID, lock bool) (*Opportunity, error)
	// OpportunityByExt must return the id of the opportunity with an external id.
	OpportunityByExt(ctx context.Context, c *work.Call, ext ident.Ext) (ident.ID, error)
	// OpportunitiesByExt must return the ids of the opportunities that have one of the external ids.
	OpportunitiesByExt(ctx context.Context, c *work.Call, exts []ident.Ext) (map[ident.Ext]ident.ID, error)
	// InsertOpportunities must store new ones, each with its row of history, as fast as the database allows. A taken
	// external id is Conflict and leaves nothing.
	InsertOpportunities(ctx context.Context, c *work.Call, recs []*Opportunity, moves []*Transition) error
	// SaveOpportunity must write the opportunity and, when move is not nil, one row of history. before is nil for a
	// creation. An external id that is taken is Conflict.
	SaveOpportunity(ctx context.Context, c *work.Call, before, after *Opportunity, move *Transition) error
	// DeleteOpportunity must make the opportunity invisible and free its external id.
	DeleteOpportunity(ctx context.Context, c *work.Call, before, after *Opportunity) error
	// ListOpportunities must return the opportunities of a listing.
	ListOpportunities(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[Opportunity], error)
	// Transitions must return the history of an opportunity, oldest first.
	Transitions(ctx context.Context, c *work.Call, id ident.ID) ([]Transition, error)
}
