package customer

import (
	"regexp"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
)

// The built-in types of relationship, with what each end is to the other. A host may use further names of lower-case
// letters, digits and _.
const (
	Employment = "employment" // To employs From
	Membership = "membership" // From is a member of To
	Parent     = "parent"     // To is the parent of From: account hierarchies and organization charts; never a circle
	Partner    = "partner"    // both are partners
	Supplier   = "supplier"   // To supplies From
	Referral   = "referral"   // From has referred To
)

// ends says what To is to From, and what From is to To.
var ends = map[string][2]string{
	Employment: {"employer", "employee"},
	Membership: {"group", "member"},
	Parent:     {"parent", "child"},
	Partner:    {"partner", "partner"},
	Supplier:   {"supplier", "buyer"},
	Referral:   {"referred", "referrer"},
}

// maxDepth bounds a chain of parents.
const maxDepth = 64

// Relationship is a directed, dated tie between two customers: one record, read from both ends.
type Relationship struct {
	schema.Meta
	Type       string        `json:"type" crm:"type,class=none,max=40,required,readonly"`       // see the built-in types for what each end is to the other
	From       ident.ID      `json:"from" crm:"from,class=none,required,readonly"`              // the customer it begins at
	To         ident.ID      `json:"to" crm:"to,class=none,required,readonly"`                  // the customer it leads to
	Role       personal.Text `json:"role,omitzero" crm:"role,class=profile,max=80"`             // what From is to the host at To: "decision maker", "blocker"
	Department personal.Text `json:"department,omitzero" crm:"department,class=profile,max=80"` // where at To
	Title      personal.Text `json:"title,omitzero" crm:"title,class=profile,max=80"`           // From's job title there
	Since      date.Date     `json:"since,omitzero" crm:"since,class=profile"`                  // first day; blank when unknown
	Until      date.Date     `json:"until,omitzero" crm:"until,class=profile"`                  // last day; blank while it lasts
}

// Relation is a relationship as one of its ends sees it.
type Relation struct {
	Relationship
	Other    ident.ID `json:"other"`    // the customer at the other end, as it was when they were related
	As       string   `json:"as"`       // what the other is: "employer", "employee"; for a host's type its name
	Outgoing bool     `json:"outgoing"` // the viewer is From
}

// RelationshipDraft is a relationship to be created.
type RelationshipDraft struct {
	ID         ident.ID  // the host's own id; zero makes a new one
	Type       string    // a built-in type or a name of the host's
	From, To   ident.ID  // two different customers; see the type for which is which
	Role       string    // see [Relationship]
	Department string    // see [Relationship]
	Title      string    // see [Relationship]
	Since      date.Date // zero when unknown
	Until      date.Date // zero while it lasts
}

// RelationFilter narrows the relations of a customer. Its zero value gives those that last.
type RelationFilter struct {
	Type       string     // "" for all
	Role       string     // "" for any
	Department string     // "" for any
	Ended      bool       // also those that have ended
	On         date.Date  // the day on which they must last; zero means the tenant's today
	Query      page.Query // sorted by id
}

var relationType = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// check returns every breach of a draft.
func (d *RelationshipDraft) check() error {
	var v fault.Violations
	if !relationType.MatchString(d.Type) {
		v.Add("type", "want 1 to 40 lower-case letters, digits and underscores, a letter first, such as employment")
	}
	switch {
	case d.From.IsZero():
		v.Add("from", "must be a customer's id")
	case d.To.IsZero():
		v.Add("to", "must be a customer's id")
	case d.From == d.To:
		v.Add("to", "must be another customer than from")
	}
	v.AddAll("", schema.CheckText("role", d.Role, 80))
	v.AddAll("", schema.CheckText("department", d.Department, 80))
	v.AddAll("", schema.CheckText("title", d.Title, 80))
	if !d.Until.IsZero() && !d.Since.IsZero() && d.Until.Before(d.Since) {
		v.Add("until", "must not be before since")
	}
	return v.Err()
}

// seenFrom turns the relationship towards one of the ids, which are all the same customer.
func (r *Relationship) seenFrom(self func(ident.ID) bool) Relation {
	out := Relation{Relationship: *r, Outgoing: self(r.From)}
	out.Other = r.From
	side := 1
	if out.Outgoing {
		out.Other, side = r.To, 0
	}
	out.As = r.Type
	if names, ok := ends[r.Type]; ok {
		out.As = names[side]
	}
	return out
}
