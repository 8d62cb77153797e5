package privacy

import (
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
)

// Standing is where a subject stands on one purpose and channel at an instant.
type Standing struct {
	State    State      // NotAsked when nothing is recorded
	Basis    Basis      // of Given: on what ground
	Since    time.Time  // when what decides was said; zero for NotAsked
	Until    time.Time  // of Given: when it ends; zero for never
	Evidence []ident.ID // the records that decide, oldest first: one of a yes, every no that stands
}

// fold computes a standing from everything the ids of one subject said about a purpose.
//
// A no stands from the moment it is recorded, whenever it was said, until a yes overrides it; while a no stands the
// subject has not given consent. A yes counts while it lasts, from when it was said, once it is recorded. So a yes
// that is imported late does not override a no that was known before it, a yes that ends lets an earlier no stand
// again, and of two customers that were merged each one's no stands until the person says yes anew.
func fold(said []Consent, ch personal.Channel, at time.Time) Standing {
	return defaultLaw().fold(said, ch, at)
}

// law is the parts of the fold, apart so that tests can prove each one is needed.
type law struct {
	heard     func(c *Consent, ch personal.Channel, at time.Time) bool // is it about the channel, and known by then
	holds     func(yes *Consent, at time.Time) bool                    // does a yes last at that time
	overrides func(yes, no *Consent) bool                              // does a yes undo a no
}

func defaultLaw() law {
	return law{
		heard: func(c *Consent, ch personal.Channel, at time.Time) bool {
			return (c.Channel == ch || c.Channel == ByAnything) && !c.CreatedAt.After(at)
		},
		holds: func(yes *Consent, at time.Time) bool {
			return !yes.At.After(at) && (yes.Until.IsZero() || at.Before(yes.Until))
		},
		overrides: func(yes, no *Consent) bool {
			known := no.Subject == yes.Subject || slices.Contains(yes.Covers, no.Subject)
			return known && yes.Seq > no.Seq && !yes.At.Before(no.CreatedAt)
		},
	}
}

func (l law) fold(said []Consent, ch personal.Channel, at time.Time) Standing {
	var yes, no []*Consent
	var ended *Consent
	for i := range said {
		c := &said[i]
		switch {
		case !l.heard(c, ch, at):
		case c.State != Given:
			no = append(no, c)
		case l.holds(c, at):
			yes = append(yes, c)
		case ended == nil || compareSaid(ended, c) < 0:
			ended = c
		}
	}
	no = slices.DeleteFunc(no, func(n *Consent) bool {
		return slices.ContainsFunc(yes, func(y *Consent) bool { return l.overrides(y, n) })
	})
	switch {
	case len(no) > 0:
		return standingNo(no)
	case len(yes) > 0:
		y := slices.MaxFunc(yes, compareSaid)
		return Standing{State: Given, Basis: y.Basis, Since: y.At, Until: y.Until, Evidence: []ident.ID{y.ID}}
	case ended != nil:
		return Standing{State: Expired, Since: ended.Until, Evidence: []ident.ID{ended.ID}}
	}
	return Standing{State: NotAsked}
}

// standingNo names the state by the strongest no: an objection, else the last one.
func standingNo(no []*Consent) Standing {
	slices.SortFunc(no, compareRecorded)
	s := Standing{}
	for _, n := range no {
		s.Evidence = append(s.Evidence, n.ID)
		if s.State != Objected || n.State == Objected {
			s.State, s.Since = n.State, n.CreatedAt
		}
	}
	return s
}

// compareSaid orders by when things were said, then by when they were recorded.
func compareSaid(a, b *Consent) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	return compareRecorded(a, b)
}

func compareRecorded(a, b *Consent) int {
	if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
		return c
	}
	if a.Seq != b.Seq {
		return int(a.Seq - b.Seq)
	}
	return a.ID.Compare(b.ID)
}
