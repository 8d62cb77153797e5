package service

import (
	"maps"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
)

// Priority says how fast a case must go. Each priority has a [Target] in the [SLA]; hosts may name more.
type Priority string

// The priorities of [DefaultSLA].
const (
	Urgent Priority = "urgent"
	Normal Priority = "normal"
)

// Target is how long the clocks of a priority may run, in elapsed time.
type Target struct {
	FirstResponse time.Duration // from opening to the first reply
	Resolution    time.Duration // from opening to the resolution, without the time the case was paused or resolved
}

// SLA sets the due times of cases. Cases keep what it said when they were opened, until their priority changes.
type SLA struct {
	Version     string              // names the policy on its cases, 1 to 64 bytes
	Targets     map[Priority]Target // one for each priority there is
	WarnPercent int                 // part of the time after which a case is warned of, 1 to 99. Defaults to 75
}

// DefaultSLA returns the policy used where the host gives none: urgent cases are answered within 4 hours and
// resolved within 48, normal ones within 24 and 120; a warning comes at 75 per cent.
func DefaultSLA() SLA {
	return SLA{Version: "default-1", WarnPercent: 75, Targets: map[Priority]Target{
		Urgent: {FirstResponse: 4 * time.Hour, Resolution: 48 * time.Hour},
		Normal: {FirstResponse: 24 * time.Hour, Resolution: 120 * time.Hour},
	}}
}

// maxTarget keeps due times within the years that databases store.
const maxTarget = 10 * 365 * 24 * time.Hour

// Validate returns every breach in one Invalid fault.
func (s SLA) Validate() error {
	var v fault.Violations
	if s.Version == "" || len(s.Version) > 64 {
		v.Add("version", "want 1 to 64 bytes")
	}
	if s.WarnPercent < 0 || s.WarnPercent > 99 {
		v.Add("warn_percent", "want 1 to 99, have %d", s.WarnPercent)
	}
	if len(s.Targets) == 0 {
		v.Add("targets", "want at least one priority")
	}
	for _, p := range slices.Sorted(maps.Keys(s.Targets)) {
		t := s.Targets[p]
		v.AddAll("", schema.CheckWord("targets", string(p)))
		for i, d := range []time.Duration{t.FirstResponse, t.Resolution} {
			if d < time.Second || d > maxTarget {
				v.Add("targets."+string(p)+[]string{".first_response", ".resolution"}[i], "want one second to ten years")
			}
		}
	}
	return v.Err()
}

func (s SLA) withDefaults() SLA {
	if s.WarnPercent == 0 {
		s.WarnPercent = 75
	}
	s.Targets = maps.Clone(s.Targets)
	return s
}

// target returns what a priority asks for.
func (s SLA) target(p Priority) (Target, error) {
	t, ok := s.Targets[p]
	if !ok {
		return t, fault.Field("priority", "no such priority: want one of %q", slices.Sorted(maps.Keys(s.Targets)))
	}
	return t, nil
}

// ClockName names one of a case's clocks.
type ClockName string

// The clocks.
const (
	FirstResponse ClockName = "first_response" // runs from opening to the first reply; nothing pauses it
	Resolution    ClockName = "resolution"     // stands still while the case is pending or resolved
)

// Clocks is what a case knows of its clocks. A clock that stands still keeps its old due time; when it goes on, the due
// time moves by as long as it stood. Marks of warning and breach stay for ever: a clock is warned of once and breached
// once.
type Clocks struct {
	// Policy is the version of the SLA that set the due times.
	Policy string `json:"sla_policy" crm:"class=none,readonly"`
	// FirstResponseDue is by when the customer must be answered.
	FirstResponseDue time.Time `json:"first_response_due" crm:"class=none,readonly,required,sort"`
	// FirstRespondedAt is when the customer was answered; zero until then.
	FirstRespondedAt time.Time `json:"first_responded_at,omitzero" crm:"class=none,readonly"`
	// FirstResponseWarnedAt is when the first clock reached the warning; zero unless it did.
	FirstResponseWarnedAt time.Time `json:"first_response_warned_at,omitzero" crm:"class=none,readonly"`
	// FirstResponseBreachedAt is when the first clock ran out; zero unless it did.
	FirstResponseBreachedAt time.Time `json:"first_response_breached_at,omitzero" crm:"class=none,readonly"`
	// ResolutionDue is by when the case must be resolved; it moves with each pause.
	ResolutionDue time.Time `json:"resolution_due" crm:"class=none,readonly,required,sort"`
	// ResolvedAt is when it was resolved; zero before, and again after Reopen.
	ResolvedAt time.Time `json:"resolved_at,omitzero" crm:"class=none,readonly"`
	// ResolutionWarnedAt is when the second clock reached the warning; zero unless it did.
	ResolutionWarnedAt time.Time `json:"resolution_warned_at,omitzero" crm:"class=none,readonly"`
	// ResolutionBreachedAt is when the second clock ran out; zero unless it did.
	ResolutionBreachedAt time.Time `json:"resolution_breached_at,omitzero" crm:"class=none,readonly"`
	// PausedAt is since when the case waits for the customer; zero when it does not.
	PausedAt time.Time `json:"paused_at,omitzero" crm:"class=none,readonly"`
	// FirstResponseTarget is how long the first clock may run.
	FirstResponseTarget time.Duration `json:"-" crm:"first_response_target,class=none,readonly"`
	// ResolutionTarget is how long the second clock may run.
	ResolutionTarget time.Duration `json:"-" crm:"resolution_target,class=none,readonly"`
}
