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
)

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
	// Entity names the kind of record that rows become, such as "customer" or "lead".
	Entity string `json:"entity"`
	// Kind fills the field "kind" of every row: of customers "person", "organization" or "group".
	Kind string `json:"kind,omitempty"`
	// System is the name of the system whose ids stand in the column of "ext".
	System string `json:"system,omitempty"`
	// Customers is the system of the customers' ids in columns that name customers. Defaults to System.
	Customers string `json:"customers,omitempty"`
	// Columns are field to column.
	Columns map[string]string `json:"columns"`
	// ByHeader has every other column fill the field whose name or label it has, whatever its case, spaces and hyphens.
	// Without a delimiter, the one that the header has most of is taken.
	ByHeader bool `json:"by_header,omitempty"`
	// Constants are field to the value that every row gets.
	Constants map[string]string `json:"constants,omitempty"`
	// Values are, by field, words in the file to values; words that are not listed stay as they are.
	Values map[string]map[string]string `json:"values,omitempty"`
	// Ignore names columns left out on purpose; others without a field are listed in the report.
	Ignore []string `json:"ignore,omitempty"`
	// Date is how dates are written, such as "DD.MM.YYYY", or "M/D/YYYY" for days and months of one digit, too. Defaults to
	// "YYYY-MM-DD".
	Date string `json:"date,omitempty"`
	// Currency is that of amounts without a column "currency", such as "EUR".
	Currency string `json:"currency,omitempty"`
	// Delimiter of CSV is ",", ";", "|" or "tab". Defaults to ",".
	Delimiter string `json:"delimiter,omitempty"`
	// WithoutIDs says that rows have no id: loading the file again doubles them.
	WithoutIDs bool `json:"without_ids,omitempty"`
	// History says that rows record what happened elsewhere, where the kind has a history: entry gates are not asked.
	History bool `json:"history,omitempty"`
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

// Validate checks the mapping against what a row can hold.
//
// Errors: Invalid with every breach; fields are named as in the mapping file, such as "columns.given".
func (m *Mapping) Validate(f Form) error {
	var v fault.Violations
	if m.Entity != f.name() {
		v.Add("entity", "want %q, have %s", f.name(), fault.Quote(m.Entity))
	}
	switch {
	case len(m.Columns) > 0:
	case m.ByHeader:
		v.Add("columns", "no column has the name of a field of %s%s", f.name(), didYouMean("", f.Names()))
	default:
		v.Add("columns", "must name at least one column")
	}
	m.validateNames(&v, &f)
	m.validateIDs(&v, &f)
	m.validateUse(&v, &f)
	m.validateForms(&v, &f)
	if f.Check != nil {
		f.Check(m, &v)
	}
	return v.Err()
}

// validateNames checks that what is filled can be, and once.
func (m *Mapping) validateNames(v *fault.Violations, f *Form) {
	unknown := func(place, field string) bool {
		if _, ok := f.Field(field); ok {
			return false
		}
		v.Add(place+"."+field, "is no field of %s that can be imported%s", f.name(), didYouMean(field, f.Names()))
		return true
	}
	for _, name := range slices.Sorted(maps.Keys(m.Columns)) {
		unknown("columns", name)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Constants)) {
		switch {
		case unknown("constants", name):
		case name == FieldExt || name == fieldID:
			v.Add("constants."+name, "an id cannot be the same in every row")
		case m.Columns[name] != "":
			v.Add("constants."+name, "a column fills this field already")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Values)) {
		if !unknown("values", name) && !m.Fills(name) {
			v.Add("values."+name, "no column fills this field")
		}
	}
	for _, x := range f.Fields {
		if x.Required && !m.Fills(x.Name) {
			v.Add("columns."+x.Name, "must be filled: %s needs it", f.name())
		}
	}
}

// Fills reports whether a column or a constant fills a field.
func (m *Mapping) Fills(field string) bool { return m.Columns[field] != "" || m.Constants[field] != "" }

func (m *Mapping) validateIDs(v *fault.Violations, f *Form) {
	_, ext := m.Columns[FieldExt]
	_, id := m.Columns[fieldID]
	_, takesExt := f.Field(FieldExt)
	switch {
	case !ext && !id && !m.WithoutIDs && takesExt:
		v.Add("columns.ext", `name the column with the row's id in the other system, so that importing again updates; or set "without_ids": true`)
	case !ext && !id && !m.WithoutIDs:
		v.Add("columns.id", `name the column with the record's own id, so that importing again adds nothing; or set "without_ids": true`)
	case (ext || id) && m.WithoutIDs:
		v.Add("without_ids", "a column fills %s, so rows have ids", map[bool]string{true: FieldExt, false: fieldID}[ext])
	case ext && ident.HostID(m.System) != "":
		v.Add("system", "%s: it names the system the ids belong to", ident.HostID(m.System))
	}
	if m.Customers != "" && ident.HostID(m.Customers) != "" {
		v.Add("customers", "%s", ident.HostID(m.Customers))
	}
}

// validateUse refuses what the kind has no use for.
func (m *Mapping) validateUse(v *fault.Violations, f *Form) {
	toCustomer := func(x Field) bool { return x.Ref == kindCustomer }
	if m.Customers != "" && !slices.ContainsFunc(f.Fields, toCustomer) {
		v.Add("customers", "%s names no customer", f.name())
	}
	if m.History && !f.History {
		v.Add("history", "%s has no history to import", f.name())
	}
	if _, ok := f.Field(fieldKind); m.Kind != "" && !ok {
		v.Add("kind", "%s has no field kind", f.name())
	}
}

// validateForms checks how values are written.
func (m *Mapping) validateForms(v *fault.Violations, f *Form) {
	if _, err := m.layout(); err != nil {
		v.AddAll("date", err)
	}
	if _, err := m.delimiter(); err != nil {
		v.AddAll("", err)
	}
	if m.Currency != "" && !money.ValidCurrency(m.Currency) {
		v.Add("currency", "want an ISO 4217 code of three capital letters, such as EUR")
	}
	for _, x := range f.Fields {
		if isAmount(x) && m.Fills(x.Name) && m.Currency == "" && !m.Fills(fieldCurrency) {
			v.Add("currency", "must be set: %s holds amounts", x.Name)
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
