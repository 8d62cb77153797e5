package pipeline

import (
	"context"
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
	var move *Transition
	return o.write(ctx, work.Change[Opportunity]{
		Op: "opportunity: reopen", Action: work.Edit, Kind: OpportunityMoved, ID: id, Args: stage, Load: o.lock(id),
		Apply: func(ctx context.Context, c *work.Call, rec *Opportunity) error {
			move = nil
			if !rec.Category.Closed() {
				if stage == "" || stage == rec.Stage {
					return nil
				}
				return refused(rec.Version, "the opportunity is open: use Move")
			}
			def, err := o.svc.pinned(ctx, c, rec.Pipeline, rec.PipelineVersion)
			if err != nil {
				return err
			}
			st, err := o.svc.back(ctx, c, rec, def, stage)
			if err != nil {
				return err
			}
			move, err = o.svc.step(ctx, c, rec, def, st.Key, nil)
			return err
		},
	}, &move)
}

// back chooses the stage of a reopening.
func (s *Module) back(ctx context.Context, c *work.Call, rec *Opportunity, def *Pipeline, stage string) (Stage, error) {
	if stage != "" {
		st, err := def.need(stage)
		if err == nil && st.Category.Closed() {
			err = fault.Field("stage", "want an open stage to reopen into")
		}
		return st, err
	}
	list, err := s.cfg.Store.Transitions(ctx, c, rec.ID)
	if err != nil {
		return Stage{}, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if st, ok := def.Stage(list[i].From); ok && !st.Category.Closed() {
			return st, nil
		}
	}
	return def.Stages[0], nil
}

// SwitchVersion takes an open opportunity to another version of its pipeline; 0 means the newest. It keeps its stage,
// or enters the named one, whose gates are asked when it differs. Category and probability become those of the new
// version. Switching to the version and stage it has changes nothing.
//
// Errors: Invalid when the version or the stage does not exist; Gate; Conflict with reason "state" when it is closed;
// NotFound; Denied.
func (o Opportunities) SwitchVersion(ctx context.Context, id ident.ID, version int64, stage string) (Opportunity, error) {
	var move *Transition
	return o.write(ctx, work.Change[Opportunity]{
		Op: "opportunity: switch version", Action: work.Edit, Kind: OpportunitySwitched, ID: id, Args: []any{version, stage},
		Load: o.lock(id),
		Apply: func(ctx context.Context, c *work.Call, rec *Opportunity) (err error) {
			move, err = o.svc.switchTo(ctx, c, rec, version, stage)
			return err
		},
	}, &move)
}

func (s *Module) switchTo(ctx context.Context, c *work.Call, rec *Opportunity, version int64, stage string) (*Transition, error) {
	if rec.Category.Closed() {
		return nil, refused(rec.Version, "a %s opportunity keeps its version: Reopen it first", rec.Category)
	}
	def, err := s.pinned(ctx, c, rec.Pipeline, version)
	if err != nil {
		return nil, err
	}
	if stage == "" {
		stage = rec.Stage
	}
	st, err := def.need(stage)
	if err != nil {
		return nil, err
	}
	if st.Category.Closed() {
		return nil, fault.Field("stage", "want an open stage: switch first, then close")
	}
	if def.Version == rec.PipelineVersion {
		if stage == rec.Stage {
			return nil, nil //nolint:nilnil // no change, so no row of history
		}
		return nil, refused(rec.Version, "the opportunity has that version already: use Move for another stage")
	}
	c.Fact("from_version", strconv.FormatInt(rec.PipelineVersion, 10))
	c.Fact("to_version", strconv.FormatInt(def.Version, 10))
	rec.PipelineVersion = def.Version
	if stage == rec.Stage {
		rec.Category, rec.StageProbability = st.Category, st.Probability
		rec.weigh()
		return &Transition{
			From: stage, To: stage, Category: st.Category, At: c.Now, // it did not leave the stage, so nothing is added to its stay
			Actor: ident.Principal{Tenant: c.Tenant(), ID: c.Principal.ID, Kind: c.Principal.Kind},
		}, nil
	}
	return s.step(ctx, c, rec, def, stage, nil)
}
