package activity

import (
	"fmt"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// EntityInteraction is the name of this package's kind of record.
const EntityInteraction = "interaction"

// Logged is the event of an interaction: it refers to every participant, with the facts channel and direction.
const Logged event.Kind = "interaction.logged"

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
	// Channel is by which way it took place.
	Channel personal.Channel `json:"channel" crm:"class=none,enum=email|sms|phone|post|push|social|in_person,required"`
	// Direction says who began.
	Direction Direction `json:"direction" crm:"class=none,enum=inbound|outbound|internal,required"`
	// At is when it began.
	At time.Time `json:"at" crm:"class=behaviour,sort,required"`
	// Duration is 0 when unknown.
	Duration time.Duration `json:"duration,omitempty" crm:"class=behaviour"`
	// Subject is one line.
	Subject personal.Text `json:"subject,omitzero" crm:"class=content,max=300"`
	// Body is the text, or a note about it.
	Body personal.Text `json:"body,omitzero" crm:"class=content,max=100000"`
	// Outcome is the host's word: "reached", "voicemail".
	Outcome string `json:"outcome,omitempty" crm:"class=none,max=80"`
	// Participants stand in the order given.
	Participants []Participant `json:"participants" crm:"class=behaviour"`
}

// Participant is one customer in an interaction.
type Participant struct {
	// Customer is whom it was logged for.
	Customer ident.ID `json:"customer" crm:"class=behaviour,ref=customer,subject"`
	// Role is the host's word: "caller", "attendee".
	Role string `json:"role,omitempty" crm:"class=behaviour,max=40"`
}

// InteractionDraft is an interaction to be logged.
type InteractionDraft struct {
	ID           ident.ID         // the host's own id; zero makes a new one
	Channel      personal.Channel // required
	Direction    Direction        // required
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

func (f InteractionFilter) predicate() rule.Predicate {
	var all []rule.Predicate
	if f.Channel != "" {
		all = append(all, rule.Eq("channel", rule.Text(string(f.Channel))))
	}
	if f.Direction != "" {
		all = append(all, rule.Eq("direction", rule.Text(string(f.Direction))))
	}
	if !f.From.IsZero() {
		all = append(all, rule.Ge("at", rule.Time(f.From)))
	}
	if !f.To.IsZero() {
		all = append(all, rule.Lt("at", rule.Time(f.To)))
	}
	return rule.All(all...)
}

// settle completes a new interaction and checks the laws that the schema does not know.
func (x *Interaction) settle(now time.Time) error {
	var v fault.Violations
	switch {
	case x.At.IsZero():
		x.At = now
	case x.At.After(now.Add(24 * time.Hour)):
		v.Add("at", "lies in the future: an interaction is logged when it has begun")
	}
	if x.Duration < 0 || x.Duration > 366*24*time.Hour {
		v.Add("duration", "want 0 to one year")
	}
	x.At, x.Duration = x.At.UTC().Truncate(time.Microsecond), x.Duration.Truncate(time.Microsecond)
	x.checkParticipants(&v)
	return v.Err()
}

func (x *Interaction) checkParticipants(v *fault.Violations) {
	if n := len(x.Participants); n == 0 || n > MaxParticipants {
		v.Add("participants", "want 1 to %d, have %d", MaxParticipants, n)
		return
	}
	seen := make(map[ident.ID]bool, len(x.Participants))
	for i, p := range x.Participants {
		switch {
		case p.Customer.IsZero():
			v.Add(fmt.Sprintf("participants[%d].customer", i), "must be a customer's id")
		case seen[p.Customer]:
			v.Add(fmt.Sprintf("participants[%d].customer", i), "takes part already")
		}
		seen[p.Customer] = true
	}
}
