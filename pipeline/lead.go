package pipeline

import (
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// LeadState is where a lead stands.
type LeadState string

// The states of a lead.
const (
	LeadNew       LeadState = "new"          // came in, nobody has looked
	LeadWorking   LeadState = "working"      // somebody is at it
	LeadQualified LeadState = "qualified"    // worth an opportunity
	Converted     LeadState = "converted"    // done: it stays so for ever
	Disqualified  LeadState = "disqualified" // not worth it, for a reason; may be reopened
)

// Lead is the record of qualifying an interest. It points at a customer, who may be provisional; a lead without one is
// anonymous. It holds nothing about the person: that is the customer's.
type Lead struct {
	schema.Meta
	// Customer is whose interest it is; zero while the lead is anonymous. A converted lead keeps its customer.
	Customer ident.ID `json:"customer,omitzero" crm:"class=none,ref=customer,subject"`
	// State is where the lead stands.
	State LeadState `json:"state" crm:"class=none,readonly,enum=new|working|qualified|converted|disqualified"`
	// Origin is where it came from, such as "web" or "fair".
	Origin string `json:"origin,omitempty" crm:"class=none,max=100"`
	// Campaign is what it answers to.
	Campaign string `json:"campaign,omitempty" crm:"class=none,max=100"`
	// Score is on the host's own scale.
	Score int64 `json:"score" crm:"class=none,sort"`
	// Reason is the key of a disqualification; "" in every other state.
	Reason string `json:"reason,omitempty" crm:"class=none,readonly"`
	// Opportunity is what it was converted to; zero for none.
	Opportunity ident.ID `json:"opportunity,omitzero" crm:"class=none,readonly,ref=opportunity"`
	// StateSince is when it came to its state.
	StateSince time.Time `json:"state_since" crm:"class=none,readonly,required,sort"`
	// ConvertedAt is when it was converted; zero until then.
	ConvertedAt time.Time `json:"converted_at,omitzero" crm:"class=none,readonly"`
	// Custom holds the tenant's own fields.
	Custom schema.Values `json:"custom,omitzero" crm:"custom"`
}

// LeadDraft is a new lead. Nothing is required: a lead may come in anonymous.
type LeadDraft struct {
	ID        ident.ID     // the host's own id; zero for a new one
	Customer  ident.ID     // zero for an anonymous lead
	Origin    string       // where it came from, up to 100 characters
	Campaign  string       // what it answers to, up to 100 characters
	Score     int64        // the host's own scale
	OwnerUser string       // "" for the user who creates
	OwnerTeam string       // "" for the creator's first team
	Custom    []schema.Set // custom fields
}

// LeadUpdate changes fields of a lead; nil leaves a field as it is. The state changes by verbs only.
type LeadUpdate struct {
	Customer  *ident.ID    // refused once converted
	Origin    *string      // where it came from, up to 100 characters
	Campaign  *string      // what it answers to, up to 100 characters
	Score     *int64       // the host's own scale
	OwnerUser *string      // host's user id
	OwnerTeam *string      // host's team
	Custom    []schema.Set // custom fields to set or clear
}

// LeadFilter chooses leads. Its zero value is every lead the caller may see.
type LeadFilter struct {
	Open     *bool       // true: new, working and qualified; false: converted and disqualified
	Customer ident.ID    // of one customer, with those merged into it
	States   []LeadState // any of them; nil for all
	Query    page.Query  // sort, page and further condition
}

func (f LeadFilter) predicate() rule.Predicate {
	var parts []rule.Predicate
	if f.Open != nil && *f.Open {
		parts = append(parts, rule.InTexts("state", LeadNew, LeadWorking, LeadQualified))
	} else if f.Open != nil {
		parts = append(parts, rule.InTexts("state", Converted, Disqualified))
	}
	if len(f.States) > 0 {
		parts = append(parts, rule.InTexts("state", f.States...))
	}
	return rule.All(parts...)
}

// LeadMove is one row of a lead's history: a state that was entered.
type LeadMove struct {
	Lead    ident.ID        `json:"lead"`             // whose history it is
	Version int64           `json:"version"`          // the lead's version with this change
	From    LeadState       `json:"from"`             // "" at creation
	To      LeadState       `json:"to"`               // the state that was entered
	At      time.Time       `json:"at"`               // when it was entered
	Stay    time.Duration   `json:"stay"`             // how long it was in From, 0 at creation
	Reason  string          `json:"reason,omitempty"` // of a disqualification
	Actor   ident.Principal `json:"actor"`            // tenant, kind and id
}

// leadVerb is what can be done to a lead's state.
type leadVerb string

const (
	verbWork       leadVerb = "work"
	verbQualify    leadVerb = "qualify"
	verbDisqualify leadVerb = "disqualify"
	verbReopen     leadVerb = "reopen"
	verbConvert    leadVerb = "convert"
)

// leadMoves is the whole life of a lead: where each verb leads from each state. The same state means that nothing
// changes; a missing entry means that the verb is refused.
//
//	             new           working       qualified     converted  disqualified
//	work         working       same          refused       refused    refused
//	qualify      qualified     qualified     same          refused    refused
//	disqualify   disqualified  disqualified  disqualified  refused    same
//	reopen       refused       same          refused       refused    working
//	convert      converted     converted     converted     same       refused
var leadMoves = map[leadVerb]map[LeadState]LeadState{
	verbWork:       {LeadNew: LeadWorking, LeadWorking: LeadWorking},
	verbQualify:    {LeadNew: LeadQualified, LeadWorking: LeadQualified, LeadQualified: LeadQualified},
	verbDisqualify: {LeadNew: Disqualified, LeadWorking: Disqualified, LeadQualified: Disqualified, Disqualified: Disqualified},
	verbReopen:     {LeadWorking: LeadWorking, Disqualified: LeadWorking},
	verbConvert:    {LeadNew: Converted, LeadWorking: Converted, LeadQualified: Converted, Converted: Converted},
}

// next returns the state a verb leads to.
func (rec *Lead) next(v leadVerb) (LeadState, error) {
	to, ok := leadMoves[v][rec.State]
	if !ok {
		return "", refused(rec.Version, "a %s lead cannot %s", rec.State, leadWords[v])
	}
	return to, nil
}

var leadWords = map[leadVerb]string{
	verbWork: "be taken up", verbQualify: "be qualified", verbDisqualify: "be disqualified", verbReopen: "be reopened",
	verbConvert: "be converted: reopen it first",
}
