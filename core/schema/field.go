package schema

import (
	"strings"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Origin says who defined a field.
type Origin string

// The origins.
const (
	Core   Origin = "core"   // built in, from struct tags
	Tenant Origin = "tenant" // a tenant's custom field
	Plugin Origin = "plugin" // an extension's field
)

// CustomPrefix begins the name of every custom field: the key "tier" is the field "custom.tier".
const CustomPrefix = "custom."

// Field describes one field of an entity. Its zero value describes nothing.
type Field struct {
	Name     string         // as rules, filters and masks spell it: "given", "points.value", "custom.tier"
	Type     rule.Type      // TypeNone for a group and for what rules cannot read
	Label    string         // for people, in the definer's language
	Class    personal.Class // class of personal data
	Origin   Origin         // who defined it
	Enum     []string       // for text: the allowed values, nil when open; must not be modified
	MaxLen   int            // for text: greatest length in characters; 0 for other types
	Sortable bool           // lists may be sorted by it
	ReadOnly bool           // kept by the CRM, never set by a caller
	Required bool           // must not be blank
	Search   bool           // text that the search of lists finds
	Ref      string         // the kind of the record that the field names; "" for a field that names none
	Subject  bool           // the record belongs to whom Ref names: a customer's timeline, merge, export and erasure reach it
	Many     bool           // one value per element of a group, so that rules over one record cannot read it
}

// InRules reports whether a rule over one record may read the field.
func (f Field) InRules() bool { return f.Type != rule.TypeNone && !f.Many }

// label makes a label from a name: "custom.close_date" gives "Close date".
func label(name string) string {
	name = name[strings.LastIndexByte(name, '.')+1:]
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "_", " ")
}
