package pipeline

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/work"
)

// past is what imported history knows of an opportunity's end. A nil past is the present: gates are asked.
type past struct {
	closedOn date.Date
	reason   string
}

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
	return o.move(ctx, "opportunity: move", id, changes, []any{stage, changes},
		func(*Pipeline) (string, error) { return stage, nil })
}

// Win closes an opportunity in the first won stage of its pipeline. Winning a won one changes nothing.
//
// Errors: as Move.
func (o Opportunities) Win(ctx context.Context, id ident.ID, changes ...OpportunityUpdate) (Opportunity, error) {
	return o.close(ctx, "opportunity: win", id, Won, changes)
}

// Lose closes an opportunity in the first lost stage of its pipeline. The reason is a key of the host's, such as
// "price", so that reports can count it. Losing a lost one for the same reason changes nothing.
//
// Errors: as Move; Invalid for a malformed reason.
func (o Opportunities) Lose(ctx context.Context, id ident.ID, reason string, changes ...OpportunityUpdate) (Opportunity, error) {
	if !word.MatchString(reason) {
		return Opportunity{}, fault.At("opportunity: lose", fault.Field("lost_reason", "%s, such as \"price\"", wordForm))
	}
	return o.close(ctx, "opportunity: lose", id, Lost, append(changes[:len(changes):len(changes)], OpportunityUpdate{LostReason: &reason}))
}

func (o Opportunities) close(ctx context.Context, op string, id ident.ID, cat Category, changes []OpportunityUpdate) (Opportunity, error) {
	return o.move(ctx, op, id, changes, []any{cat, changes}, func(def *Pipeline) (string, error) {
		st, ok := def.First(cat)
		if !ok {
			return "", fault.Field("stage", "pipeline %s has no stage of category %s", def.Key, cat)
		}
		return st.Key, nil
	})
}

func (o Opportunities) move(ctx context.Context, op string, id ident.ID, changes []OpportunityUpdate, args any,
	target func(def *Pipeline) (string, error),
) (Opportunity, error) {
	var move *Transition
	return o.write(ctx, work.Change[Opportunity]{
		Op: op, Action: work.Edit, Kind: OpportunityMoved, ID: id, Args: args, Load: o.lock(id),
		Apply: func(ctx context.Context, c *work.Call, rec *Opportunity) error {
			move = nil
			if err := c.CheckSets("stage"); err != nil {
				return err
			}
			def, err := o.svc.pinned(ctx, c, rec.Pipeline, rec.PipelineVersion)
			if err != nil {
				return err
			}
			stage, err := target(def)
			if err != nil {
				return err
			}
			if stage == rec.Stage || sameEnd(def, rec, stage, op) {
				return stay(c, rec, changes)
			}
			if rec.Category.Closed() {
				return refused(rec.Version, "a %s opportunity stays in its stage: Reopen it first", rec.Category)
			}
			for _, up := range changes {
				if err := up.apply(c, rec, false); err != nil {
					return err
				}
			}
			move, err = o.svc.step(ctx, c, rec, def, stage, nil)
			return err
		},
	}, &move)
}

// sameEnd reports whether Win or Lose finds the opportunity in another stage of the category it aims at.
func sameEnd(def *Pipeline, rec *Opportunity, stage, op string) bool {
	st, ok := def.Stage(stage)
	return ok && op != "opportunity: move" && st.Category == rec.Category
}

// stay answers a move to the present stage: nothing may change.
func stay(c *work.Call, rec *Opportunity, changes []OpportunityUpdate) error {
	probe := *rec
	for _, up := range changes {
		if err := up.apply(c, &probe, false); err != nil {
			return err
		}
	}
	if len(c.Entity.Diff(rec, &probe)) > 0 {
		return refused(rec.Version, "the opportunity is in stage %s already: change its fields by Update", rec.Stage)
	}
	return nil
}

