package pipeline

import (
	"context"
	"slices"
	"strconv"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Reopen takes a closed opportunity back to an open stage, whose gates are asked. With stage "" it goes back to the
// stage it was closed from, or to the first one when that is not known. Closing date, booked amount and lost reason
// are blanked; the history keeps them. Reopening an open one changes nothing when it is in that stage, or stage is "".
//
// Errors: as [Opportunities.Move].
func (o Opportunities) Reopen(ctx context.Context, id ident.ID, stage string) (Opportunity, error) {
	return o.m.opportunities.Change(ctx, o.scope, work.Verb[Opportunity]{
		Name: "reopen", Event: OpportunityMoved, ID: id, Args: stage, Sets: []string{"stage"}, Check: lawful,
		Apply: func(ctx context.Context, c *work.Call, rec *Opportunity) error {
			switch {
			case rec.Category.Closed():
				return o.m.reopen(ctx, c, rec, stage)
			case stage == "" || stage == rec.Stage:
				return nil
			}
			return refused(rec.Version, "the opportunity is open: use Move")
		},
	})
}

func (m *Module) reopen(ctx context.Context, c *work.Call, rec *Opportunity, stage string) error {
	wait := m.pin(ctx, c, rec.Pipeline, rec.PipelineVersion)
	var trail []Transition
	if stage == "" { // sent together with the question for the pipeline
		var err error
		if trail, err = m.transitions.Of(ctx, c, rec.ID)(ctx, rec.Customer); err != nil {
			return err
		}
	}
	def, err := wait(ctx)
	if err != nil {
		return err
	}
	if stage == "" {
		stage = def.lastOpen(trail)
	}
	st, err := def.need(stage)
	switch {
	case err != nil:
		return err
	case st.Category.Closed():
		return fault.Field("stage", "want an open stage to reopen into")
	}
	return m.step(ctx, c, rec, def, stage, nil)
}

// lastOpen is the last open stage that a history has left, or else the first one.
func (p *Pipeline) lastOpen(trail []Transition) string {
	for _, t := range slices.Backward(trail) {
		if st, ok := p.Stage(t.From); ok && !st.Category.Closed() {
			return st.Key
		}
	}
	return p.Stages[0].Key
}

// SwitchVersion takes an open opportunity to another version of its pipeline; 0 means the newest. It keeps its stage,
// or enters the named one, whose gates are asked when it differs. Category and probability become those of the new
// version. Switching to the version and stage it has changes nothing.
//
// Errors: Invalid when the version or the stage does not exist; Gate; Conflict with reason "state" when it is closed;
// NotFound; Denied.
func (o Opportunities) SwitchVersion(ctx context.Context, id ident.ID, version int64, stage string) (Opportunity, error) {
	return o.m.opportunities.Change(ctx, o.scope, work.Verb[Opportunity]{
		Name: "switch version", Event: OpportunitySwitched, ID: id, Args: []any{version, stage},
		Sets: []string{"pipeline_version", "stage"}, Check: lawful,
		Apply: func(ctx context.Context, c *work.Call, rec *Opportunity) error {
			if stage == "" {
				return o.m.switchTo(ctx, c, rec, version, rec.Stage)
			}
			return o.m.switchTo(ctx, c, rec, version, stage)
		},
	})
}

func (m *Module) switchTo(ctx context.Context, c *work.Call, rec *Opportunity, version int64, stage string) error {
	if rec.Category.Closed() {
		return refused(rec.Version, "a %s opportunity keeps its version: Reopen it first", rec.Category)
	}
	def, err := m.pinned(ctx, c, rec.Pipeline, version)
	if err != nil {
		return err
	}
	st, err := def.need(stage)
	switch {
	case err != nil:
		return err
	case st.Category.Closed():
		return fault.Field("stage", "want an open stage: switch first, then close")
	case def.Version == rec.PipelineVersion && stage == rec.Stage:
		return nil
	case def.Version == rec.PipelineVersion:
		return refused(rec.Version, "the opportunity has that version already: use Move for another stage")
	}
	c.Fact("from_version", strconv.FormatInt(rec.PipelineVersion, 10))
	c.Fact("to_version", strconv.FormatInt(def.Version, 10))
	rec.PipelineVersion = def.Version
	if stage != rec.Stage {
		return m.step(ctx, c, rec, def, stage, nil)
	}
	rec.Category, rec.StageProbability = st.Category, st.Probability
	rec.weigh()
	m.keep(c, rec, &Transition{From: stage, At: c.Now}) // it did not leave the stage, so nothing is added to its stay
	return nil
}
