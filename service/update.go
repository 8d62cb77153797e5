package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Update changes fields. version is the version the caller saw; 0 means whatever is stored now. Changes that change
// nothing write nothing.
//
// Errors: Invalid; Conflict with the current version, or with reason "state" when the case is closed; NotFound; Denied.
func (s Cases) Update(ctx context.Context, id ident.ID, version int64, up CaseUpdate) (Case, error) {
	var log *journal
	return s.write(ctx, work.Change[Case]{
		Op: "case: update", Action: work.Edit, Kind: CaseUpdated, ID: id, Version: version, Args: up, Load: s.lock(id),
		Apply: func(_ context.Context, c *work.Call, rec *Case) error {
			log = &journal{}
			if _, err := rec.next(verbUpdate); err != nil {
				return err
			}
			if err := up.apply(c, rec); err != nil {
				return err
			}
			if up.Priority == nil || *up.Priority == rec.Priority {
				return nil
			}
			return s.svc.reprioritise(c, rec, *up.Priority, log)
		},
	}, &log)
}

func (up CaseUpdate) apply(c *work.Call, rec *Case) error {
	if err := c.CheckSets(up.sets()...); err != nil {
		return err
	}
	typ, subject, body := rec.Type, "-", ""
	if up.Type != nil {
		typ = *up.Type
	}
	if up.Subject != nil {
		subject = *up.Subject
	}
	if up.Body != nil {
		body = *up.Body
	}
	var v fault.Violations
	checkTexts(&v, typ, subject, body)
	if strings.TrimSpace(subject) == "" {
		v.Add("subject", "must not be blank")
	}
	if err := v.Err(); err != nil {
		return err
	}
	rec.Type = typ
	replace(&rec.Subject, up.Subject)
	replace(&rec.Body, up.Body)
	return schema.Apply(c.Entity, &rec.Custom, up.Custom)
}

// sets names the fields that the update is about.
func (up CaseUpdate) sets() []string {
	out := schema.Names(up.Custom)
	for name, set := range map[string]bool{
		"type": up.Type != nil, "priority": up.Priority != nil, "subject": up.Subject != nil, "body": up.Body != nil,
	} {
		if set {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// replace sets a text that differs, so that an equal one keeps its sealed form.
func replace(dst *personal.Text, src *string) {
	if src == nil {
		return
	}
	if next := personal.NewText(personal.Content, *src); !dst.Equal(next) {
		*dst = next
	}
}

// reprioritise gives a case the targets of another priority. Clocks that have not stopped get the due times they would
// have had from the start; marks that were set stay, and points that lie in the past by now are raised at once.
func (s *Module) reprioritise(c *work.Call, rec *Case, to Priority, log *journal) error {
	target, err := s.sla.target(to)
	if err != nil {
		return err
	}
	was := s.timers(rec)
	s.raise(c, rec, log, time.Time{})
	log.add(c, Entry{Kind: EntryPriority, From: string(rec.Priority), To: string(to)})
	rec.Priority, rec.Policy = to, s.sla.Version
	if rec.FirstRespondedAt.IsZero() {
		rec.FirstResponseDue = rec.FirstResponseDue.Add(target.FirstResponse - rec.FirstResponseTarget)
		rec.FirstResponseTarget = target.FirstResponse
		log.clock(c, rec.clocks()[0], "moved", c.Now)
	}
	if rec.ResolvedAt.IsZero() {
		rec.ResolutionDue = rec.ResolutionDue.Add(target.Resolution - rec.ResolutionTarget)
		rec.ResolutionTarget = target.Resolution
		log.clock(c, rec.clocks()[1], "moved", c.Now)
	}
	s.raise(c, rec, log, c.Now)
	s.schedule(c, was, rec)
	return nil
}
