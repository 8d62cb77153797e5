package customer

import (
	"reflect"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// Draft is what a customer is made from: a [PersonDraft], [OrganizationDraft] or [GroupDraft].
type Draft interface {
	// parts gives the draft in the form all kinds share.
	parts() draft
}

// PersonDraft is a person to be created. At least one of the names, a point or an external id is required.
type PersonDraft struct {
	ID        ident.ID     // the host's own id; zero makes a new one
	Given     string       // given names, up to 120 characters
	Family    string       // family name, up to 120 characters
	Name      string       // the whole name; "" joins Given and Family in the order their script has them
	Language  string       // BCP 47 tag
	Country   string       // ISO 3166 code of two letters
	TaxID     string       // tax, registration or identity number, 0 to 60 characters
	Points    []PointDraft `crm:"-"` // ways to reach the person
	Ext       []ident.Ext  `crm:"-"` // ids in other systems, unique in the tenant
	Custom    []schema.Set // custom fields
	OwnerUser string       // "" means the user who creates it
	OwnerTeam string       // "" means that user's first team
}

// OrganizationDraft is a company, an authority or an association to be created.
type OrganizationDraft struct {
	ID        ident.ID     // the host's own id; zero makes a new one
	Name      string       // required
	Language  string       // BCP 47 tag
	Country   string       // ISO 3166 code of two letters
	TaxID     string       // tax, registration or identity number, 0 to 60 characters
	Points    []PointDraft // ways to reach it
	Ext       []ident.Ext  // ids in other systems, unique in the tenant
	Custom    []schema.Set // custom fields
	OwnerUser string       // "" means the user who creates it
	OwnerTeam string       // "" means that user's first team
}

// GroupDraft is a household or another group of persons to be created.
type GroupDraft struct {
	ID        ident.ID     // the host's own id; zero makes a new one
	Name      string       // required
	Language  string       // BCP 47 tag
	Country   string       // ISO 3166 code of two letters
	TaxID     string       // tax, registration or identity number, 0 to 60 characters
	Points    []PointDraft // ways to reach it
	Ext       []ident.Ext  // ids in other systems, unique in the tenant
	Custom    []schema.Set // custom fields
	OwnerUser string       // "" means the user who creates it
	OwnerTeam string       // "" means that user's first team
}

// PointDraft is a contact point to be added.
type PointDraft struct {
	Channel  personal.Channel // by which way; required
	Value    string           // any common spelling; see [Normalizer] for what is kept
	Label    string           // "" for none
	Primary  bool             // the first point of a channel is primary anyway
	Verified bool             // the customer proved to hold it
}

// draft is the form all kinds of draft share. It is also what an idempotency key compares.
type draft struct {
	Kind Kind
	PersonDraft
}

func (d PersonDraft) parts() draft { return draft{Person, d} }

func (d OrganizationDraft) parts() draft {
	return draft{Organization, PersonDraft{
		ID: d.ID, Name: d.Name, Language: d.Language, Country: d.Country, TaxID: d.TaxID, Points: d.Points, Ext: d.Ext,
		Custom: d.Custom, OwnerUser: d.OwnerUser, OwnerTeam: d.OwnerTeam,
	}}
}

func (d GroupDraft) parts() draft { return draft{Group, OrganizationDraft(d).parts().PersonDraft} }

// partsOf returns the form all kinds share, or an Invalid fault for no draft at all, also behind a pointer.
func partsOf(d Draft) (draft, error) {
	if v := reflect.ValueOf(d); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return draft{}, fault.Field("draft", "must be a PersonDraft, OrganizationDraft or GroupDraft")
	}
	return d.parts(), nil
}

// Update says what to change of a customer. A nil pointer leaves the field alone, a pointer to "" blanks it.
type Update struct {
	Name      *string      // "" takes a person back to the name composed from Given and Family
	Given     *string      // of a person only
	Family    *string      // of a person only
	Language  *string      // BCP 47 tag
	Country   *string      // ISO 3166 code of two letters
	TaxID     *string      // up to 60 characters
	OwnerUser *string      // host's user id
	OwnerTeam *string      // host's team
	AddExt    []ident.Ext  `crm:"-"` // external ids to add
	RemoveExt []ident.Ext  `crm:"-"` // external ids to take away; those it does not have are passed over
	Custom    []schema.Set // custom fields to set or clear
	Clear     []string     // names of fields to blank: name, given, family, language, country, tax_id, owner_user, owner_team
}

// PointUpdate says what to change of a contact point. A nil pointer leaves the field alone. A new value is another
// point: remove the old one and add it, so that the history of what was verified stays true.
type PointUpdate struct {
	Label    *string // "" for none
	Primary  *bool   // true takes it from the channel's present primary; false needs another one
	Verified *bool   // the customer proved to hold it, or no longer does
	Invalid  *bool   // messages to it come back, or no longer do
}

// Filter narrows a list of customers. Its zero value lists all the caller may see.
type Filter struct {
	Kinds     []Kind     // any of these; nil for all
	Lifecycle []string   // any of these stages; nil for all
	OwnerUser string     // "" for any
	OwnerTeam string     // "" for any
	Query     page.Query // sort, page, search over names, and further condition
}

// predicate turns the filter's own fields into a condition.
func (f Filter) predicate() rule.Predicate {
	var all []rule.Predicate
	if len(f.Kinds) > 0 {
		all = append(all, rule.InTexts("kind", f.Kinds...))
	}
	if len(f.Lifecycle) > 0 {
		all = append(all, rule.InTexts("lifecycle", f.Lifecycle...))
	}
	if f.OwnerUser != "" {
		all = append(all, rule.Eq("owner_user", rule.Text(f.OwnerUser)))
	}
	if f.OwnerTeam != "" {
		all = append(all, rule.Eq("owner_team", rule.Text(f.OwnerTeam)))
	}
	return rule.All(all...)
}
