package customer

import (
	"regexp"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
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

// Relationship is a directed, dated tie between two customers: one record, read from both ends. It ends, but is never
// deleted.
type Relationship struct {
	schema.Meta
	// Type is a built-in type, which says what each end is to the other, or a name of the host's.
	Type string `json:"type" crm:"class=none,max=40,required,readonly"`
	// From is the customer it begins at.
	From ident.ID `json:"from" crm:"class=none,required,readonly,ref=customer,subject"`
	// To is the customer it leads to.
	To ident.ID `json:"to" crm:"class=none,required,readonly,ref=customer,subject"`
	// Role is what From is to the host at To: "decision maker", "blocker".
	Role personal.Text `json:"role,omitzero" crm:"class=profile,max=80"`
	// Department is where From is at To.
	Department personal.Text `json:"department,omitzero" crm:"class=profile,max=80"`
	// Title is From's job title there.
	Title personal.Text `json:"title,omitzero" crm:"class=profile,max=80"`
	// Since is the first day; blank when unknown.
	Since date.Date `json:"since,omitzero" crm:"class=profile"`
	// Until is the last day; blank while it lasts.
	Until date.Date `json:"until,omitzero" crm:"class=profile"`
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
	Ended      bool       // also those that have ended or begin later; On must be zero then
	On         date.Date  // the day on which they must last; zero means the tenant's today
	Query      page.Query // sorted by id
}

func (f RelationFilter) predicate(on date.Date) rule.Predicate {
	var all []rule.Predicate
	for _, x := range [][2]string{{"type", f.Type}, {"role", f.Role}, {"department", f.Department}} {
		if x[1] != "" {
			all = append(all, rule.Eq(x[0], rule.Text(x[1])))
		}
	}
	if !f.Ended {
		all = append(all,
			rule.Any(rule.Eq("until", rule.Blank), rule.Ge("until", rule.Date(on))),
			rule.Any(rule.Eq("since", rule.Blank), rule.Le("since", rule.Date(on))))
	}
	return rule.All(all...)
}

var relationType = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// check returns every breach of a new relationship's own laws; the schema knows the others.
func (r *Relationship) check() error {
	var v fault.Violations
	if !relationType.MatchString(r.Type) {
		v.Add("type", "want 1 to 40 lower-case letters, digits and underscores, a letter first, such as employment")
	}
	switch {
	case r.From.IsZero():
		v.Add("from", "must be a customer's id")
	case r.To.IsZero():
		v.Add("to", "must be a customer's id")
	case r.From == r.To:
		v.Add("to", "must be another customer than from")
	}
	normalProfile(&v, "role", &r.Role)
	normalProfile(&v, "department", &r.Department)
	normalProfile(&v, "title", &r.Title)
	if !r.Until.IsZero() && !r.Since.IsZero() && r.Until.Before(r.Since) {
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
