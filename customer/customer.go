package customer

import (
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer/names"
)

// Kind says what sort of party a customer is. It never changes.
type Kind string

// The kinds.
const (
	Person       Kind = "person"
	Organization Kind = "organization"
	Group        Kind = "group" // a household, a buying centre, an association of persons
)

// Bounds of one customer.
const (
	MaxPoints = 100 // contact points
	MaxExt    = 50  // external ids
)

// Customer is a party the host deals with. Records are what the CRM gives out; [PersonDraft] and its like go in.
type Customer struct {
	schema.Meta
	// Kind is person, organization or group; it never changes.
	Kind Kind `json:"kind" crm:"class=none,enum=person|organization|group,required,readonly,sort"`
	// Name is the whole name as people read it; that of a person is composed from Given and Family unless it was set.
	Name personal.Text `json:"name,omitzero" crm:"class=name,max=200,sort,search"`
	// Given holds the given names of a person.
	Given personal.Text `json:"given,omitzero" crm:"class=name,max=120,search"`
	// Family is the family name of a person.
	Family personal.Text `json:"family,omitzero" crm:"class=name,max=120,search"`
	// Language is a BCP 47 tag, such as "en" or "zh-Hans".
	Language string `json:"language,omitempty" crm:"class=profile,max=35"`
	// Country is an ISO 3166 code, such as "DE"; telephone numbers without a country are read by its rules.
	Country string `json:"country,omitempty" crm:"class=profile,max=2"`
	// Lifecycle is the stage, see [Customers.MoveLifecycle].
	Lifecycle string `json:"lifecycle" crm:"class=none,max=40,required,readonly,sort"`
	// LifecycleSince is when the stage was reached.
	LifecycleSince time.Time `json:"lifecycle_since" crm:"class=none,readonly"`
	// TaxID is a tax, registration or identity number. It is masked except in [Customers.Reveal].
	TaxID personal.Text `json:"tax_id,omitzero" crm:"class=government,max=60"`
	// Points are the live contact points, ordered by channel, primary ones first, then by id.
	Points []ContactPoint `json:"points,omitempty" crm:"class=none"`
	// Ext holds the customer's ids in other systems, ordered.
	Ext []ident.Ext `json:"ext,omitempty" crm:"class=none"`
	// Custom holds the tenant's own fields.
	Custom schema.Values `json:"custom,omitzero" crm:"custom"`
	// Merged reports whether others were merged into it.
	Merged bool `json:"-" crm:"-,class=none"`
}

// ContactPoint is one way to reach a customer. The value is sealed at rest and opened when it is revealed.
type ContactPoint struct {
	// ID is the point's own, the same for ever.
	ID ident.ID `json:"id" crm:"class=none,readonly"`
	// Channel is by which way it reaches the customer.
	Channel personal.Channel `json:"channel" crm:"class=none,readonly"`
	// Value is normalized: see [Normalizer].
	Value personal.Text `json:"value,omitzero" crm:"class=contact,max=500"`
	// Label is the host's word: "work", "home".
	Label string `json:"label,omitempty" crm:"class=none,max=40"`
	// Primary marks the one to use; each channel has one.
	Primary bool `json:"primary,omitempty" crm:"class=none"`
	// Verified says that the customer proved to hold it; among verified points a value is unique in the tenant.
	Verified bool `json:"verified,omitempty" crm:"class=none"`
	// Invalid says that messages to it come back.
	Invalid bool `json:"invalid,omitempty" crm:"class=none"`
	// ValidFrom is since when the customer has it, as far as known.
	ValidFrom time.Time `json:"valid_from" crm:"class=none,readonly"`
	// Version is 1 at creation and grows by 1 with each change.
	Version int64 `json:"version" crm:"class=none,readonly"`
	// Subject is to whom it was added: the customer, or one merged into it.
	Subject ident.ID `json:"-" crm:"-,class=none"`
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
