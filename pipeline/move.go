package pipeline

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Move takes an opportunity to another stage of its pipeline. The changes are applied first, in the same write, so a
// caller can give what a gate asks for. Moving to the stage it is in is no move and writes nothing; changes that would
// change something are then refused, since they need [Opportunities.Update].
//
// Entering a won or lost stage closes the opportunity: closed_on and closed_at are set, and the amount of a won one is
// booked. A lost stage asks for a lost reason. A closed opportunity is moved by [Opportunities.Reopen] only.
//
// Errors: Gate with the clauses that refuse, what they saw and what they need; Invalid for an unknown stage; Conflict
// with reason "state" when it is closed; NotFound; Denied.
func (o Opportunities) Move(ctx context.Context, id ident.ID, stage string, changes ...OpportunityUpdate) (Opportunity, error) {
	return o.move(ctx, "move", id, changes, []any{stage, changes}, func(*Opportunity, *Pipeline) (string, error) { return stage, nil })
}

// Win closes an opportunity in the first won stage of its pipeline. Winning a won one changes nothing.
//
// Errors: as Move.
func (o Opportunities) Win(ctx context.Context, id ident.ID, changes ...OpportunityUpdate) (Opportunity, error) {
	return o.close(ctx, "win", id, Won, changes)
}

// Lose closes an opportunity in the first lost stage of its pipeline. The reason is a key of the host's, such as
// "price", so that reports can count it. Losing a lost one for the same reason changes nothing.
//
// Errors: as Move; Invalid for a malformed reason.
func (o Opportunities) Lose(ctx context.Context, id ident.ID, reason string, changes ...OpportunityUpdate) (Opportunity, error) {
	if err := schema.CheckWord("lost_reason", reason); err != nil {
		return Opportunity{}, fault.At("opportunity: lose", err)
	}
	return o.close(ctx, "lose", id, Lost, append(changes[:len(changes):len(changes)], OpportunityUpdate{LostReason: &reason}))
}

func (o Opportunities) close(ctx context.Context, name string, id ident.ID, cat Category, changes []OpportunityUpdate) (Opportunity, error) {
	return o.move(ctx, name, id, changes, []any{cat, changes}, func(rec *Opportunity, def *Pipeline) (string, error) {
		if rec.Category == cat {
			return rec.Stage, nil // it is closed that way already, in this stage or another one
		}
		st, ok := def.First(cat)
		if !ok {
			return "", fault.Field("stage", "pipeline %s has no stage of category %s", def.Key, cat)
		}
		return st.Key, nil
	})
}

func (o Opportunities) move(ctx context.Context, name string, id ident.ID, changes []OpportunityUpdate, args any,
	target func(rec *Opportunity, def *Pipeline) (string, error),
) (Opportunity, error) {
	return o.m.opportunities.Change(ctx, o.scope, work.Verb[Opportunity]{
		Name: name, Event: OpportunityMoved, ID: id, Args: args, Set: opportunityUpdate.Each(changes), Sets: []string{"stage"}, Check: moved,
		Apply: func(ctx context.Context, c *work.Call, rec *Opportunity) error {
			def, err := o.m.pinned(ctx, c, rec.Pipeline, rec.PipelineVersion)
			if err != nil {
				return err
			}
			stage, err := target(rec, def)
			switch {
			case err != nil || stage == rec.Stage:
				return err
			case rec.Category.Closed():
				return closed(rec)
			}
			return o.m.step(ctx, c, rec, def, stage, nil)
		},
	})
}

// moved is the Check of a move: one that leads nowhere changes nothing.
func moved(before, after *Opportunity) error {
	if before.Stage == after.Stage && len(opportunityKind.Entity.Diff(before, after)) > 0 {
		return refused(before.Version, "the opportunity is in stage %s already: change its fields by Update", before.Stage)
	}
	return lawful(before, after)
}

func closed(rec *Opportunity) error {
	return refused(rec.Version, "a %s opportunity stays in its stage: Reopen it first", rec.Category)
}

