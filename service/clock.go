package service

import (
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// point is an instant on a clock at which something is raised.
type point string

const (
	warn   point = "warn"
	breach point = "breach"
)

var points = [...]point{warn, breach}

func (p point) kind() event.Kind {
	if p == warn {
		return CaseWarned
	}
	return CaseBreached
}

// clock is one of a case's clocks, for reading and writing.
type clock struct {
	name    ClockName
	due     *time.Time
	target  *time.Duration
	marks   map[point]*time.Time
	running bool
}

func (cs *Case) clocks() [2]clock {
	return [2]clock{{
		name: FirstResponse, due: &cs.FirstResponseDue, target: &cs.FirstResponseTarget,
		marks:   map[point]*time.Time{warn: &cs.FirstResponseWarnedAt, breach: &cs.FirstResponseBreachedAt},
		running: cs.FirstRespondedAt.IsZero(),
	}, {
		name: Resolution, due: &cs.ResolutionDue, target: &cs.ResolutionTarget,
		marks:   map[point]*time.Time{warn: &cs.ResolutionWarnedAt, breach: &cs.ResolutionBreachedAt},
		running: cs.ResolvedAt.IsZero() && cs.PausedAt.IsZero(),
	}}
}

// at returns when a running clock reaches a point. The due instant itself is late: a clock is breached as soon as it
// has run for its whole target.
func (k clock) at(p point, warnPercent int) time.Time {
	if p == breach {
		return *k.due
	}
	left := *k.target / 100 * time.Duration(100-warnPercent)
	return k.due.Add(-left).Truncate(time.Microsecond)
}

// raise marks every point that a running clock has passed and that was not raised before: whoever stops a clock late
// leaves the same traces as the timer would have. No mark is set before floor.
func (m *Module) raise(c *work.Call, cs *Case, floor time.Time) {
	for _, k := range cs.clocks() {
		for _, p := range points {
			if m.passed(k, p, c.Now) {
				m.mark(c, k, p, floor)
				c.Emit(p.kind(), map[string]string{"clock": string(k.name)})
			}
		}
	}
}

func (m *Module) passed(k clock, p point, now time.Time) bool {
	return k.running && k.marks[p].IsZero() && !k.at(p, m.sla.WarnPercent).After(now)
}

func (m *Module) mark(c *work.Call, k clock, p point, floor time.Time) {
	at := k.at(p, m.sla.WarnPercent)
	if at.Before(floor) {
		at = floor
	}
	*k.marks[p] = at
	m.keepClock(c, k, clockEvents[p], at)
}

var clockEvents = map[point]string{warn: "warned", breach: "breached"}

// timers returns the timers a case needs now, by key.
func (m *Module) timers(cs *Case) map[string]time.Time {
	out := map[string]time.Time{}
	for _, k := range cs.clocks() {
		for _, p := range points {
			if k.running && k.marks[p].IsZero() {
				out[timerKey(cs.ID, k.name, p)] = k.at(p, m.sla.WarnPercent)
			}
		}
	}
	return out
}

// schedule sets, moves and takes back timers by the difference of two states.
func (m *Module) schedule(c *work.Call, before map[string]time.Time, cs *Case) {
	ref := ident.Ref{Entity: EntityCase, ID: cs.ID}
	after := m.timers(cs)
	for _, k := range cs.clocks() {
		for _, p := range points {
			key := timerKey(cs.ID, k.name, p)
			if !after[key].Equal(before[key]) {
				c.SetTimer(work.Timer{Key: key, Kind: TimerSLA, Record: ref, Due: after[key]})
			}
		}
	}
}

func timerKey(id ident.ID, name ClockName, p point) string {
	return id.String() + "/" + string(name) + "/" + string(p)
}

// parseTimer reads a key written by timerKey.
func parseTimer(key string) (id ident.ID, name ClockName, p point, err error) {
	parts := strings.Split(key, "/")
	if len(parts) == 3 {
		id, err = ident.Parse(parts[0])
		name, p = ClockName(parts[1]), point(parts[2])
	}
	if len(parts) != 3 || err != nil || name != FirstResponse && name != Resolution || p != warn && p != breach {
		return id, name, p, fault.Field("timer.key", "want id/clock/point as service sets them")
	}
	return id, name, p, nil
}
