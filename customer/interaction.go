package customer

import (
	"fmt"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
)

// Direction says who began an interaction.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"  // the customer came to the host
	Outbound Direction = "outbound" // the host came to the customer
	Internal Direction = "internal" // the host among itself, about the customer
)

// MaxParticipants is the greatest number of participants of an interaction.
const MaxParticipants = 100

// Interaction is one contact with customers: a call, a message, a meeting. It is written once and never changed.
//
// Subject and body are sealed under a key of the interaction's own, since they may speak of all its participants:
// destroying that key makes the conversation unreadable and leaves the fact that it took place.
type Interaction struct {
	schema.Meta
	Channel      personal.Channel `json:"channel" crm:"channel,class=none,enum=email|sms|phone|post|push|social|in_person,required"` // by which way
	Direction    Direction        `json:"direction" crm:"direction,class=none,enum=inbound|outbound|internal,required"`              // who began
	At           time.Time        `json:"at" crm:"at,class=behaviour,sort,required"`                                                 // when it began
	Duration     time.Duration    `json:"duration,omitempty" crm:"duration,class=behaviour"`                                         // 0 when unknown
	Subject      personal.Text    `json:"subject,omitzero" crm:"subject,class=content,max=300"`                                      // one line
	Body         personal.Text    `json:"body,omitzero" crm:"body,class=content,max=100000"`                                         // the text, or a note about it
	Outcome      string           `json:"outcome,omitempty" crm:"outcome,class=none,max=80"`                                         // the host's word: "reached", "voicemail"
	Participants []Participant    `json:"participants" crm:"participants,class=behaviour"`                                           // in the order given
}

// Participant is one customer in an interaction.
type Participant struct {
	Customer ident.ID `json:"customer"`       // as given when it was logged
	Role     string   `json:"role,omitempty"` // the host's word: "caller", "attendee"; at most 40 characters
}

// InteractionDraft is an interaction to be logged.
type InteractionDraft struct {
	ID           ident.ID         // the host's own id; zero makes a new one
	Channel      personal.Channel // needed
	Direction    Direction        // needed
	At           time.Time        // zero means now
	Duration     time.Duration    // 0 when unknown
	Subject      string           // one line, up to 300 characters
	Body         string           // the text, or a note about it, up to 100,000 characters
	Outcome      string           // the host's word, up to 80 characters: "reached", "voicemail"
	Participants []Participant    // at least one, each customer once
}

// InteractionFilter narrows a list of interactions. Its zero value lists all the caller may see.
type InteractionFilter struct {
	Customer  ident.ID         // a participant, merged ones included; zero for any
	Channel   personal.Channel // "" for any
	Direction Direction        // "" for any
	From, To  time.Time        // the time it began lies in [From, To); zero for open
	Query     page.Query       // "-at" is newest first
}

// fill makes a new interaction from a draft, whose participants were checked.
func (d *InteractionDraft) fill(rec *Interaction, now time.Time) error {
	var v fault.Violations
	if !d.Channel.Valid() || d.Channel == personal.ByAnything {
		v.Add("channel", "want one of %v", personal.Channels())
	}
	at := d.At
	switch {
	case at.IsZero():
		at = now
	case at.After(now.Add(24 * time.Hour)):
		v.Add("at", "lies in the future: an interaction is logged when it has begun")
	}
	if d.Duration < 0 || d.Duration > 366*24*time.Hour {
		v.Add("duration", "want 0 to one year")
	}
	v.AddAll("", schema.CheckText("subject", d.Subject, 300))
	v.AddAll("", schema.CheckText("body", d.Body, 100_000))
	v.AddAll("", schema.CheckText("outcome", d.Outcome, 80))
	d.checkParticipants(&v)
	rec.Channel, rec.Direction, rec.Outcome, rec.Participants = d.Channel, d.Direction, d.Outcome, d.Participants
	rec.At, rec.Duration = at.UTC().Truncate(time.Microsecond), d.Duration.Truncate(time.Microsecond)
	rec.Subject, rec.Body = personal.NewText(personal.Content, d.Subject), personal.NewText(personal.Content, d.Body)
	return v.Err()
}

func (d *InteractionDraft) checkParticipants(v *fault.Violations) {
	if n := len(d.Participants); n == 0 || n > MaxParticipants {
		v.Add("participants", "want 1 to %d, have %d", MaxParticipants, n)
		return
	}
	seen := make(map[ident.ID]bool, len(d.Participants))
	for i, p := range d.Participants {
		switch {
		case p.Customer.IsZero():
			v.Add(fmt.Sprintf("participants[%d].customer", i), "must be a customer's id")
		case seen[p.Customer]:
			v.Add(fmt.Sprintf("participants[%d].customer", i), "takes part already")
		}
		seen[p.Customer] = true
		v.AddAll("", schema.CheckText(fmt.Sprintf("participants[%d].role", i), p.Role, 40))
	}
}
