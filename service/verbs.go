package service

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// step is one verb on one case: its state before, and what the write leaves behind.
type step struct {
	call *work.Call
	rec  *Case
	to   State
	log  *journal
	note string
}

// do runs a verb: the clocks are settled as they stand, then the verb's effect is applied, then the state changes.
// A verb whose effect changes nothing writes nothing.
func (s Cases) do(ctx context.Context, id ident.ID, v verb, note string, args any, effect func(st *step) error) (Case, error) {
	var log *journal
	if err := schema.CheckText("note", note, 2000); err != nil {
		return Case{}, fault.At("case: "+string(v), err)
	}
	return s.write(ctx, work.Change[Case]{
		Op: "case: " + string(v), Action: work.Edit, Kind: kinds[v], ID: id, Args: args, Load: s.lock(id),
		Apply: func(_ context.Context, c *work.Call, rec *Case) error {
			log = &journal{}
			if err := c.CheckSets("state"); err != nil {
				return err
			}
			to, err := rec.next(v)
			if err != nil {
				return err
			}
			was, probe := s.svc.timers(rec), *rec
			st := &step{call: c, rec: &probe, to: to, log: &journal{}, note: note}
			if err := effect(st); err != nil {
				return err
			}
			if to == rec.State && len(c.Entity.Diff(rec, &probe)) == 0 {
				return nil
			}
			st.rec, st.log = rec, log
			s.svc.raise(c, rec, log, time.Time{})
			if err := effect(st); err != nil {
				return err
			}
			if st.move() {
				c.Line(rec.Customer, c.Now)
			}
			s.svc.raise(c, rec, log, c.Now)
			s.svc.schedule(c, was, rec)
			return nil
		},
	}, &log)
}

// move changes the state, and reports whether it did.
func (st *step) move() bool {
	from := st.rec.State
	if st.to == from {
		return false
	}
	st.rec.State, st.rec.StateSince = st.to, st.call.Now
	st.log.moved(st.call, from, st.to, st.note)
	st.call.Fact("from", string(from))
	st.call.Fact("to", string(st.to))
	return true
}

// respond stops the first-response clock, once.
func (st *step) respond() {
	if st.rec.FirstRespondedAt.IsZero() {
		st.rec.FirstRespondedAt = st.call.Now
		st.log.clock(st.call, st.rec.clocks()[0], "stopped", st.call.Now)
	}
}

// proceed lets the resolution clock go on that has stood still since an instant: its due time moves by as long.
func (st *step) proceed(since time.Time) {
	st.rec.ResolutionDue = st.rec.ResolutionDue.Add(st.call.Now.Sub(since))
	st.log.clock(st.call, st.rec.clocks()[1], "resumed", st.call.Now)
}

func nothing(*step) error { return nil }

// Start says that somebody has begun with a new case. Starting an open one changes nothing.
//
// Errors: Conflict with reason "state" in every other state; NotFound; Denied.
func (s Cases) Start(ctx context.Context, id ident.ID) (Case, error) {
	return s.do(ctx, id, verbStart, "", nil, nothing)
}

// Reply says that the customer was answered. The first one stops the first-response clock, and opens a new case; later
// ones change nothing. The answer itself is an interaction of the customer.
//
// Errors: Conflict with reason "state" when it is closed; NotFound; Denied.
func (s Cases) Reply(ctx context.Context, id ident.ID) (Case, error) {
	return s.do(ctx, id, verbReply, "", nil, func(st *step) error {
		st.respond()
		return nil
	})
}

// Pause says that the case waits for the customer: it is pending, and the resolution clock stands still. Pausing
// a pending one changes nothing. The note, up to 2,000 characters, is kept in the history.
//
// Errors: Invalid; Conflict with reason "state" when it is resolved or closed; NotFound; Denied.
func (s Cases) Pause(ctx context.Context, id ident.ID, note string) (Case, error) {
	return s.do(ctx, id, verbPause, note, note, func(st *step) error {
		if st.rec.PausedAt.IsZero() {
			st.rec.PausedAt = st.call.Now
			st.log.clock(st.call, st.rec.clocks()[1], "paused", st.call.Now)
		}
		return nil
	})
}

// Resume takes a pending case up again: the due time of its resolution moves by as long as it was paused. Resuming an
// open one changes nothing.
//
// Errors: Conflict with reason "state" in every other state; NotFound; Denied.
func (s Cases) Resume(ctx context.Context, id ident.ID) (Case, error) {
	return s.do(ctx, id, verbResume, "", nil, func(st *step) error {
		if since := st.rec.PausedAt; !since.IsZero() {
			st.rec.PausedAt = time.Time{}
			st.proceed(since)
		}
		return nil
	})
}

