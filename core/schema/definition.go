package schema

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Limits of custom fields.
const (
	MaxCustomFields = 200 // per tenant and entity, retired ones included
	MaxEnum         = 200 // allowed values of one field
	DefaultCustom   = 200 // greatest length of a custom text field that names none
)

// Definition is a tenant's custom field. The field's name in rules, filters and masks is "custom.<Key>".
//
// The classes contact, content, financial, government and health are sealed at rest, which custom values are not in
// this version: such a definition is refused. Keep such data in the built-in fields made for it (contact points,
// notes).
type Definition struct {
	Entity   string         `json:"entity"`             // name of the entity: "customer", or "object.boat" for a kind of the tenant's
	Key      string         `json:"key"`                // lower-case letters, digits and _, at most 40
	Type     rule.Type      `json:"type"`               // never changes once the key was used
	Label    string         `json:"label"`              // for people; "" makes one from the key
	Class    personal.Class `json:"class"`              // required; None for what is not personal
	Enum     []string       `json:"enum,omitempty"`     // for text: the allowed values, nil when open
	MaxLen   int            `json:"max_len,omitempty"`  // for text and texts: characters, 0 means 200
	Sortable bool           `json:"sortable,omitempty"` // lists may be sorted by it
	Required bool           `json:"required,omitempty"` // must not be blank; records written before may be
	Retired  bool           `json:"retired,omitempty"`  // no longer in use; its values are kept but not shown
}

var (
	customKey  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	entityName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}(\.[a-z][a-z0-9_]{0,39})?$`)
	pluginKey  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}(\.[a-z][a-z0-9_]{0,39})?$`)
)

// reserved words of CEL cannot be keys.
var reserved = []string{"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in",
	"let", "loop", "namespace", "null", "package", "return", "true", "var", "void", "while"}

func keyFault(key string, plugin bool) string {
	switch {
	case slices.Contains(reserved, key):
		return "is a reserved word of the rule language: choose another key"
	case customKey.MatchString(key) || plugin && pluginKey.MatchString(key):
		return ""
	}
	return "want 1 to 40 lower-case letters, digits and underscores, a letter first"
}

// CheckKey returns an Invalid fault for a key that a tenant cannot give to a field or an object, or nil.
func CheckKey(key string) error {
	if m := keyFault(key, false); m != "" {
		return fault.Field("key", "%s", m)
	}
	return nil
}

// Validate returns an Invalid fault with every breach, or nil. Whether the entity exists is for the registry to say.
func (d Definition) Validate() error {
	var v fault.Violations
	if !entityName.MatchString(d.Entity) {
		v.Add("entity", "want the name of an entity, such as customer or object.boat")
	}
	if m := keyFault(d.Key, false); m != "" {
		v.Add("key", "%s", m)
	}
	d.check(&v)
	return v.Err()
}

// check looks at everything but the names.
func (d Definition) check(v *fault.Violations) {
	if d.Type <= rule.TypeNone || d.Type > rule.TypeTexts {
		v.Add("type", "want bool, int, float, text, time, date, money, id or texts")
	}
	if m := labelFault(d.Label, 100); m != "" {
		v.Add("label", "%s", m)
	}
	switch {
	case !d.Class.Valid():
		v.Add("class", "want a class of personal data, none for what is not personal")
	case d.Class.Sealed():
		v.Add("class", "%s is sealed at rest, which custom fields are not: keep it in a built-in field", d.Class)
	}
	switch {
	case d.MaxLen < 0 || d.MaxLen > DefaultMaxLen:
		v.Add("max_len", "want 0 to %d", DefaultMaxLen)
	case d.MaxLen > 0 && d.Type != rule.TypeText && d.Type != rule.TypeTexts:
		v.Add("max_len", "only text and texts have a length: leave it 0")
	}
	if d.Sortable && d.Type == rule.TypeTexts {
		v.Add("sortable", "a list cannot be sorted by")
	}
	d.checkEnum(v)
}

func (d Definition) checkEnum(v *fault.Violations) {
	switch {
	case len(d.Enum) == 0:
		return
	case d.Type != rule.TypeText:
		v.Add("enum", "only text can have allowed values")
	case len(d.Enum) > MaxEnum:
		v.Add("enum", "want at most %d values, have %d", MaxEnum, len(d.Enum))
		return
	}
	for i, s := range d.Enum {
		if m := textFault(s, DefaultCustom); m != "" || s == "" {
			v.Add(fmt.Sprintf("enum[%d]", i), "%s", cmp.Or(m, "must not be empty"))
		} else if slices.Contains(d.Enum[:i], s) {
			v.Add(fmt.Sprintf("enum[%d]", i), "is listed twice")
		}
	}
}

// Field returns the field the definition makes.
func (d Definition) Field() Field {
	f := Field{Name: CustomPrefix + d.Key, Type: d.Type, Label: cmp.Or(d.Label, label(d.Key)), Class: d.Class, Origin: Tenant,
		Enum: slices.Clone(d.Enum), Sortable: d.Sortable, Required: d.Required}
	if d.Type == rule.TypeText || d.Type == rule.TypeTexts {
		f.MaxLen = cmp.Or(d.MaxLen, DefaultCustom)
	}
	return f
}

func sortByKey(list []*node) {
	slices.SortFunc(list, func(a, b *node) int { return cmp.Compare(a.key, b.key) })
}
