package pipeline

import "github.com/rapport-crm/rapport/core/event"

// Names of the entities in the schema registry.
const (
	EntityPipeline    = "pipeline"
	EntityLead        = "lead"
	EntityOpportunity = "opportunity"
)

// The events of pipelines and leads. Facts of a pipeline: key. Facts of a change of state: from, to.
const (
	PipelineDefined  event.Kind = "pipeline.defined"  // a version was stored
	LeadCreated      event.Kind = "lead.created"      // a lead came in
	LeadUpdated      event.Kind = "lead.updated"      // fields changed
	LeadMoved        event.Kind = "lead.moved"        // its state changed: worked, qualified, disqualified, reopened
	LeadConverted    event.Kind = "lead.converted"    // it was converted; refers to the customer and the opportunity
	LeadDeleted      event.Kind = "lead.deleted"      // it was deleted
	LeadRestored     event.Kind = "lead.restored"     // a deleted one is back
	LeadDisqualified event.Kind = "lead.disqualified" // follows lead.moved; fact reason
)

// The events of opportunities. Each change of stage raises opportunity.moved with the facts from, to, category and
// pipeline; closing and reopening raise a second event.
const (
	OpportunityCreated  event.Kind = "opportunity.created"  // facts stage, pipeline
	OpportunityUpdated  event.Kind = "opportunity.updated"  // fields changed
	OpportunityMoved    event.Kind = "opportunity.moved"    // another stage
	OpportunityWon      event.Kind = "opportunity.won"      // closed with success
	OpportunityLost     event.Kind = "opportunity.lost"     // closed without; fact reason
	OpportunityReopened event.Kind = "opportunity.reopened" // a closed one is open again
	OpportunitySwitched event.Kind = "opportunity.switched" // another version of its pipeline; facts from_version, to_version
	OpportunityDeleted  event.Kind = "opportunity.deleted"  // it was deleted
	OpportunityRestored event.Kind = "opportunity.restored" // a deleted one is back
)
