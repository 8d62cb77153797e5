package transfer

import (
	"maps"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer"
)

// plain are the fields of a customer that hold one text.
var plain = []string{"name", "given", "family", "language", "country", "tax_id", "owner_user", "owner_team"}

// channels are the contact points a column can hold: "phone", or "phone.work" for one with the label "work".
var channels = []personal.Channel{personal.ByEmail, personal.ByPhone, personal.BySMS, personal.ByPost, personal.ByPush, personal.BySocial}

// CustomerTarget returns what a mapping for customers may fill: ext, kind, names, language, country, tax_id, owners,
// contact points by channel ("email", "phone", "sms", "post", "push", "social", each also with a label, as in "phone.work"),
// and the custom fields among fields, such as Session.Schema.Fields gives.
func CustomerTarget(m Mapping, fields []schema.Field) Target {
	t := Target{Entity: customer.EntityCustomer}
	add := func(name string, enum ...string) {
		t.Fields = append(t.Fields, schema.Field{Name: name, Type: rule.TypeText, Enum: enum})
	}
	add(FieldExt)
	add("kind", string(customer.Person), string(customer.Organization), string(customer.Group))
	for _, name := range plain {
		add(name)
	}
	for _, ch := range channels {
		add(string(ch))
	}
	for _, name := range pointFields(m) {
		if _, known := t.field(name); !known {
			add(name)
		}
	}
	t.Fields = append(t.Fields, CustomFields(fields)...)
	return t
}

// CustomFields returns the custom fields among fields.
func CustomFields(fields []schema.Field) []schema.Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f schema.Field) bool {
		return !strings.HasPrefix(f.Name, schema.CustomPrefix) || f.ReadOnly
	})
}

// pointFields returns the fields of a mapping that are contact points, ordered by channel, the unlabelled first.
func pointFields(m Mapping) []string {
	names := slices.Collect(maps.Keys(m.Columns))
	names = slices.AppendSeq(names, maps.Keys(m.Constants))
	slices.Sort(names)
	var out []string
	for _, ch := range channels {
		for _, name := range names {
			if base, label, _ := strings.Cut(name, "."); base == string(ch) && (label != "" || base == name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// CheckCustomers judges a mapping for customers without a file; [Customers] does it, too. fields are as in [Options].
//
// Errors: Invalid with every breach; fields are named as in the mapping file, such as "columns.given".
func CheckCustomers(m Mapping, fields []schema.Field) error {
	var v fault.Violations
	v.AddAll("", m.Validate(CustomerTarget(m, fields)))
	m.validateKind(&v)
	if m.Customers != "" {
		v.Add("customers", "is for opportunities only")
	}
	if m.History {
		v.Add("history", "is for opportunities only")
	}
	return v.Err()
}

func (m *Mapping) validateKind(v *fault.Violations) {
	_, byColumn := m.Columns["kind"]
	kind := m.Kind
	if kind == "" {
		kind = m.Constants["kind"]
	}
	switch customer.Kind(kind) {
	case customer.Person, customer.Organization, customer.Group:
		if byColumn || m.Kind != "" && m.Constants["kind"] != "" {
			v.Add("kind", "is told twice: leave it out, or leave out the column or constant")
		}
	default:
		if kind != "" || !byColumn {
			v.Add("kind", "want person, organization or group, or a column for it")
		}
	}
	if kind != string(customer.Person) && !byColumn {
		for _, f := range []string{"given", "family"} {
			if m.fills(f) {
				v.Add("columns."+f, "only a person has given and family names: use name")
			}
		}
	}
}

// candidate is a row that became a draft.
type candidate struct {
	row    int
	ext    ident.Ext
	draft  customer.Draft
	points []string // field of each point of the draft
}

// rename gives the field that filled a path of the draft.
func (c *candidate) rename(path string) string {
	for i, f := range c.points {
		at := "points[" + itoa(i) + "]"
		if path == at || strings.HasPrefix(path, at+".") {
			return f
		}
	}
	if path == "system" || path == "id" || strings.HasPrefix(path, "add_ext[") {
		return FieldExt
	}
	return path
}

// candidate reads a customer from a record. It is incomplete when the record has faults.
func (r *Record) candidate() candidate {
	c := candidate{row: r.Row, ext: r.Ext()}
	var points []customer.PointDraft
	for _, name := range pointFields(r.t.m) {
		value := r.Text(name)
		if value == "" {
			continue
		}
		channel, label, _ := strings.Cut(name, ".")
		points = append(points, customer.PointDraft{Channel: personal.Channel(channel), Value: value, Label: label})
		c.points = append(c.points, name)
	}
	var ext []ident.Ext
	if !c.ext.IsZero() {
		ext = []ident.Ext{c.ext}
	}
	name, language, country, user, team := r.Text("name"), r.Text("language"), r.Text("country"), r.Text("owner_user"), r.Text("owner_team")
	tax, sets := r.Text("tax_id"), r.Custom()
	switch kind := r.kind(); kind {
	case customer.Person:
		c.draft = customer.PersonDraft{
			Given: r.Text("given"), Family: r.Text("family"), Name: name, Language: language, Country: country, TaxID: tax,
			Points: points, Ext: ext, Custom: sets, OwnerUser: user, OwnerTeam: team,
		}
	case customer.Organization, customer.Group:
		r.refuseParts(kind)
		c.draft = customer.OrganizationDraft{
			Name: name, Language: language, Country: country, TaxID: tax, Points: points, Ext: ext, Custom: sets,
			OwnerUser: user, OwnerTeam: team,
		}
		if d, ok := c.draft.(customer.OrganizationDraft); ok && kind == customer.Group {
			c.draft = customer.GroupDraft(d)
		}
	}
	return c
}

// kind returns the row's kind, "" when it has none, which is a fault.
func (r *Record) kind() customer.Kind {
	if r.t.m.Kind != "" || r.broken {
		return customer.Kind(r.t.m.Kind)
	}
	if v := r.Value("kind"); !v.IsBlank() {
		return customer.Kind(v.Text())
	}
	if r.Text("kind") == "" {
		r.Fault("kind", "must not be blank: want person, organization or group")
	}
	return ""
}

func (r *Record) refuseParts(kind customer.Kind) {
	for _, f := range []string{"given", "family"} {
		if r.Text(f) != "" {
			r.Fault(f, "only a person has one, this is %s", article(kind))
		}
	}
}

func article(kind customer.Kind) string {
	if kind == customer.Organization {
		return "an organization"
	}
	return "a group"
}
