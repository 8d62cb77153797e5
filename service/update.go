package service

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Update changes fields. version is the version the caller saw, or [schema.AnyVersion]. Changes that change nothing write
// nothing.
//
// Errors: Invalid; Conflict with the current version, or with reason "state" when the case is closed; NotFound; Denied.
func (s Cases) Update(ctx context.Context, id ident.ID, version int64, up CaseUpdate) (Case, error) {
	var sets []string
	if up.Priority != nil {
		sets = []string{"priority"}
	}
	return s.m.cases.Update(ctx, s.scope, work.Verb[Case]{
		ID: id, Version: version, Args: up, Set: caseUpdate.With(&up), Sets: sets,
		Apply: func(_ context.Context, c *work.Call, rec *Case) error { return s.m.update(c, rec, up.Priority) },
	})
}

func (m *Module) update(c *work.Call, rec *Case, priority *Priority) (err error) {
	if _, err = rec.next(verbUpdate); err != nil {
		return err
	}
	if priority != nil && *priority != rec.Priority {
		err = m.reprioritise(c, rec, *priority)
	}
	return check(c, rec, err)
}

// reprioritise gives a case the targets of another priority. Clocks that have not stopped get the due times they would
// have had from the start; marks that were set stay, and points that lie in the past by now are raised at once.
func (m *Module) reprioritise(c *work.Call, rec *Case, to Priority) error {
	target, err := m.sla.target(to)
	if err != nil {
		return err
	}
	was := m.timers(rec)
	m.raise(c, rec, time.Time{})
	m.keep(c, Entry{Kind: EntryPriority, From: string(rec.Priority), To: string(to)})
	rec.Priority, rec.Policy = to, m.sla.Version
	if rec.FirstRespondedAt.IsZero() {
		rec.FirstResponseDue = rec.FirstResponseDue.Add(target.FirstResponse - rec.FirstResponseTarget)
		rec.FirstResponseTarget = target.FirstResponse
		m.keepClock(c, rec.clocks()[0], "moved", c.Now)
	}
	if rec.ResolvedAt.IsZero() {
		rec.ResolutionDue = rec.ResolutionDue.Add(target.Resolution - rec.ResolutionTarget)
		rec.ResolutionTarget = target.Resolution
		m.keepClock(c, rec.clocks()[1], "moved", c.Now)
	}
	m.raise(c, rec, c.Now)
	m.schedule(c, was, rec)
	return nil
}