// step moves a record within a pipeline to a stage by key, and tells the events.
func (s *Module) step(ctx context.Context, c *work.Call, rec *Opportunity, def *Pipeline, stage string, past *past) (*Transition, error) {
	st, err := def.need(stage)
	if err != nil {
		return nil, err
	}
	if past == nil && rec.Category.Closed() && st.Category.Closed() {
		return nil, refused(rec.Version, "a %s opportunity stays in its stage: Reopen it first", rec.Category)
	}
	from, was := rec.Stage, rec.Category
	move, err := s.enter(ctx, c, rec, st, past, nil)
	if err != nil {
		return nil, err
	}
	recordFacts(c, rec, from, was)
	c.Line(rec.Customer, move.At)
	return move, nil
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
func (s *Module) enter(ctx context.Context, c *work.Call, rec *Opportunity, st Stage, past *past, m *memo) (*Transition, error) {
	if past == nil && st.Category == Lost && rec.LostReason == "" {
		return nil, fault.Field("lost_reason", "must not be blank for a lost stage: use Lose, or give it with the move")
	}
	if err := past.fits(st.Category, rec.OpenedOn); err != nil {
		return nil, err
	}
	zone, err := m.zoneOf(ctx, c, s)
	if err != nil {
		return nil, err
	}
	var seen []Evidence
	if past == nil {
		if seen, err = s.pass(c, st, rec, zone); err != nil {
			return nil, err
		}
	}
	at := c.Now
	if past != nil {
		at = past.at(rec, st, zone, c.Now)
	}
	move := &Transition{
		From: rec.Stage, To: st.Key, Category: st.Category, At: at, Imported: past != nil, Evidence: seen,
		Actor: ident.Principal{Tenant: c.Tenant(), ID: c.Principal.ID, Kind: c.Principal.Kind},
	}
	if !rec.StageSince.IsZero() {
		move.Stay = max(0, at.Sub(rec.StageSince))
	}
	if rec.Stage == "" && rec.OpenedOn.IsZero() && past == nil {
		rec.OpenedOn = date.FromTime(at, zone)
	}
	rec.Stage, rec.Category, rec.StageProbability, rec.StageSince = st.Key, st.Category, st.Probability, at
	rec.settle(at, zone, past)
	rec.weigh()
	move.Reason = rec.LostReason
	return move, nil
}

// settle sets or clears what closing fixes.
func (rec *Opportunity) settle(at time.Time, zone *time.Location, past *past) {
	if past != nil && past.reason != "" {
		rec.LostReason = past.reason
	}
	if rec.Category != Lost {
		rec.LostReason = ""
	}
	rec.Booked = money.Amount{}
	if rec.Category == Won {
		rec.Booked = rec.Amount
	}
	rec.ClosedOn, rec.ClosedAt = date.Date{}, time.Time{}
	if !rec.Category.Closed() {
		return
	}
	rec.ClosedAt, rec.ClosedOn = at, date.FromTime(at, zone)
	if past != nil && past.closedOn.IsZero() { // history that does not tell when
		rec.ClosedAt, rec.ClosedOn = time.Time{}, date.Date{}
	}
}

// correct brings what an earlier import has fixed at a closing up to what history now says.
func (s *Module) correct(ctx context.Context, c *work.Call, rec *Opportunity, past *past) error {
	if err := past.fits(rec.Category, rec.OpenedOn); err != nil || past == nil || !rec.Category.Closed() {
		return err
	}
	zone, err := s.zone(ctx, c)
	if err != nil {
		return err
	}
	if !past.closedOn.IsZero() && past.closedOn != rec.ClosedOn {
		rec.ClosedOn, rec.ClosedAt = past.closedOn, midnight(past.closedOn, zone, c.Now)
	}
	if rec.Category == Lost && past.reason != "" {
		rec.LostReason = past.reason
	}
	if rec.Category == Won {
		rec.Booked = rec.Amount
	}
	return nil
}

// fits refuses what history tells of an end that the stage does not have, so that no part of a row is dropped.
func (p *past) fits(category Category, opened date.Date) error {
	var v fault.Violations
	if p != nil && !p.closedOn.IsZero() {
		if !category.Closed() {
			v.Add("closed_on", "must be blank: the stage is not closed")
		} else if p.closedOn.Before(opened) {
			v.Add("closed_on", "must not lie before opened_on")
		}
	}
	if p != nil && p.reason != "" && category != Lost {
		v.Add("lost_reason", "must be blank: the stage is not a lost one")
	}
	return v.Err()
}

// at is the instant that history gives to an entry: the start of the day it names, or now when it names none.
func (p *past) at(rec *Opportunity, st Stage, zone *time.Location, now time.Time) time.Time {
	day := rec.OpenedOn
	if st.Category.Closed() {
		day = p.closedOn
	}
	return midnight(day, zone, now)
}

func midnight(day date.Date, zone *time.Location, fallback time.Time) time.Time {
	if day.IsZero() {
		return fallback
	}
	y, m, d := day.YMD()
	return time.Date(y, m, d, 0, 0, 0, 0, zone).UTC()
}

// opened is the place of a creation on the customer's timeline.
func (t *Transition) opened(rec *Opportunity) time.Time {
	if t.Imported {
		return midnight(rec.OpenedOn, time.UTC, t.At)
	}
	return t.At
}

// stamp completes the row of history with what only the written record knows; nil stays nil.
func (t *Transition) stamp(rec *Opportunity) *Transition {
	if t != nil {
		t.Opportunity, t.Version = rec.ID, rec.Version
		t.Pipeline, t.PipelineVersion = rec.Pipeline, rec.PipelineVersion
	}
	return t
}
