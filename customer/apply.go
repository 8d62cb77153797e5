package customer

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer/names"
)

// Bounds of one customer.
const (
	MaxPoints = 100 // contact points
	MaxExt    = 50  // external ids
)

// fill makes a new customer from a draft.
func (s *Module) fill(c *work.Call, rec *Customer, d *draft) error {
	var v fault.Violations
	rec.Kind, rec.Lifecycle, rec.LifecycleSince = d.Kind, s.lifecycle[0], c.Now
	given, family := text(&v, "given", d.Given, 120), text(&v, "family", d.Family, 120)
	name := text(&v, "name", d.Name, 200)
	if name == "" {
		name = names.Display(given, family)
	}
	rec.Given, rec.Family, rec.Name = nameText(given), nameText(family), nameText(name)
	rec.Language, rec.Country = languageTag(&v, d.Language), countryCode(&v, d.Country)
	rec.TaxID = taxID(&v, d.TaxID)
	rec.OwnerUser = owner(&v, "owner_user", d.OwnerUser, rec.OwnerUser)
	rec.OwnerTeam = owner(&v, "owner_team", d.OwnerTeam, rec.OwnerTeam)
	s.addPoints(c, &v, rec, d.Points, nil)
	addExt(&v, "ext", rec, d.Ext)
	v.AddAll("", schema.Apply(c.Entity, &rec.Custom, d.Custom))
	switch {
	case name != "" || v.Err() != nil:
	case d.Kind != Person:
		v.Add("name", "must not be empty")
	case len(rec.Points)+len(rec.Ext) == 0:
		v.Add("name", "must not be empty: give a name, a contact point or an external id")
	}
	return v.Err()
}

