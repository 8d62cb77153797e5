package pipeline

import (
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// Opportunity is a chance of an order from one customer.
//
// Its name is personal text of class name, because people write names of people there: it prints its class only, is
// plain in the database under the standard profile, and an erasure reaches it.
//
// StageProbability and Override are kept apart, and Probability is the one that counts: Override where there is one.
// Booked is the amount at the moment of winning; it never changes while the opportunity stays won.
type Opportunity struct {
	schema.Meta
	// Customer is from whom the order may come.
	Customer ident.ID `json:"customer" crm:"class=none,required,ref=customer,subject"`
	// Name is for people, and may name people.
	Name personal.Text `json:"name,omitzero" crm:"class=name,max=200"`
	// Amount is what the order may be worth; blank while unknown.
	Amount money.Amount `json:"amount,omitzero" crm:"class=none,sort"`
	// CloseDate is when it is expected to close.
	CloseDate date.Date `json:"close_date,omitzero" crm:"class=none,sort"`
	// Product is the host's word for what is sold.
	Product string `json:"product,omitempty" crm:"class=none,max=200"`
	// Pipeline is the key of its pipeline.
	Pipeline string `json:"pipeline" crm:"class=none,readonly"`
	// PipelineVersion is the version it runs under, until SwitchVersion.
	PipelineVersion int64 `json:"pipeline_version" crm:"class=none,readonly"`
	// Stage is the key of its stage.
	Stage string `json:"stage" crm:"class=none,readonly"`
	// Category is what the stage means.
	Category Category `json:"category" crm:"class=none,readonly,enum=open|omitted|won|lost"`
	// StageProbability is the stage's, in basis points.
	StageProbability int64 `json:"stage_probability" crm:"class=none,readonly"`
	// Override is the owner's own probability in basis points; nil for none.
	Override *int64 `json:"probability_override,omitempty" crm:"class=none"`
	// Probability is the one that counts, in basis points: Override, or else StageProbability.
	Probability int64 `json:"probability" crm:"class=none,readonly,sort"`
	// StageSince is when it entered the stage.
	StageSince time.Time `json:"stage_since" crm:"class=none,readonly,required,sort"`
	// OpenedOn is blank in imported history that does not tell.
	OpenedOn date.Date `json:"opened_on,omitzero" crm:"class=none,sort"`
	// ClosedOn is its day in the tenant's zone; blank while open.
	ClosedOn date.Date `json:"closed_on,omitzero" crm:"class=none,readonly,sort"`
	// ClosedAt is the instant of winning or losing; zero while open.
	ClosedAt time.Time `json:"closed_at,omitzero" crm:"class=none,readonly"`
	// Booked is the amount at winning; blank unless won.
	Booked money.Amount `json:"booked,omitzero" crm:"class=none,readonly"`
	// LostReason is a key of the host's, such as "price".
	LostReason string `json:"lost_reason,omitempty" crm:"class=none,max=64"`
	// Ext is its id in another system.
	Ext ident.Ext `json:"ext,omitzero" crm:"class=none"`
	// Custom holds the tenant's own fields.
	Custom schema.Values `json:"custom,omitzero" crm:"custom"`
}

// OpportunityDraft is a new opportunity. Only Customer is required.
type OpportunityDraft struct {
	ID        ident.ID     // the host's own id; zero for a new one
	Customer  ident.ID     // whose opportunity
	Name      string       // up to 200 characters
	Amount    money.Amount // zero when not known yet
	CloseDate date.Date    // zero when not known yet
	Product   string       // up to 200 characters
	Pipeline  string       `crm:"-"` // key; "" for the default pipeline
	Stage     string       `crm:"-"` // key; "" for the first stage. Its entry gates are asked
	Override  *int64       // probability in basis points against the stage's; nil for none
	OpenedOn  date.Date    // zero for today
	Ext       ident.Ext    `crm:"-"` // id in another system, unique per tenant; zero for none
	OwnerUser string       // "" for the user who creates
	OwnerTeam string       // "" for the creator's first team
	Custom    []schema.Set // custom fields

	ClosedOn   date.Date `crm:"-"` // history only: the day of a won or lost one; zero when not known
	LostReason string    `crm:"-"` // history only: a key, such as "price"; "" when not known
}

// OpportunityUpdate changes fields of an opportunity; nil leaves a field as it is. Stage and category change by verbs only.
type OpportunityUpdate struct {
	Name       *string       // up to 200 characters
	Amount     *money.Amount // refused while closed
	CloseDate  *date.Date    // when it is expected to close
	Product    *string       // up to 200 characters
	Override   *int64        // basis points; refused while closed
	LostReason *string       // with a move to a lost stage, or in place of a lost one's
	OpenedOn   *date.Date    // day on which it was opened
	OwnerUser  *string       // host's user id
	OwnerTeam  *string       // host's team
	Custom     []schema.Set  // custom fields to set or clear
	Clear      []string      // names of fields to blank, such as "amount"
}

// OpportunityFilter chooses opportunities. Its zero value is every opportunity the caller may see.
type OpportunityFilter struct {
	Open     *bool      // true: open and omitted stages; false: won and lost
	Customer ident.ID   // of one customer, with those merged into it
	Stage    string     // key of a stage
	Pipeline string     // key of a pipeline
	Query    page.Query // sort, page and further condition
}

func (f OpportunityFilter) predicate() rule.Predicate {
	var parts []rule.Predicate
	if f.Open != nil && *f.Open {
		parts = append(parts, rule.InTexts("category", Open, Omitted))
	} else if f.Open != nil {
		parts = append(parts, rule.InTexts("category", Won, Lost))
	}
	if f.Stage != "" {
		parts = append(parts, rule.Eq("stage", rule.Text(f.Stage)))
	}
	if f.Pipeline != "" {
		parts = append(parts, rule.Eq("pipeline", rule.Text(f.Pipeline)))
	}
	return rule.All(parts...)
}

// Transition is one row of an opportunity's history: a stage that was entered.
type Transition struct {
	Opportunity     ident.ID        `json:"opportunity"`        // whose history it is
	Version         int64           `json:"version"`            // the opportunity's version with this change
	From            string          `json:"from"`               // "" at creation
	To              string          `json:"to"`                 // the stage that was entered
	Category        Category        `json:"category"`           // of To
	Pipeline        string          `json:"pipeline"`           // key of the pipeline
	PipelineVersion int64           `json:"pipeline_version"`   // the version in force then
	At              time.Time       `json:"at"`                 // when it was entered
	Stay            time.Duration   `json:"stay"`               // how long it was in From, 0 at creation
	Actor           ident.Principal `json:"actor"`              // tenant, kind and id
	Reason          string          `json:"reason,omitempty"`   // of a loss: its key
	Imported        bool            `json:"imported,omitempty"` // history brought in from elsewhere: the gates were not asked
	Evidence        []Evidence      `json:"evidence,omitempty"` // what the gates saw, in order
}

// Evidence is one clause of a gate that let an opportunity pass, with what it saw then.
type Evidence struct {
	Gate    string `json:"gate"`            // id of the gate
	Clause  string `json:"clause"`          // source text
	Field   string `json:"field,omitempty"` // the field it read, "" when none or several
	Value   string `json:"value,omitempty"` // what it saw; personal values as their class; "" when several
	Outcome string `json:"outcome"`         // "true"
}

// Hidden stands for a value in evidence that the reader may not see.
const Hidden = "[hidden]"
