package pipeline

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// intake says how drafts come in. Its zero value takes them as of now, each for itself.
type intake struct {
	history   bool                 // the draft tells what happened elsewhere
	pipelines map[string]*Pipeline // newest versions by key, of a batch; nil for one that does not exist
}

func (in *intake) check() func(before, after *Opportunity) error {
	if in.history {
		return historical
	}
	return lawful
}

// past returns what a draft tells of the past; nil is the present, in which gates are asked.
func (in *intake) past(d *OpportunityDraft) (*OpportunityDraft, error) {
	switch {
	case in.history && d.LostReason != "":
		return d, schema.CheckWord("lost_reason", d.LostReason)
	case in.history:
		return d, nil
	case !d.ClosedOn.IsZero():
		return nil, fault.Field("closed_on", "is for history only: set LoadOptions.History")
	case d.LostReason != "":
		return nil, fault.Field("lost_reason", "is for history only: set LoadOptions.History")
	}
	return nil, nil
}

// newest returns the pipeline that a draft names.
func (in *intake) newest(ctx context.Context, c *work.Call, m *Module, key string) (*Pipeline, error) {
	switch p, ok := in.pipelines[key]; {
	case !ok:
		return m.pinned(ctx, c, key, 0)
	case p == nil:
		return nil, noPipeline()
	default:
		return p, nil
	}
}

// newOpportunity creates the opportunity of a draft and puts it into its first stage.
func (m *Module) newOpportunity(d *OpportunityDraft, in *intake) work.Verb[Opportunity] {
	return work.Verb[Opportunity]{
		ID: d.ID, Args: *d, Set: opportunityDraft.With(d), Check: in.check(),
		Apply: func(ctx context.Context, c *work.Call, rec *Opportunity) error {
			past, err := in.past(d)
			if err != nil {
				return err
			}
			def, err := in.newest(ctx, c, m, d.Pipeline)
			if err != nil {
				return err
			}
			st := def.Stages[0]
			if d.Stage != "" {
				if st, err = def.need(d.Stage); err != nil {
					return err
				}
			}
			rec.Ext, rec.Pipeline, rec.PipelineVersion = d.Ext, def.Key, def.Version
			if err := m.enter(ctx, c, rec, st, past); err != nil {
				return err
			}
			c.Fact("stage", st.Key)
			c.Fact("pipeline", def.Key)
			if past == nil {
				return nil
			}
			zone, err := c.Zone(ctx)
			c.LineAt(startOf(rec.OpenedOn, zone, rec.StageSince))
			return err
		},
	}
}

// amend brings an opportunity that is there up to a draft.
func (m *Module) amend(d *OpportunityDraft, in *intake) work.Verb[Opportunity] {
	var sets []string
	if d.Stage != "" {
		sets = []string{"stage"}
	}
	return work.Verb[Opportunity]{
		ID:   d.ID, // as in the creation, so that a repeated key finds its first write
		Args: *d, Set: opportunityDraft.With(d), Sets: sets, Check: in.check(),
		Apply: func(ctx context.Context, c *work.Call, rec *Opportunity) error {
			past, err := in.past(d)
			switch {
			case err != nil:
				return err
			case d.Stage == "" || d.Stage == rec.Stage:
				rec.weigh()
				return rec.correct(ctx, c, past)
			case past == nil && rec.Category.Closed():
				return closed(rec)
			}
			def, err := m.pinned(ctx, c, rec.Pipeline, rec.PipelineVersion)
			if err != nil {
				return err
			}
			return m.step(ctx, c, rec, def, d.Stage, past)
		},
	}
}

// correct brings what an earlier import has fixed at a closing up to what history now says.
func (rec *Opportunity) correct(ctx context.Context, c *work.Call, past *OpportunityDraft) error {
	if err := past.fits(rec.Category, rec.OpenedOn); err != nil || past == nil || !rec.Category.Closed() {
		return err
	}
	zone, err := c.Zone(ctx)
	if err != nil {
		return err
	}
	if !past.ClosedOn.IsZero() && past.ClosedOn != rec.ClosedOn {
		rec.ClosedOn, rec.ClosedAt = past.ClosedOn, startOf(past.ClosedOn, zone, c.Now)
	}
	if rec.Category == Lost && past.LostReason != "" {
		rec.LostReason = past.LostReason
	}
	if rec.Category == Won {
		rec.Booked = rec.Amount
	}
	return nil
}

// fits refuses what history tells of an end that the stage does not have, so that no part of a row is dropped.
func (d *OpportunityDraft) fits(category Category, opened date.Date) error {
	var v fault.Violations
	if d != nil && !d.ClosedOn.IsZero() {
		if !category.Closed() {
			v.Add("closed_on", "must be blank: the stage is not closed")
		} else if d.ClosedOn.Before(opened) {
			v.Add("closed_on", "must not lie before opened_on")
		}
	}
	if d != nil && d.LostReason != "" && category != Lost {
		v.Add("lost_reason", "must be blank: the stage is not a lost one")
	}
	return v.Err()
}

// at is the instant that history gives to an entry: the start of the day it names, or now when it names none.
func (d *OpportunityDraft) at(rec *Opportunity, st Stage, zone *time.Location, now time.Time) time.Time {
	day := rec.OpenedOn
	if st.Category.Closed() {
		day = d.ClosedOn
	}
	return startOf(day, zone, now)
}

// startOf is the first instant of a day in the tenant's zone; fallback stands for a day that is not known.
func startOf(day date.Date, zone *time.Location, fallback time.Time) time.Time {
	if day.IsZero() {
		return fallback
	}
	return day.Start(zone).UTC()
}
