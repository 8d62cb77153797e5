package service

import (
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// Type is what a case is about. The set is open: hosts may use keys of their own.
type Type string

// The usual types.
const (
	Complaint   Type = "complaint"
	Request     Type = "request"
	Information Type = "information"
	Return      Type = "return"
)

// Case is one thing a customer wants settled. Subject and body are sealed under the customer's key.
type Case struct {
	schema.Meta
	// Customer is who wants it settled.
	Customer ident.ID `json:"customer" crm:"class=none,required,readonly,ref=customer,subject"`
	// Type is what it is about.
	Type Type `json:"type" crm:"class=none,required,max=64"`
	// Priority chooses the due times.
	Priority Priority `json:"priority" crm:"class=none,required,max=64"`
	// Subject says in one line what is wanted.
	Subject personal.Text `json:"subject,omitzero" crm:"class=content,max=200,required"`
	// Body is the whole story.
	Body personal.Text `json:"body,omitzero" crm:"class=content,max=20000"`
	// State is where it stands.
	State State `json:"state" crm:"class=none,readonly,enum=new|open|pending|resolved|closed"`
	// StateSince is when it came to its state.
	StateSince time.Time `json:"state_since" crm:"class=none,readonly,required,sort"`
	// Escalation is the level it was raised to, 0 for none.
	Escalation int64 `json:"escalation" crm:"class=none,readonly,sort"`
	// Reopens is how often it was reopened.
	Reopens int64 `json:"reopens" crm:"class=none,readonly"`
	// ClosedAt is when the customer accepted; zero before, and again after Reopen.
	ClosedAt time.Time `json:"closed_at,omitzero" crm:"class=none,readonly"`
	Clocks
	// Custom holds the tenant's own fields.
	Custom schema.Values `json:"custom,omitzero" crm:"custom"`
}

// CaseDraft is a new case. Customer and Subject are required.
type CaseDraft struct {
	ID        ident.ID     // the host's own id; zero for a new one
	Customer  ident.ID     // whose case
	Type      Type         // a key; "" for Request
	Priority  Priority     // one of the SLA's; "" for Normal
	Subject   string       // up to 200 characters
	Body      string       // up to 20,000 characters
	OwnerUser string       // "" for the user who opens it
	OwnerTeam string       // "" for the opener's first team
	Custom    []schema.Set // custom fields
}

// CaseUpdate changes fields of a case; nil leaves a field as it is. State and owner change by verbs only. Another priority
// moves the due times of clocks that have not stopped, as if the case had always had it.
type CaseUpdate struct {
	Type     *Type        // a key
	Priority *Priority    `crm:"-"` // one of the SLA's
	Subject  *string      // up to 200 characters; never blank
	Body     *string      // empty text blanks it
	Custom   []schema.Set // custom fields to set or clear
}

// Assignment is who shall work on a case. Either part may be empty, which takes the case from everybody there.
type Assignment struct {
	User string // host's user id
	Team string // host's team
}

// CaseFilter chooses cases. Its zero value is every case the caller may see.
type CaseFilter struct {
	Open     *bool      // true: new, open and pending; false: resolved and closed
	Customer ident.ID   // of one customer, with those merged into it
	States   []State    // any of them; nil for all
	Types    []Type     // any of them; nil for all
	Priority Priority   // "" for all
	Breached *bool      // whether one of the clocks has run out
	Assigned Assignment // its non-empty parts
	Query    page.Query // sort, page and further condition
}

func (f CaseFilter) predicate() rule.Predicate {
	var parts []rule.Predicate
	if f.Open != nil && *f.Open {
		parts = append(parts, rule.InTexts("state", StateNew, StateOpen, StatePending))
	} else if f.Open != nil {
		parts = append(parts, rule.InTexts("state", StateResolved, StateClosed))
	}
	if len(f.States) > 0 {
		parts = append(parts, rule.InTexts("state", f.States...))
	}
	if len(f.Types) > 0 {
		parts = append(parts, rule.InTexts("type", f.Types...))
	}
	for _, x := range []struct{ field, value string }{ // in a fixed order: cursors know their query by its text
		{"priority", string(f.Priority)}, {"owner_user", f.Assigned.User}, {"owner_team", f.Assigned.Team},
	} {
		if x.value != "" {
			parts = append(parts, rule.Eq(x.field, rule.Text(x.value)))
		}
	}
	if f.Breached != nil {
		parts = append(parts, breached(*f.Breached))
	}
	return rule.All(parts...)
}

func breached(want bool) rule.Predicate {
	first, last := "first_response_breached_at", "resolution_breached_at"
	if want {
		return rule.Any(rule.Ne(first, rule.Blank), rule.Ne(last, rule.Blank))
	}
	return rule.All(rule.Eq(first, rule.Blank), rule.Eq(last, rule.Blank))
}