// step moves a record within a pipeline to a stage by key, and tells the events.
func (m *Module) step(ctx context.Context, c *work.Call, rec *Opportunity, def *Pipeline, stage string, past *OpportunityDraft) error {
	st, err := def.need(stage)
	if err != nil {
		return err
	}
	from, was := rec.Stage, rec.Category
	rec.weigh() // gates see the caller's own probability
	if err := m.enter(ctx, c, rec, st, past); err != nil {
		return err
	}
	recordFacts(c, rec, from, was)
	c.LineAt(rec.StageSince)
	return nil
}

// recordFacts adds the facts of a change of stage, and the event of a closing or a reopening.
func recordFacts(c *work.Call, rec *Opportunity, from string, was Category) {
	c.Fact("from", from)
	c.Fact("to", rec.Stage)
	c.Fact("category", string(rec.Category))
	c.Fact("pipeline", rec.Pipeline)
	switch {
	case rec.Category == Won && was != Won:
		c.Emit(OpportunityWon, nil)
	case rec.Category == Lost && was != Lost:
		c.Emit(OpportunityLost, map[string]string{"reason": rec.LostReason})
	case !rec.Category.Closed() && was.Closed():
		c.Emit(OpportunityReopened, nil)
	}
}

// enter asks the gates of a stage and puts rec into it: the one place where stage and category change.
func (m *Module) enter(ctx context.Context, c *work.Call, rec *Opportunity, st Stage, past *OpportunityDraft) error {
	if past == nil && st.Category == Lost && rec.LostReason == "" {
		return fault.Field("lost_reason", "must not be blank for a lost stage: use Lose, or give it with the move")
	}
	if err := past.fits(st.Category, rec.OpenedOn); err != nil {
		return err
	}
	zone, err := c.Zone(ctx)
	if err != nil {
		return err
	}
	at, seen := c.Now, []Evidence(nil)
	if past != nil {
		at = past.at(rec, st, zone, c.Now)
	} else if seen, err = m.pass(c, st, rec, zone); err != nil {
		return err
	}
	if rec.Stage == "" && rec.OpenedOn.IsZero() && past == nil {
		rec.OpenedOn = date.FromTime(at, zone)
	}
	line := &Transition{From: rec.Stage, At: at, Imported: past != nil, Evidence: seen}
	if !rec.StageSince.IsZero() {
		line.Stay = max(0, at.Sub(rec.StageSince))
	}
	rec.Stage, rec.Category, rec.StageProbability, rec.StageSince = st.Key, st.Category, st.Probability, at
	rec.settle(at, date.FromTime(at, zone), past)
	rec.weigh()
	m.keep(c, rec, line)
	return nil
}

// keep adds a line to the history of a record that is in its new stage.
func (m *Module) keep(c *work.Call, rec *Opportunity, line *Transition) {
	line.To, line.Category, line.Reason, line.Actor = rec.Stage, rec.Category, rec.LostReason, c.Actor()
	line.Pipeline, line.PipelineVersion = rec.Pipeline, rec.PipelineVersion
	c.Keep(m.transitions, line)
}

// settle sets or clears what closing fixes.
func (rec *Opportunity) settle(at time.Time, day date.Date, past *OpportunityDraft) {
	if past != nil && past.LostReason != "" {
		rec.LostReason = past.LostReason
	}
	if rec.Category != Lost {
		rec.LostReason = ""
	}
	rec.Booked = money.Amount{}
	if rec.Category == Won {
		rec.Booked = rec.Amount
	}
	if past != nil {
		day = past.ClosedOn // blank where history does not tell; as given, since the clocks may skip the day's midnight
	}
	rec.ClosedOn, rec.ClosedAt = date.Date{}, time.Time{}
	if rec.Category.Closed() && !day.IsZero() {
		rec.ClosedOn, rec.ClosedAt = day, at
	}
}
