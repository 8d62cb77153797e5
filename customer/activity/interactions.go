package activity

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Interactions is the façade over the contacts with the customers of a tenant as one principal sees them, for one purpose,
// and over the customers' timelines. It is a light value of [Module.Interactions], safe for concurrent use unless its
// scope is inside a transaction.
type Interactions struct {
	m     *Module
	scope *work.Scope
}

var (
	interactionKind = &work.Kind{
		Entity: schema.Of[Interaction](EntityInteraction), Module: "customer", Table: "crm_interaction", Permanent: true, Ledger: true,
		Rights: work.Rights{
			Manager: "aatttntn", Sales: "ttoonnnn", Service: "aoonnnnn", Marketing: "annnnnnn", Viewer: "annnnnnn",
			Hide: map[string][]string{work.RoleMarketing: {"subject", "body"}, work.RoleViewer: {"subject", "body"}},
		},
	}
	interactionDraft = schema.PatchOf[Interaction, InteractionDraft](interactionKind.Entity)
)

// Log stores an interaction and puts it on the timeline of every participant. Participants must be visible to the
// caller.
//
// Errors: Invalid with every breach; NotFound naming the participant; Denied; Conflict with reason "taken" when the
// id exists.
func (is Interactions) Log(ctx context.Context, d InteractionDraft) (Interaction, error) {
	v := newInteraction(&d)
	v.Name = "log"
	return is.m.interactions.Create(ctx, is.scope, v)
}

func newInteraction(d *InteractionDraft) work.Verb[Interaction] {
	return work.Verb[Interaction]{
		Event: Logged, ID: d.ID, Args: *d, Set: interactionDraft.With(d),
		Apply: func(_ context.Context, c *work.Call, rec *Interaction) error {
			if err := rec.settle(c.Now); err != nil {
				return err
			}
			c.Fact("channel", string(rec.Channel))
			c.Fact("direction", string(rec.Direction))
			for _, p := range rec.Participants {
				c.Refer(ident.Ref{Entity: "customer", ID: p.Customer})
			}
			c.LineAt(rec.At)
			return nil
		},
	}
}

// Load logs many interactions, each as by [Interactions.Log], and reports those that were refused.
//
// Errors: Invalid for the options; Denied; those of the database, which end the load.
func (is Interactions) Load(ctx context.Context, rows iter.Seq2[InteractionDraft, error], o *work.LoadOptions) (work.LoadReport, error) {
	return work.LoadRows(ctx, is.m.interactions, is.scope, rows, o, newInteraction)
}

// Get returns an interaction by its id.
//
// Errors: NotFound, also for one the caller may not see; Denied when it may see none.
func (is Interactions) Get(ctx context.Context, id ident.ID) (Interaction, error) {
	return is.m.interactions.Get(ctx, is.scope, id)
}

// Page returns one page of interactions.
//
// Errors: Invalid for a malformed filter, sort or cursor; NotFound for a customer the caller may not see; Denied.
func (is Interactions) Page(ctx context.Context, f InteractionFilter) (page.Page[Interaction], error) {
	return is.m.interactions.PageOf(ctx, is.scope, f.Customer, f.predicate(), f.Query)
}

// All ranges over every interaction of the filter, page by page. It stops at the first error.
func (is Interactions) All(ctx context.Context, f InteractionFilter) iter.Seq2[Interaction, error] {
	return work.All(f.Query, func(q page.Query) (page.Page[Interaction], error) {
		f.Query = q
		return is.Page(ctx, f)
	})
}
