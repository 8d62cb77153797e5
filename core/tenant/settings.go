package tenant

import (
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Entity is the registry name of a tenant's settings. Changing them needs the right to configure it.
const Entity = "tenant"

// Updated is the event of changed settings.
const Updated event.Kind = "tenant.updated"

// What a tenant has that has set nothing. There is no default currency.
const (
	DefaultZone     = "UTC"
	DefaultLanguage = "en"
)

// Settings are what one tenant has set, as a record. Each tenant has one; of its Meta it has
// ID and Version, which is 0 until the first change.
type Settings struct {
	schema.Meta
	// Zone is an IANA name. Defaults to UTC.
	Zone string `json:"zone" crm:"class=none,max=64"`
	// Currency is an ISO 4217 code. Defaults to "", none.
	Currency string `json:"currency,omitempty" crm:"class=none,max=3"`
	// Language is a BCP 47 tag. Defaults to en.
	Language string `json:"language" crm:"class=none,max=35"`
}

var (
	kind = &work.Kind{
		Entity: schema.Of[Settings](Entity), Module: work.Foundation, Permanent: true,
		Rights: work.Rights{Manager: "annnnnnn", Sales: "annnnnnn", Service: "annnnnnn", Marketing: "annnnnnn", Viewer: "annnnnnn"},
	}
	update = schema.PatchOf[Settings, Update](kind.Entity)
)

// Kinds returns the kind of settings, of which each tenant has one record.
func Kinds() []*work.Kind { return []*work.Kind{kind} }

// SettingsID is the id of every tenant's settings within the tenant.
var SettingsID = ident.MustParse("00000000-0000-8000-8000-74656e616e74")

// Update changes settings. A nil field stays as it is, an empty one goes back to its default.
type Update struct {
	Zone     *string // IANA name, such as Europe/Berlin
	Currency *string // ISO 4217 code in capitals, such as EUR
	Language *string // BCP 47 tag of language, script, region and variants, such as de-AT or zh-Hans; case does not matter
}

// check completes what was assigned, or names every field that cannot be. It looks at nothing that u leaves as it is.
func (u *Update) check(s *Settings) error {
	var v fault.Violations
	s.fill()
	if _, err := loadZone(s.Zone); u.Zone != nil && err != nil {
		v.Add("zone", "want the IANA name of a time zone, such as Europe/Berlin, Asia/Shanghai or UTC")
	}
	if u.Currency != nil && s.Currency != "" && !money.ValidCurrency(s.Currency) {
		v.Add("currency", "want an ISO 4217 code in capitals, such as EUR, or nothing")
	}
	if u.Language != nil {
		var ok bool
		if s.Language, ok = languageTag(s.Language); !ok {
			v.Add("language", "want a BCP 47 tag, such as en, de-AT or zh-Hans")
		}
	}
	return v.Err()
}

// fill gives defaults to what is blank, and the settings their identity.
func (s *Settings) fill() {
	s.ID = SettingsID
	if s.Zone == "" {
		s.Zone = DefaultZone
	}
	if s.Language == "" {
		s.Language = DefaultLanguage
	}
}
