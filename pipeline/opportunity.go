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
	Customer         ident.ID      `json:"customer" crm:"customer,class=none,required"`                            // from whom the order may come
	Name             personal.Text `json:"name,omitzero" crm:"name,class=name,max=200"`                            // for people; may name people
	Amount           money.Amount  `json:"amount,omitzero" crm:"amount,class=none,sort"`                           // what the order may be worth; blank while unknown
	CloseDate        date.Date     `json:"close_date,omitzero" crm:"close_date,class=none,sort"`                   // when it is expected to close
	Product          string        `json:"product,omitempty" crm:"product,class=none,max=200"`                     // the host's word for what is sold
	Pipeline         string        `json:"pipeline" crm:"pipeline,class=none,readonly"`                            // key of its pipeline
	PipelineVersion  int64         `json:"pipeline_version" crm:"pipeline_version,class=none,readonly"`            // the version it runs under, until SwitchVersion
	Stage            string        `json:"stage" crm:"stage,class=none,readonly"`                                  // key of its stage
	Category         Category      `json:"category" crm:"category,class=none,readonly,enum=open|omitted|won|lost"` // what the stage means
	StageProbability int64         `json:"stage_probability" crm:"stage_probability,class=none,readonly"`          // basis points
	Override         *int64        `json:"probability_override,omitempty" crm:"probability_override,class=none"`   // the owner's own probability in basis points; nil for none
	Probability      int64         `json:"probability" crm:"probability,class=none,readonly,sort"`                 // the one that counts, in basis points: Override, or else StageProbability
	StageSince       time.Time     `json:"stage_since" crm:"stage_since,class=none,readonly,sort"`                 // when it entered the stage
	OpenedOn         date.Date     `json:"opened_on,omitzero" crm:"opened_on,class=none,sort"`                     // blank in imported history that does not tell
	ClosedOn         date.Date     `json:"closed_on,omitzero" crm:"closed_on,class=none,readonly,sort"`            // its day in the tenant's zone; blank while open
	ClosedAt         time.Time     `json:"closed_at,omitzero" crm:"closed_at,class=none,readonly"`                 // the instant of winning or losing; zero while open
	Booked           money.Amount  `json:"booked,omitzero" crm:"booked,class=none,readonly"`                       // the amount at winning; blank unless won
	LostReason       string        `json:"lost_reason,omitempty" crm:"lost_reason,class=none,max=64"`              // a key of the host's, such as "price"
	Ext              ident.Ext     `json:"ext,omitzero" crm:"-,class=none"`                                        // its id in another system
	Custom           schema.Values `json:"custom,omitzero" crm:"custom"`                                           // the tenant's own fields
}

// OpportunityDraft is a new opportunity. Only Customer is required.
type OpportunityDraft struct {
	ID        ident.ID     // the host's own id; zero for a new one
	Customer  ident.ID     // whose opportunity
	Name      string       // up to 200 characters
	Amount    money.Amount // zero when not known yet
	CloseDate date.Date    // zero when not known yet
	Product   string       // up to 200 characters
	Pipeline  string       // key; "" for the default pipeline
	Stage     string       // key; "" for the first stage. Its entry gates are asked
	Override  *int64       // probability in basis points against the stage's; nil for none
	OpenedOn  date.Date    // zero for today
	Ext       ident.Ext    // id in another system, unique per tenant; zero for none
	OwnerUser string       // "" for the user who creates
	OwnerTeam string       // "" for the creator's first team
	Custom    []schema.Set // custom fields
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
	Clear      []string      // fields to blank: name, amount, close_date, product, probability_override, opened_on
}

// OpportunityFilter chooses opportunities. Its zero value is every opportunity the caller may see.
type OpportunityFilter struct {
	Open     *bool      // true: open and omitted stages; false: won and lost
	Customer ident.ID   // of one customer, with those merged into it
	Stage    string     // key of a stage
	Pipeline string     // key of a pipeline
	Query    page.Query // sort, page and further condition
}

func (f OpportunityFilter) predicate(customers []ident.ID) rule.Predicate {
	var parts []rule.Predicate
	if f.Open != nil && *f.Open {
		parts = append(parts, rule.In("category", rule.Text(string(Open)), rule.Text(string(Omitted))))
	} else if f.Open != nil {
		parts = append(parts, rule.In("category", rule.Text(string(Won)), rule.Text(string(Lost))))
	}
	if len(customers) > 0 {
		parts = append(parts, anyOf("customer", customers))
	}
	if f.Stage != "" {
		parts = append(parts, rule.Eq("stage", rule.Text(f.Stage)))
	}
	if f.Pipeline != "" {
		parts = append(parts, rule.Eq("pipeline", rule.Text(f.Pipeline)))
	}
	return rule.All(parts...)
}

func anyOf(field string, ids []ident.ID) rule.Predicate {
	if len(ids) == 1 {
		return rule.Eq(field, rule.ID(ids[0]))
	}
	values := make([]rule.Value, len(ids))
	for i, id := range ids {
		values[i] = rule.ID(id)
	}
	return rule.In(field, values...)
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
