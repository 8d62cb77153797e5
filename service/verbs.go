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

// transition is one verb, as its method describes it.
type transition struct {
	verb verb
	note string   // kept in the history
	args any      // the caller's
	sets []string // fields that the caller sets, besides the state
	// more reports whether the verb changes something although the state stays; nil never.
	more func(rec *Case) bool
	// effect changes the case, but for its state; nil changes nothing more.
	effect func(st *step)
}

// step is a transition under way.
type step struct {
	m   *Module
	c   *work.Call
	rec *Case
}

// do runs a verb. One that changes nothing writes nothing.
func (s Cases) do(ctx context.Context, id ident.ID, t transition) (Case, error) {
	if err := schema.CheckText("note", t.note, 2000); err != nil {
		return Case{}, fault.At("case: "+string(t.verb), err)
	}
	return s.m.cases.Change(ctx, s.scope, work.Verb[Case]{
		Name: string(t.verb), Event: events[t.verb], ID: id, Args: t.args, Sets: append(t.sets, "state"),
		Apply: func(_ context.Context, c *work.Call, rec *Case) error {
			to, err := rec.next(t.verb)
			if err != nil || to == rec.State && (t.more == nil || !t.more(rec)) {
				return err
			}
			st := step{s.m, c, rec}
			st.apply(to, &t)
			return nil
		},
	})
}

// apply settles the clocks as they stand, then applies the effect, then changes the state.
func (st *step) apply(to State, t *transition) {
	was, from := st.m.timers(st.rec), st.rec.State
	st.m.raise(st.c, st.rec, time.Time{})
	if t.effect != nil {
		t.effect(st)
	}
	if to != from {
		st.m.enter(st.c, st.rec, to, t.note)
		st.c.Fact("from", string(from))
		st.c.Fact("to", string(to))
		st.c.LineAt(st.c.Now)
	}
	st.m.raise(st.c, st.rec, st.c.Now)
	st.m.schedule(st.c, was, st.rec)
}

// recordClock keeps what a clock of the case did.
func (st *step) recordClock(clock int, did string) {
	st.m.keepClock(st.c, st.rec.clocks()[clock], did, st.c.Now)
}

// respond stops the first-response clock, once.
func (st *step) respond() {
	if st.rec.FirstRespondedAt.IsZero() {
		st.rec.FirstRespondedAt = st.c.Now
		st.recordClock(0, "stopped")
	}
}

// restartClock lets the resolution clock go on that has stood still since an instant: its due time moves by as long.
func (st *step) restartClock(since time.Time) {
	st.rec.ResolutionDue = st.rec.ResolutionDue.Add(st.c.Now.Sub(since))
	st.recordClock(1, "resumed")
}

// resume ends a pause, where there is one.
func (st *step) resume() {
	if since := st.rec.PausedAt; !since.IsZero() {
		st.rec.PausedAt = time.Time{}
		st.restartClock(since)
	}
}

// Start says that somebody has begun with a new case. Starting an open one changes nothing.
//
// Errors: Conflict with reason "state" in every other state; NotFound; Denied.
func (s Cases) Start(ctx context.Context, id ident.ID) (Case, error) {
	return s.do(ctx, id, transition{verb: verbStart})
}

// Reply says that the customer was answered. The first one stops the first-response clock, and opens a new case; later
// ones change nothing. The answer itself is an interaction of the customer.
//
// Errors: Conflict with reason "state" when it is closed; NotFound; Denied.
func (s Cases) Reply(ctx context.Context, id ident.ID) (Case, error) {
	return s.do(ctx, id, transition{
		verb: verbReply, more: func(rec *Case) bool { return rec.FirstRespondedAt.IsZero() }, effect: (*step).respond,
	})
}

// Pause says that the case waits for the customer: it is pending, and the resolution clock stands still. Pausing
// a pending one changes nothing. The note, up to 2,000 characters, is kept in the history.
//
// Errors: Invalid; Conflict with reason "state" when it is resolved or closed; NotFound; Denied.
func (s Cases) Pause(ctx context.Context, id ident.ID, note string) (Case, error) {
	return s.do(ctx, id, transition{verb: verbPause, note: note, args: note, effect: func(st *step) {
		st.rec.PausedAt = st.c.Now
		st.recordClock(1, "paused")
	}})
}

