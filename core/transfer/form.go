package transfer

import (
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// FieldExt is the field that holds a row's id in the system the file comes from.
const FieldExt = schema.FieldExt

// Fields and kinds that mappings have words for.
const (
	fieldID       = "id"
	fieldKind     = "kind"
	fieldCurrency = "currency" // of a row's amounts
	kindCustomer  = "customer"
)

// Field is what a column may fill.
type Field struct {
	schema.Field
	// Synonyms are further names of columns for it, for [Mapping.ByHeader].
	Synonyms []string
	// Labelled says that there may be several, told apart by a label: "phone.work" beside "phone".
	Labelled bool
}

// Form is what a row of a file can hold for one kind of record.
type Form struct {
	// Kind is the kind of record that a row becomes.
	Kind *work.Kind
	// Fields are what columns may fill, without the tenant's own fields.
	Fields []Field
	// History says that rows may record what happened elsewhere: see [work.LoadOptions].
	History bool
	// Batch is how many rows are written in one transaction when the options do not say. Defaults to [work.DefaultBatch].
	Batch int
	// Check adds what else is wrong with a mapping. nil adds nothing.
	Check func(m *Mapping, v *fault.Violations)
}

// Rows is a [Form] with the draft that a row becomes.
type Rows[D any] struct {
	Form
	// Read must make a draft of a row, and note as faults of the row what is wrong with it.
	Read func(r *Record) D
	// Place must return which field of the form filled a path of the row's draft, for faults of the load. nil means that
	// each path begins with the field.
	Place func(r *Record, path string) string
}

// RowsOf returns the rows for a kind whose drafts are assigned by a patch: columns fill the inputs of the patch.
func RowsOf[T, D any](k *work.Kind, p *schema.Patch[T, D]) Rows[D] {
	form, own := Form{Kind: k}, map[string]bool{}
	for _, f := range p.Inputs() {
		own[f.Name] = true
		in := Field{Field: f}
		if f.Name == FieldExt {
			in.Synonyms = []string{"external id"}
		}
		form.Fields = append(form.Fields, in)
	}
	return Rows[D]{Form: form, Read: func(r *Record) (d D) {
		for _, f := range r.t.filled {
			if text := r.value(f); text != "" && (own[f.Name] || strings.HasPrefix(f.Name, schema.CustomPrefix)) {
				r.Refuse(p.Parse(&d, f.Field, text, r.Notation()))
			}
		}
		return d
	}}
}

// In returns the rows for a kind that a tenant has defined within this family.
func (r Rows[D]) In(member *work.Kind) Rows[D] {
	r.Kind = member
	return r
}

// Optional returns the rows with fields that a mapping need not fill, since the kind has a value for those without one.
func (r Rows[D]) Optional(fields ...string) Rows[D] {
	r.Fields = slices.Clone(r.Fields)
	for i := range r.Fields {
		if slices.Contains(fields, r.Fields[i].Name) {
			r.Fields[i].Required = false
		}
	}
	return r
}

// WithHistory returns the rows for a kind whose Load takes history.
func (r Rows[D]) WithHistory() Rows[D] {
	r.History = true
	return r
}

// in returns the form with the custom fields that a tenant has.
func (f Form) in(e *schema.Entity) Form {
	f.Fields = slices.Clone(f.Fields)
	for _, x := range e.Fields() {
		if strings.HasPrefix(x.Name, schema.CustomPrefix) && !x.ReadOnly {
			x.Required = false // asked of each record, like the built-in ones, but not of each file
			f.Fields = append(f.Fields, Field{Field: x, Synonyms: []string{strings.TrimPrefix(x.Name, schema.CustomPrefix)}})
		}
	}
	return f
}

// known lists what a mapping may name: the fields, and the currency of amounts.
func (f *Form) known() []Field {
	isCurrency := func(x Field) bool { return x.Name == fieldCurrency }
	if !slices.ContainsFunc(f.Fields, isAmount) || slices.ContainsFunc(f.Fields, isCurrency) {
		return f.Fields
	}
	currency := schema.Field{Name: fieldCurrency, Type: rule.TypeText, Class: personal.None, Label: "Currency"}
	return append(slices.Clip(f.Fields), Field{Field: currency})
}

func isAmount(f Field) bool { return f.Type == rule.TypeMoney }

// Field returns what a mapping may name; ok is false for a name that it must not.
func (f *Form) Field(name string) (found Field, ok bool) {
	base, label, labelled := strings.Cut(name, ".")
	for _, x := range f.known() {
		if x.Name == name || x.Labelled && labelled && label != "" && x.Name == base {
			x.Name = name
			return x, true
		}
	}
	return Field{}, false
}

// Names lists what a mapping may name.
func (f *Form) Names() []string {
	list := f.known()
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = x.Name
	}
	return out
}

func (f *Form) name() string { return f.Kind.Name() }

// takes returns the fields that a name, label or synonym means, whatever its case, spaces and hyphens.
func (f *Form) takes(column string) (field string, ok bool) {
	want := folded(column)
	for _, names := range []func(x Field) []string{
		func(x Field) []string { return []string{x.Name} },
		func(x Field) []string { return append([]string{x.Label}, x.Synonyms...) },
	} {
		for _, x := range f.known() {
			if slices.ContainsFunc(names(x), func(s string) bool { return s != "" && folded(s) == want }) {
				return x.Name, true
			}
		}
	}
	return "", false
}

// folded takes from a name what people write differently.
func folded(s string) string {
	return strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.ToLower(strings.TrimSpace(s)))
}
