package service

import (
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
)

// EntryKind is what an [Entry] tells.
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
	ID      ident.ID        `json:"id"`              // of this line
	Case    ident.ID        `json:"case"`            // whose history it is
	Version int64           `json:"version"`         // the case's version with this change
	Ordinal int64           `json:"ordinal"`         // place within the change
	At      time.Time       `json:"at"`              // for a warning or breach: when the clock reached it
	Kind    EntryKind       `json:"kind"`            // what it tells; see there for From and To
	From    string          `json:"from,omitempty"`  // what was left; "" at creation and for clocks
	To      string          `json:"to,omitempty"`    // what was reached
	Clock   ClockName       `json:"clock,omitempty"` // which one, of EntryClock; else ""
	Due     time.Time       `json:"due,omitzero"`    // due time of the clock after the change
	Note    personal.Text   `json:"note,omitzero"`   // class content, sealed like the case's own texts
	Actor   ident.Principal `json:"actor"`           // tenant, kind and id
}

// journal collects the entries of one write.
type journal struct{ list []Entry }

func (j *journal) add(c *work.Call, e Entry) {
	e.ID, e.Ordinal = c.Engine.NewID(), int64(len(j.list))
	if e.At.IsZero() {
		e.At = c.Now
	}
	e.Actor = ident.Principal{Tenant: c.Tenant(), ID: c.Principal.ID, Kind: c.Principal.Kind}
	j.list = append(j.list, e)
}

func (j *journal) clock(c *work.Call, k clock, did string, at time.Time) {
	j.add(c, Entry{Kind: EntryClock, Clock: k.name, To: did, Due: *k.due, At: at})
}

func (j *journal) moved(c *work.Call, from, to State, note string) {
	j.add(c, Entry{Kind: EntryState, From: string(from), To: string(to), Note: personal.NewText(personal.Content, note)})
}

// stamp completes the entries with what only the written record knows.
func (j *journal) stamp(cs *Case) []Entry {
	for i := range j.list {
		j.list[i].Case, j.list[i].Version = cs.ID, cs.Version
	}
	return j.list
}