// Resume takes a pending case up again: the due time of its resolution moves by as long as it was paused. Resuming an
// open one changes nothing.
//
// Errors: Conflict with reason "state" in every other state; NotFound; Denied.
func (s Cases) Resume(ctx context.Context, id ident.ID) (Case, error) {
	return s.do(ctx, id, transition{verb: verbResume, effect: (*step).resume})
}

// Resolve says that the agent has solved the case. It stops both clocks. Resolving a resolved one changes nothing.
// The note says how, up to 2,000 characters, and is kept in the history.
//
// Errors: Invalid; Conflict with reason "state" when it is closed; NotFound; Denied.
func (s Cases) Resolve(ctx context.Context, id ident.ID, note string) (Case, error) {
	return s.do(ctx, id, transition{verb: verbResolve, note: note, args: note, effect: func(st *step) {
		st.respond()
		st.resume()
		st.rec.ResolvedAt = st.c.Now
		st.recordClock(1, "stopped")
	}})
}

// Close says that the customer accepts the resolution. The acceptance, 1 to 2,000 characters, says how the customer
// accepted; without it no case is closed. Closing a closed one changes nothing.
//
// Errors: Invalid; Conflict with reason "state" when it is not resolved; NotFound; Denied.
func (s Cases) Close(ctx context.Context, id ident.ID, acceptance string) (Case, error) {
	if strings.TrimSpace(acceptance) == "" {
		return Case{}, fault.At("case: close", fault.Field("acceptance", "must not be blank: say how the customer accepted"))
	}
	if err := schema.CheckText("acceptance", acceptance, 2000); err != nil {
		return Case{}, fault.At("case: close", err)
	}
	return s.do(ctx, id, transition{
		verb: verbClose, note: acceptance, args: acceptance, effect: func(st *step) { st.rec.ClosedAt = st.c.Now },
	})
}

// Reopen takes up a resolved or closed case again. The resolution clock goes on with the time it had left: what lies
// between Resolve and Reopen counts for nothing, and what it did before stays in the history. Reopening an open one
// changes nothing.
//
// Errors: Invalid; Conflict with reason "state" in every other state; NotFound; Denied.
func (s Cases) Reopen(ctx context.Context, id ident.ID, note string) (Case, error) {
	return s.do(ctx, id, transition{verb: verbReopen, note: note, args: note, effect: func(st *step) {
		since := st.rec.ResolvedAt
		st.rec.ResolvedAt, st.rec.ClosedAt = time.Time{}, time.Time{}
		st.rec.Reopens++
		st.restartClock(since)
	}})
}

// Assign gives a case to a user and a team. Giving it to those who have it changes nothing.
//
// Errors: Invalid; Conflict with reason "state" when it is closed; NotFound; Denied, also when the case would then be
// outside what the caller may edit.
func (s Cases) Assign(ctx context.Context, id ident.ID, to Assignment) (Case, error) {
	owner := func(rec *Case) Assignment { return Assignment{rec.OwnerUser, rec.OwnerTeam} }
	return s.do(ctx, id, transition{
		verb: verbAssign, args: to, sets: []string{"owner_user", "owner_team"},
		more: func(rec *Case) bool { return owner(rec) != to },
		effect: func(st *step) {
			from := owner(st.rec)
			st.rec.OwnerUser, st.rec.OwnerTeam = to.User, to.Team
			st.m.keep(st.c, Entry{Kind: EntryAssigned, From: from.User + "@" + from.Team, To: to.User + "@" + to.Team})
		},
	})
}

// Escalate raises a case to a level from 1 to 9. A level it has reached already changes nothing.
//
// Errors: Invalid; Conflict with reason "state" when it is resolved or closed; NotFound; Denied.
func (s Cases) Escalate(ctx context.Context, id ident.ID, level int64, note string) (Case, error) {
	if level < 1 || level > 9 {
		return Case{}, fault.At("case: escalate", fault.Field("level", "want 1 to 9, have %d", level))
	}
	return s.do(ctx, id, transition{
		verb: verbEscalate, note: note, args: []any{level, note},
		more: func(rec *Case) bool { return level > rec.Escalation },
		effect: func(st *step) {
			from, to := strconv.FormatInt(st.rec.Escalation, 10), strconv.FormatInt(level, 10)
			st.m.keep(st.c, Entry{Kind: EntryEscalated, From: from, To: to, Note: personal.NewText(personal.Content, note)})
			st.rec.Escalation = level
			st.c.Fact("level", to)
		},
	})
}