// Resolve says that the case is solved in our eyes. It stops both clocks. Resolving a resolved one changes nothing.
// The note says how, up to 2,000 characters, and is kept in the history.
//
// Errors: Invalid; Conflict with reason "state" when it is closed; NotFound; Denied.
func (s Cases) Resolve(ctx context.Context, id ident.ID, note string) (Case, error) {
	return s.do(ctx, id, verbResolve, note, note, func(st *step) error {
		if !st.rec.ResolvedAt.IsZero() {
			return nil
		}
		st.respond()
		if since := st.rec.PausedAt; !since.IsZero() {
			st.rec.PausedAt = time.Time{}
			st.proceed(since)
		}
		st.rec.ResolvedAt = st.call.Now
		st.log.clock(st.call, st.rec.clocks()[1], "stopped", st.call.Now)
		return nil
	})
}

// Close says that the customer accepts the resolution. The acceptance, 1 to 2,000 characters, tells how the customer
// said so; without it no case is closed. Closing a closed one changes nothing.
//
// Errors: Invalid; Conflict with reason "state" when it is not resolved; NotFound; Denied.
func (s Cases) Close(ctx context.Context, id ident.ID, acceptance string) (Case, error) {
	if strings.TrimSpace(acceptance) == "" {
		return Case{}, fault.At("case: close", fault.Field("acceptance", "must not be blank: say how the customer accepted"))
	}
	if err := schema.CheckText("acceptance", acceptance, 2000); err != nil {
		return Case{}, fault.At("case: close", err)
	}
	return s.do(ctx, id, verbClose, acceptance, acceptance, func(st *step) error {
		if st.rec.ClosedAt.IsZero() {
			st.rec.ClosedAt = st.call.Now
		}
		return nil
	})
}

// Reopen takes up a resolved or closed case again. The resolution clock goes on with the time it had left: what lies
// between Resolve and Reopen counts for nothing, and what it did before stays in the history. Reopening an open one
// changes nothing.
//
// Errors: Invalid; Conflict with reason "state" in every other state; NotFound; Denied.
func (s Cases) Reopen(ctx context.Context, id ident.ID, note string) (Case, error) {
	return s.do(ctx, id, verbReopen, note, note, func(st *step) error {
		if since := st.rec.ResolvedAt; !since.IsZero() {
			st.rec.ResolvedAt, st.rec.ClosedAt = time.Time{}, time.Time{}
			st.rec.Reopens++
			st.proceed(since)
		}
		return nil
	})
}

// Assign gives a case to a user and a team. Giving it to those who have it changes nothing.
//
// Errors: Invalid; Conflict with reason "state" when it is closed; NotFound; Denied, also when the case would then be
// outside what the caller may edit.
func (s Cases) Assign(ctx context.Context, id ident.ID, to Assignment) (Case, error) {
	return s.do(ctx, id, verbAssign, "", to, func(st *step) error {
		if err := st.call.CheckSets("owner_user", "owner_team"); err != nil {
			return err
		}
		from := Assignment{st.rec.OwnerUser, st.rec.OwnerTeam}
		if from == to {
			return nil
		}
		st.rec.OwnerUser, st.rec.OwnerTeam = to.User, to.Team
		st.log.add(st.call, Entry{Kind: EntryAssigned, From: from.User + "@" + from.Team, To: to.User + "@" + to.Team})
		return nil
	})
}

// Escalate raises a case to a level from 1 to 9. A level it has reached already changes nothing.
//
// Errors: Invalid; Conflict with reason "state" when it is resolved or closed; NotFound; Denied.
func (s Cases) Escalate(ctx context.Context, id ident.ID, level int64, note string) (Case, error) {
	if level < 1 || level > 9 {
		return Case{}, fault.At("case: escalate", fault.Field("level", "want 1 to 9, have %d", level))
	}
	return s.do(ctx, id, verbEscalate, note, []any{level, note}, func(st *step) error {
		if level <= st.rec.Escalation {
			return nil
		}
		st.log.add(st.call, Entry{
			Kind: EntryEscalated, From: strconv.FormatInt(st.rec.Escalation, 10), To: strconv.FormatInt(level, 10),
			Note: personal.NewText(personal.Content, note),
		})
		st.rec.Escalation = level
		st.call.Fact("level", strconv.FormatInt(level, 10))
		return nil
	})
}
