package transfer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// FieldExt is the field that holds a row's id in the system the file comes from.
const FieldExt = "ext"

// Mapping says which column of a file fills which field. As JSON:
//
//	{
//	  "entity": "customer", "kind": "person", "system": "shop",
//	  "columns": {"ext": "No.", "given": "First name", "family": "Last name", "email": "E-mail", "custom.tier": "Tier"},
//	  "constants": {"country": "DE"},
//	  "values": {"custom.tier": {"A": "gold", "B": "silver"}},
//	  "ignore": ["Printed on"]
//	}
//
// A field is filled by a column or a constant, not by both. Names of columns must match exactly.
type Mapping struct {
	Entity     string                       `json:"entity"`                // what rows become: "customer" or "opportunity"
	Kind       string                       `json:"kind,omitempty"`        // of customers: "person", "organization" or "group", unless a column "kind" tells
	System     string                       `json:"system,omitempty"`      // name of the system whose ids stand in the column of "ext"
	Customers  string                       `json:"customers,omitempty"`   // of opportunities: system of the ids in the column of "customer". Defaults to System
	Columns    map[string]string            `json:"columns"`               // field to column
	Constants  map[string]string            `json:"constants,omitempty"`   // field to the value that every row gets
	Values     map[string]map[string]string `json:"values,omitempty"`      // of fields: words in the file to values; words that are not listed stay as they are
	Ignore     []string                     `json:"ignore,omitempty"`      // columns left out on purpose; others without a field are listed in the report
	Date       string                       `json:"date,omitempty"`        // how dates are written, such as "DD.MM.YYYY", or "M/D/YYYY" for days and months of one digit, too. Defaults to "YYYY-MM-DD"
	Currency   string                       `json:"currency,omitempty"`    // of amounts without a column for it, such as "EUR"
	Delimiter  string                       `json:"delimiter,omitempty"`   // ",", ";", "|" or "tab". Defaults to ","
	WithoutIDs bool                         `json:"without_ids,omitempty"` // rows have no id: loading the file again doubles them
	History    bool                         `json:"history,omitempty"`     // of opportunities: rows tell what happened, so entry gates are not asked
}

// didYouMean names the nearest of the names, or all when they are few.
func didYouMean(s string, names []string) string {
	for _, n := range names {
		if strings.EqualFold(strings.TrimSpace(s), n) {
			return fmt.Sprintf("; did you mean %q?", n)
		}
	}
	if near := rule.Nearest(s, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(names) == 0 || len(names) > 40 {
		return ""
	}
	return "; want one of " + strings.Join(names, ", ")
}

// Target describes what rows become, for [OpenTable].
type Target struct {
	Entity   string         // name of the entity
	Fields   []schema.Field // fields that a mapping may fill; name, type and allowed values count
	Required []string       // fields that a mapping must fill
}

func (t *Target) field(name string) (schema.Field, bool) {
	i := slices.IndexFunc(t.Fields, func(f schema.Field) bool { return f.Name == name })
	if i < 0 {
		return schema.Field{}, false
	}
	return t.Fields[i], true
}

func (t *Target) names() []string {
	out := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		out[i] = f.Name
	}
	return out
}

// Validate judges the mapping against what its rows become.
//
// Errors: Invalid with every breach; fields are named as in the mapping file, such as "columns.given".
func (m *Mapping) Validate(t Target) error {
	var v fault.Violations
	if m.Entity != t.Entity {
		v.Add("entity", "want %q, have %q", t.Entity, m.Entity)
	}
	if len(m.Columns) == 0 {
		v.Add("columns", "must name at least one column")
	}
	names := t.names()
	for _, f := range slices.Sorted(maps.Keys(m.Columns)) {
		if _, ok := t.field(f); !ok {
			v.Add("columns."+f, "is no field of %s that can be imported%s", t.Entity, didYouMean(f, names))
		}
	}
	for _, f := range slices.Sorted(maps.Keys(m.Constants)) {
		_, known := t.field(f)
		_, twice := m.Columns[f]
		switch {
		case !known:
			v.Add("constants."+f, "is no field of %s that can be imported%s", t.Entity, didYouMean(f, names))
		case f == FieldExt:
			v.Add("constants.ext", "an id cannot be the same in every row")
		case twice:
			v.Add("constants."+f, "a column fills this field already")
		}
	}
	for _, f := range slices.Sorted(maps.Keys(m.Values)) {
		if _, ok := t.field(f); !ok {
			v.Add("values."+f, "is no field of %s that can be imported%s", t.Entity, didYouMean(f, names))
		} else if !m.fills(f) {
			v.Add("values."+f, "no column fills this field")
		}
	}
	for _, f := range t.Required {
		if !m.fills(f) {
			v.Add("columns."+f, "must be filled: %s needs it", t.Entity)
		}
	}
	m.validateIDs(&v)
	m.validateForms(&v, t)
	return v.Err()
}

func (m *Mapping) fills(field string) bool { return m.Columns[field] != "" || m.Constants[field] != "" }

func (m *Mapping) validateIDs(v *fault.Violations) {
	_, ext := m.Columns[FieldExt]
	switch {
	case !ext && !m.WithoutIDs:
		v.Add("columns.ext", `name the column with the row's id in the other system, so that importing again updates; or set "without_ids": true`)
	case ext && m.WithoutIDs:
		v.Add("without_ids", "a column fills ext, so rows have ids")
	case ext && ident.HostID(m.System) != "":
		v.Add("system", "%s: it names the system the ids belong to", ident.HostID(m.System))
	}
	if m.Customers != "" && ident.HostID(m.Customers) != "" {
		v.Add("customers", "%s", ident.HostID(m.Customers))
	}
}

func (m *Mapping) validateForms(v *fault.Violations, t Target) {
	if _, err := m.layout(); err != nil {
		v.AddAll("date", err)
	}
	if _, err := m.delimiter(); err != nil {
		v.AddAll("", err)
	}
	if m.Currency != "" && !money.ValidCurrency(m.Currency) {
		v.Add("currency", "want an ISO 4217 code of three capital letters, such as EUR")
	}
	for _, f := range t.Fields {
		if f.Type == rule.TypeMoney && m.fills(f.Name) && m.Currency == "" && !m.fills("currency") {
			v.Add("currency", "must be set: %s holds amounts", f.Name)
		}
	}
}

func (m *Mapping) delimiter() (rune, error) {
	switch m.Delimiter {
	case "":
		return 0, nil
	case "tab", "\t":
		return '\t', nil
	case ",", ";", "|":
		return rune(m.Delimiter[0]), nil
	}
	return 0, fault.Field("delimiter", `want "," or ";" or "|" or "tab"`)
}

// layout returns the form of dates as package time writes it.
func (m *Mapping) layout() (string, error) {
	if m.Date == "" {
		return time.DateOnly, nil
	}
	layout := m.Date // may be one of package time
	if form := strings.ToUpper(m.Date); strings.Contains(form, "YYYY") {
		layout = strings.NewReplacer("YYYY", "2006", "MM", "01", "M", "1", "DD", "02", "D", "2").Replace(form)
	}
	for _, day := range []time.Time{time.Date(1987, 11, 25, 0, 0, 0, 0, time.UTC), time.Date(2031, 2, 3, 0, 0, 0, 0, time.UTC)} {
		if back, err := time.Parse(layout, day.Format(layout)); err != nil || !back.Equal(day) {
			return "", fault.Field("", "want year, month and day, such as YYYY-MM-DD, DD.MM.YYYY or M/D/YYYY")
		}
	}
	return layout, nil
}
