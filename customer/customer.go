package customer

import (
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer/names"
)

// Names of this package's entities in the schema registry.
const (
	EntityCustomer     = "customer"
	EntityRelationship = "relationship"
	EntityInteraction  = "interaction"
)

// Kind says what sort of party a customer is. It never changes.
type Kind string

// The kinds.
const (
	Person       Kind = "person"
	Organization Kind = "organization"
	Group        Kind = "group" // a household, a buying centre, an association of persons
)

// Customer is a party the host deals with. Records are what the CRM gives out; [PersonDraft] and its like go in.
type Customer struct {
	schema.Meta
	Kind           Kind           `json:"kind" crm:"kind,class=none,enum=person|organization|group,required,readonly,sort"` // person, organization or group; never changes
	Name           personal.Text  `json:"name,omitzero" crm:"name,class=name,max=200,sort"`                                 // as people read it; of a person made of Given and Family unless set
	Given          personal.Text  `json:"given,omitzero" crm:"given,class=name,max=120"`                                    // given names of a person
	Family         personal.Text  `json:"family,omitzero" crm:"family,class=name,max=120"`                                  // family name of a person
	Language       string         `json:"language,omitempty" crm:"language,class=profile,max=35"`                           // BCP 47 tag, such as "en" or "zh-Hans"
	Country        string         `json:"country,omitempty" crm:"country,class=profile,max=2"`                              // ISO 3166 code, such as "DE"; telephone numbers without one are read with it
	Lifecycle      string         `json:"lifecycle" crm:"lifecycle,class=none,max=40,required,readonly,sort"`               // stage, see [Customers.MoveLifecycle]
	LifecycleSince time.Time      `json:"lifecycle_since" crm:"lifecycle_since,class=none,readonly"`                        // when the stage was reached
	TaxID          personal.Text  `json:"tax_id,omitzero" crm:"tax_id,class=government,max=60"`                             // tax, registration or identity number; masked but to [Customers.Reveal], which see
	Points         []ContactPoint `json:"points,omitempty" crm:"points"`                                                    // live ones, ordered by channel, primary first, then id
	Ext            []ident.Ext    `json:"ext,omitempty" crm:"ext,class=none"`                                               // ids in other systems, ordered
	Custom         schema.Values  `json:"custom,omitzero" crm:"custom"`                                                     // the tenant's own fields
	Merged         bool           `json:"-" crm:"-,class=none"`                                                             // others were merged into it
}

// ContactPoint is one way to reach a customer. The value is sealed at rest and opened when it is revealed.
type ContactPoint struct {
	ID        ident.ID         `json:"id" crm:"id,class=none,readonly"`                  // of the point, the same for ever
	Channel   personal.Channel `json:"channel" crm:"channel,class=none,readonly"`        // by which way it reaches the customer
	Value     personal.Text    `json:"value,omitzero" crm:"value,class=contact,max=500"` // normalised: see [Normaliser]
	Label     string           `json:"label,omitempty" crm:"label,class=none,max=40"`    // the host's word: "work", "home"
	Primary   bool             `json:"primary,omitempty" crm:"primary,class=none"`       // the one to use; one of a channel is
	Verified  bool             `json:"verified,omitempty" crm:"verified,class=none"`     // the customer proved to hold it; among verified ones the value is unique in the tenant
	Invalid   bool             `json:"invalid,omitempty" crm:"invalid,class=none"`       // messages to it come back
	ValidFrom time.Time        `json:"valid_from" crm:"valid_from,class=none,readonly"`  // since when the customer has it, as far as known
	Version   int64            `json:"version" crm:"version,class=none,readonly"`        // 1 at creation, +1 at each change
	Subject   ident.ID         `json:"-" crm:"-,class=none"`                             // to whom it was added: the customer, or one merged into it
}

// Point returns the point to use for a channel: the primary one unless it is invalid, else the first that is not.
func (c *Customer) Point(ch personal.Channel) (ContactPoint, bool) {
	for _, p := range c.Points {
		if p.Channel == ch && !p.Invalid {
			return p, true
		}
	}
	return ContactPoint{}, false
}

// SortName returns the key by which lists order the customer's name.
func (c *Customer) SortName() string { return names.SortKey(c.Name.Reveal()) }

// Terms returns the tokens under which search finds the customer: those of its names.
func (c *Customer) Terms() []string {
	name, given, family := c.Name.Reveal(), c.Given.Reveal(), c.Family.Reveal()
	if name == names.Display(given, family) {
		return names.Tokens(given, family, name)
	}
	return names.Tokens(name, given, family)
}

// Entities returns the descriptions of this package's entities, for the schema registry.
func Entities() []*schema.Entity {
	return []*schema.Entity{
		schema.Of[Customer](EntityCustomer),
		schema.Of[Relationship](EntityRelationship),
		schema.Of[Interaction](EntityInteraction),
	}
}