// text checks and normalises one name.
func text(v *fault.Violations, field, s string, limit int) string {
	if s == "" {
		return ""
	}
	if len(s) <= 16*limit { // what is longer cannot become short enough
		if err := schema.CheckText(field, s, 16*limit); err != nil {
			v.AddAll("", err)
			return ""
		}
		s = names.Normal(s)
	}
	if len(s) > limit && utf8.RuneCountInString(s) > limit {
		v.Add(field, "must have at most %d characters", limit)
		return ""
	}
	return s
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

func owner(v *fault.Violations, field, s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	if m := ident.HostID(s); m != "" {
		v.Add(field, "%s", m)
	}
	return s
}

// addPoints adds new points but for those in had, by their place; each channel keeps exactly one primary.
func (s *Module) addPoints(c *work.Call, v *fault.Violations, rec *Customer, drafts []PointDraft, had map[int]bool) {
	if len(drafts) == 0 {
		return
	}
	if len(rec.Points)+len(drafts)-len(had) > MaxPoints {
		v.Add("points", "must be at most %d", MaxPoints)
		return
	}
	for i := range drafts {
		if had[i] {
			continue
		}
		if _, err := s.addPoint(c, rec, &drafts[i]); err != nil {
			v.AddAll(fmt.Sprintf("points[%d]", i), err)
		}
	}
	orderPoints(rec)
}

// addPoint appends one point and returns its id. Faults name fields of the draft.
func (s *Module) addPoint(c *work.Call, rec *Customer, d *PointDraft) (ident.ID, error) {
	value, err := s.points.Normalise(d.Channel, d.Value, rec.Country)
	if err != nil {
		return ident.ID{}, err
	}
	if err := schema.CheckText("label", d.Label, 40); err != nil {
		return ident.ID{}, err
	}
	if has(rec, d.Channel, value) >= 0 {
		return ident.ID{}, fault.Field("value", "the customer has this point already")
	}
	p := ContactPoint{
		ID: c.Engine.NewID(), Channel: d.Channel, Value: personal.NewText(personal.Contact, value), Label: d.Label,
		Primary: d.Primary, Verified: d.Verified, ValidFrom: c.Now, Version: 1, Subject: rec.ID,
	}
	first := !slices.ContainsFunc(rec.Points, func(o ContactPoint) bool { return o.Channel == p.Channel })
	p.Primary = p.Primary || first
	if p.Primary && !first {
		demote(rec, p.Channel)
	}
	rec.Points = append(rec.Points, p)
	return p.ID, nil
}

// has returns the place of the point with the value, or -1. Values that cannot be opened are other values.
func has(rec *Customer, ch personal.Channel, value string) int {
	_, want := BlindKey(ch, value)
	return slices.IndexFunc(rec.Points, func(p ContactPoint) bool {
		if p.Channel != ch {
			return false
		}
		v, err := p.Value.Value()
		_, key := BlindKey(ch, v)
		return err == nil && key == want
	})
}

func demote(rec *Customer, ch personal.Channel) {
	for i := range rec.Points {
		if p := &rec.Points[i]; p.Channel == ch && p.Primary {
			p.Primary = false
			p.Version++
		}
	}
}

// promote makes sure that a channel with points has a primary one.
func promote(rec *Customer, ch personal.Channel) {
	first := -1
	for i := range rec.Points {
		if p := &rec.Points[i]; p.Channel == ch {
			if p.Primary {
				return
			}
			if first < 0 {
				first = i
			}
		}
	}
	if first >= 0 {
		rec.Points[first].Primary = true
		rec.Points[first].Version++
	}
}

// orderPoints brings points into the order of [Customer.Points]. Times of equal points differ by id only.
func orderPoints(rec *Customer) {
	if len(rec.Points) > 1 {
		slices.SortFunc(rec.Points, ComparePoints)
	}
}

// ComparePoints orders points by channel, primary ones first, then by id.
func ComparePoints(a, b ContactPoint) int {
	switch {
	case a.Channel != b.Channel:
		return strings.Compare(string(a.Channel), string(b.Channel))
	case a.Primary != b.Primary:
		if a.Primary {
			return -1
		}
		return 1
	}
	return a.ID.Compare(b.ID)
}

// addExt adds external ids; those the customer has already are passed over.
func addExt(v *fault.Violations, field string, rec *Customer, list []ident.Ext) {
	switch {
	case len(list) == 0:
		return
	case len(list) > MaxExt: // before they are compared with each other
		v.Add(field, "must be at most %d", MaxExt)
		return
	}
	for i, x := range list {
		if err := checkExt(x); err != nil {
			v.AddAll(fmt.Sprintf("%s[%d]", field, i), err)
		} else if !slices.Contains(rec.Ext, x) {
			rec.Ext = append(rec.Ext, x)
		}
	}
	if len(rec.Ext) > MaxExt {
		v.Add(field, "must be at most %d", MaxExt)
	}
	slices.SortFunc(rec.Ext, CompareExt)
}

// CompareExt orders external ids by system, then id.
func CompareExt(a, b ident.Ext) int {
	if c := strings.Compare(a.System, b.System); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// checkExt checks an external id.
func checkExt(x ident.Ext) error {
	if m := ident.HostID(x.System); m != "" {
		return fault.Field("system", "%s", m)
	}
	if x.ID == "" || len(x.ID) > 200 {
		return fault.Field("id", "must have 1 to 200 bytes, has %d", len(x.ID))
	}
	return schema.CheckText("id", x.ID, 200)
}

// merge brings what a draft holds into a customer that exists: what is blank in the draft stays as it is, points and
// external ids are added.
func (s *Module) merge(c *work.Call, rec *Customer, d *draft) error {
	if d.Kind != rec.Kind {
		return fault.Field("kind", "the customer with this external id is of kind %s, not %s", rec.Kind, d.Kind)
	}
	if len(d.Points) > 0 {
		if err := c.CheckSets("points"); err != nil {
			return err
		}
	}
	had := map[int]bool{}
	for i, p := range d.Points {
		if value, err := s.points.Normalise(p.Channel, p.Value, rec.Country); err == nil && has(rec, p.Channel, value) >= 0 {
			had[i] = true
		}
	}
	u := Update{
		Name: some(d.Name), Given: some(d.Given), Family: some(d.Family), Language: some(d.Language), Country: some(d.Country),
		TaxID: some(d.TaxID), OwnerUser: some(d.OwnerUser), OwnerTeam: some(d.OwnerTeam), AddExt: d.Ext, Custom: d.Custom,
	}
	if err := u.apply(c, rec); err != nil {
		return err
	}
	var v fault.Violations
	s.addPoints(c, &v, rec, d.Points, had)
	return v.Err()
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// apply changes a customer as the update says.
func (u *Update) apply(c *work.Call, rec *Customer) error {
	if err := c.CheckSets(u.sets()...); err != nil {
		return err
	}
	var v fault.Violations
	made := rec.Name.IsZero() || rec.Name.Reveal() == names.Display(rec.Given.Reveal(), rec.Family.Reveal())
	u.clear(&v, rec)
	u.names(&v, rec, made)
	u.words(&v, rec)
	if len(u.RemoveExt) > 0 {
		rec.Ext = slices.DeleteFunc(rec.Ext, func(x ident.Ext) bool { return slices.Contains(u.RemoveExt, x) })
	}
	addExt(&v, "add_ext", rec, u.AddExt)
	v.AddAll("", schema.Apply(c.Entity, &rec.Custom, u.Custom))
	if rec.Name.IsZero() && (rec.Kind != Person || len(rec.Points)+len(rec.Ext) == 0) {
		v.Add("name", "must not be blank")
	}
	return v.Err()
}

// sets names the fields that the update is about.
func (u *Update) sets() []string {
	out := slices.Concat(u.Clear, schema.Names(u.Custom))
	for name, p := range map[string]*string{
		"name": u.Name, "given": u.Given, "family": u.Family, "language": u.Language, "country": u.Country,
		"tax_id": u.TaxID, "owner_user": u.OwnerUser, "owner_team": u.OwnerTeam,
	} {
		if p != nil {
			out = append(out, name)
		}
	}
	if len(u.AddExt)+len(u.RemoveExt) > 0 {
		out = append(out, "ext")
	}
	slices.Sort(out)
	return out
}

// names changes the names; made tells that the whole name was the one made of the parts, so it follows them.
func (u *Update) names(v *fault.Violations, rec *Customer, made bool) {
	if rec.Kind != Person && (u.Given != nil || u.Family != nil) {
		v.Add("given", "only a person has given and family names: use name")
		return
	}
	set(v, "given", u.Given, func(s string) { rec.Given = nameText(text(v, "given", s, 120)) })
	set(v, "family", u.Family, func(s string) { rec.Family = nameText(text(v, "family", s, 120)) })
	if rec.Kind == Person && (made || rec.Name.IsZero()) {
		if name := names.Display(rec.Given.Reveal(), rec.Family.Reveal()); name != rec.Name.Reveal() {
			rec.Name = nameText(name)
		}
	}
	set(v, "name", u.Name, func(s string) { rec.Name = nameText(text(v, "name", s, 200)) })
}

func (u *Update) words(v *fault.Violations, rec *Customer) {
	set(v, "language", u.Language, func(s string) { rec.Language = languageTag(v, s) })
	set(v, "country", u.Country, func(s string) { rec.Country = countryCode(v, s) })
	set(v, "tax_id", u.TaxID, func(s string) { rec.TaxID = taxID(v, s) })
	set(v, "owner_user", u.OwnerUser, func(s string) { rec.OwnerUser = owner(v, "owner_user", s, "") })
	set(v, "owner_team", u.OwnerTeam, func(s string) { rec.OwnerTeam = owner(v, "owner_team", s, "") })
}

func set(v *fault.Violations, field string, p *string, apply func(string)) {
	switch {
	case p == nil:
	case *p == "":
		v.Add(field, "must not be empty: name it in Clear to make it blank")
	default:
		apply(*p)
	}
}

func (u *Update) clear(v *fault.Violations, rec *Customer) {
	for i, f := range u.Clear {
		switch f {
		case "name":
			rec.Name = personal.Text{}
		case "given":
			rec.Given = personal.Text{}
		case "family":
			rec.Family = personal.Text{}
		case "language":
			rec.Language = ""
		case "country":
			rec.Country = ""
		case "tax_id":
			rec.TaxID = personal.Text{}
		case "owner_user":
			rec.OwnerUser = ""
		case "owner_team":
			rec.OwnerTeam = ""
		default:
			v.Add(fmt.Sprintf("clear[%d]", i), "cannot be cleared: want name, given, family, language, country, tax_id, owner_user or owner_team")
		}
	}
}
