package service

import (
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
)

// EntryKind is what an [Entry] is about.
type EntryKind string

// The kinds of entries.
const (
	EntryState     EntryKind = "state"     // From and To are states
	EntryClock     EntryKind = "clock"     // To is started, stopped, paused, resumed, moved, warned or breached
	EntryAssigned  EntryKind = "assigned"  // From and To are "user@team"
	EntryEscalated EntryKind = "escalated" // From and To are levels
	EntryPriority  EntryKind = "priority"  // From and To are priorities
)

// Entry is one line of a case's history. Entries are never changed, so everything a clock has done stays known, also
// after a reopening.
type Entry struct {
	ID      ident.ID        `json:"id"`                                // of this line
	Case    ident.ID        `json:"case"`                              // whose history it is
	Version int64           `json:"version"`                           // the case's version with this change
	Ordinal int64           `json:"ordinal"`                           // place within the change
	At      time.Time       `json:"at"`                                // for a warning or breach: when the clock reached it
	Kind    EntryKind       `json:"kind"`                              // what it says; see there for From and To
	From    string          `json:"from,omitempty"`                    // what was left; "" at creation and for clocks
	To      string          `json:"to,omitempty"`                      // what was reached
	Clock   ClockName       `json:"clock,omitempty"`                   // which one, of EntryClock; else ""
	Due     time.Time       `json:"due,omitzero"`                      // due time of the clock after the change
	Note    personal.Text   `json:"note,omitzero" crm:"class=content"` // sealed like the case's own texts
	Actor   ident.Principal `json:"actor"`                             // tenant, kind and id
}

// keep adds a line to the history of the case that is written.
func (m *Module) keep(c *work.Call, e Entry) {
	e.ID, e.Actor = c.Engine.NewID(), c.Actor()
	if e.At.IsZero() {
		e.At = c.Now
	}
	c.Keep(m.entries, &e)
}

func (m *Module) keepClock(c *work.Call, k clock, did string, at time.Time) {
	m.keep(c, Entry{Kind: EntryClock, Clock: k.name, To: did, Due: *k.due, At: at})
}

// enter is the one place where a case's state changes.
func (m *Module) enter(c *work.Call, rec *Case, to State, note string) {
	m.keep(c, Entry{
		Kind: EntryState, From: string(rec.State), To: string(to), Note: personal.NewText(personal.Content, note),
	})
	rec.State, rec.StateSince = to, c.Now
}
