package customer

import (
	"strings"
	"unicode"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer/names"
)

// settle brings what was assigned to a customer into the form that is stored. named says that the whole name was given;
// before is nil for a new customer.
func (c *Customer) settle(v *fault.Violations, before *Customer, named bool) {
	if before == nil {
		before = &Customer{}
	}
	normalName(v, "name", &c.Name, 200)
	normalName(v, "given", &c.Given, 120)
	normalName(v, "family", &c.Family, 120)
	if c.Kind != Person && (!c.Given.IsZero() || !c.Family.IsZero()) {
		v.Add("given", "only a person has given and family names: use name")
	}
	c.compose(before, named)
	if c.Language != before.Language {
		c.Language = languageTag(v, c.Language)
	}
	if c.Country != before.Country {
		c.Country = countryCode(v, c.Country)
	}
	if c.TaxID != before.TaxID {
		c.TaxID = taxID(v, c.TaxID.Reveal())
	}
}

// compose joins the name of a person from its parts, unless a name was given that is not theirs.
func (c *Customer) compose(before *Customer, named bool) {
	derived := before.Name.IsZero() || before.Name.Reveal() == names.Display(before.Given.Reveal(), before.Family.Reveal())
	if c.Kind != Person || !c.Name.IsZero() && (named || !derived) {
		return
	}
	if name := names.Display(c.Given.Reveal(), c.Family.Reveal()); name != c.Name.Reveal() {
		c.Name = nameText(name)
	}
}

// checkName refuses a customer whom nothing tells from others.
func (c *Customer) checkName(v *fault.Violations) {
	switch {
	case !c.Name.IsZero() || v.Err() != nil:
	case c.Kind != Person:
		v.Add("name", "must not be blank")
	case len(c.Points)+len(c.Ext) == 0:
		v.Add("name", "must not be blank: give a name, a contact point or an external id")
	}
}

// normalName normalizes a name. What is longer than limit by far cannot become short enough, so it is not looked at.
func normalName(v *fault.Violations, field string, t *personal.Text, limit int) {
	s := t.Reveal()
	if err := schema.CheckText(field, s, 16*limit); err != nil {
		v.AddAll("", err)
		return
	}
	if normal := names.Normal(s); normal != s {
		*t = nameText(normal)
	}
}

func nameText(s string) personal.Text { return personal.NewText(personal.Name, s) }

func languageTag(v *fault.Violations, s string) string {
	if s == "" {
		return ""
	}
	tag, err := language.Parse(s)
	if err != nil || len(s) > 35 {
		v.Add("language", "want a BCP 47 tag, such as en, de-AT or zh-Hans")
		return ""
	}
	return tag.String()
}

func countryCode(v *fault.Violations, s string) string {
	if s == "" {
		return ""
	}
	up := strings.ToUpper(s)
	if len(up) != 2 || up[0] < 'A' || up[0] > 'Z' || up[1] < 'A' || up[1] > 'Z' {
		v.Add("country", "want an ISO 3166 code of two letters, such as DE")
		return ""
	}
	return up
}

// maxTaxID is the greatest length of a tax id in characters.
const maxTaxID = 60

// taxID checks and normalizes a tax, registration or identity number. Its parts are for whoever issued it to judge.
func taxID(v *fault.Violations, s string) personal.Text {
	const field = "tax_id"
	if s == "" {
		return personal.Text{}
	}
	if err := schema.CheckText(field, s, 4*maxTaxID); err != nil {
		v.AddAll("", err)
		return personal.Text{}
	}
	s = strings.TrimSpace(norm.NFC.String(s))
	switch {
	case s == "":
		v.Add(field, "must not be blank: leave it out")
	case strings.ContainsFunc(s, unicode.IsControl):
		v.Add(field, "must not hold control characters, such as tabs and ends of lines")
	}
	return personal.NewText(personal.Government, s)
}

// normalProfile normalizes a text about somebody's place in an organization.
func normalProfile(v *fault.Violations, field string, t *personal.Text) {
	const limit = 80
	s := t.Reveal()
	if err := schema.CheckText(field, s, limit); err != nil {
		v.AddAll("", err)
		return
	}
	if normal := names.Normal(s); normal != s {
		*t = personal.NewText(personal.Profile, normal)
	}
}
