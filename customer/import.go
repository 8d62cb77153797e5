package customer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

// Import returns the target of files whose rows are customers. A row brings what it holds into the customer with its
// external id, as by [Customers.Upsert], or creates one.
func (cs Customers) Import() transfer.Target {
	return transfer.Of(importRows(), cs.s.engine, &cs.scope, func(s *work.Scope) upserts { return upserts{cs.s.Customers(*s)} })
}

// ImportForms returns what rows of files can hold for customers: ext, kind, names, language, country, tax_id, owners, and
// contact points by channel, each also with a label, as in "phone.work".
func ImportForms() []transfer.Form { return []transfer.Form{importRows().Form} }

func importRows() transfer.Rows[Draft] {
	return transfer.Rows[Draft]{Form: importForm(), Read: readDraft, Place: placeOf}
}

var customerKind = &work.Kind{Entity: schema.Of[Customer](EntityCustomer)}

// channels are the contact points that a column can hold.
var channels = []personal.Channel{personal.ByEmail, personal.ByPhone, personal.BySMS, personal.ByPost, personal.ByPush, personal.BySocial}

func importForm() transfer.Form {
	form := transfer.Form{Kind: customerKind, Check: checkKind}
	add := func(name string, synonyms ...string) {
		f, _ := customerKind.Entity.Field(name)
		f.Name, f.Type, f.Required, f.ReadOnly = name, rule.TypeText, false, false
		form.Fields = append(form.Fields, transfer.Field{Field: f, Synonyms: synonyms})
	}
	add(transfer.FieldExt, "external id")
	add("kind")
	add("name", "full name")
	add("given", "first name", "given name")
	add("family", "last name", "family name", "surname")
	for _, name := range []string{"language", "country", "tax_id", "owner_user", "owner_team"} {
		add(name)
	}
	for _, ch := range channels {
		form.Fields = append(form.Fields, transfer.Field{Field: schema.Field{Name: string(ch), Type: rule.TypeText}, Labelled: true})
	}
	return form
}

// checkKind wants the kind of customer to be known, once.
func checkKind(m *transfer.Mapping, v *fault.Violations) {
	_, byColumn := m.Columns["kind"]
	kind := m.Kind
	if kind == "" {
		kind = m.Constants["kind"]
	}
	switch Kind(kind) {
	case Person, Organization, Group:
		if byColumn || m.Kind != "" && m.Constants["kind"] != "" {
			v.Add("kind", "is told twice: leave it out, or leave out the column or constant")
		}
	default:
		if kind != "" || !byColumn {
			v.Add("kind", "want person, organization or group, or a column for it")
		}
	}
	if kind != string(Person) && !byColumn {
		for _, f := range []string{"given", "family"} {
			if m.Fills(f) {
				v.Add("columns."+f, "only a person has given and family names: use name")
			}
		}
	}
}

// readDraft makes a customer of a row.
func readDraft(r *transfer.Record) Draft {
	d := draft{
		Name: r.Text("name"), Given: r.Text("given"), Family: r.Text("family"), Language: r.Text("language"), Country: r.Text("country"),
		TaxID: r.Text("tax_id"), Custom: r.Custom(), OwnerUser: r.Text("owner_user"), OwnerTeam: r.Text("owner_team"),
	}
	if ext := r.Ext(); !ext.IsZero() {
		d.Ext = []ident.Ext{ext}
	}
	for _, f := range pointFields(r) {
		channel, label, _ := strings.Cut(f, ".")
		d.Points = append(d.Points, PointDraft{Channel: personal.Channel(channel), Value: r.Text(f), Label: label})
	}
	switch kind := r.Text("kind"); Kind(kind) {
	case Person:
		return PersonDraft{ID: d.ID, Given: d.Given, Family: d.Family, Name: d.Name, Language: d.Language, Country: d.Country, TaxID: d.TaxID,
			Points: d.Points, Ext: d.Ext, Custom: d.Custom, OwnerUser: d.OwnerUser, OwnerTeam: d.OwnerTeam}
	case Organization:
		refuseParts(r, "an organization")
		return d.organization()
	case Group:
		refuseParts(r, "a group")
		return GroupDraft(d.organization())
	case "":
		r.Fault("kind", "must not be blank: want person, organization or group")
	default:
		r.Fault("kind", "want one of person, organization, group")
	}
	return nil
}

func (d *draft) organization() OrganizationDraft {
	return OrganizationDraft{Name: d.Name, Language: d.Language, Country: d.Country, TaxID: d.TaxID, Points: d.Points, Ext: d.Ext,
		Custom: d.Custom, OwnerUser: d.OwnerUser, OwnerTeam: d.OwnerTeam}
}

func refuseParts(r *transfer.Record, what string) {
	for _, f := range []string{"given", "family"} {
		if r.Text(f) != "" {
			r.Fault(f, "only a person has one, this is %s", what)
		}
	}
}

// pointFields returns the fields that hold the contact points of a row, in their order.
func pointFields(r *transfer.Record) []string {
	var out []string
	for _, f := range r.Fields() {
		if f.Labelled && r.Text(f.Name) != "" {
			out = append(out, f.Name)
		}
	}
	return out
}

// placeOf returns the field that filled a path of a draft.
func placeOf(r *transfer.Record, path string) string {
	for i, f := range pointFields(r) {
		at := fmt.Sprintf("points[%d]", i)
		if path == at || strings.HasPrefix(path, at+".") {
			return f
		}
	}
	if path == "system" || path == "id" || strings.HasPrefix(path, "add_ext[") {
		return transfer.FieldExt
	}
	return path
}

// upserts are customers whose load updates those that are there.
type upserts struct{ Customers }

// Load implements [transfer.Loader]: what is new is written together, what the tenant has one by one.
func (u upserts) Load(ctx context.Context, rows iter.Seq2[Draft, error], o *work.LoadOptions) (work.LoadReport, error) {
	var list []Draft
	for d := range rows {
		list = append(list, d)
	}
	did, err := u.Customers.Load(ctx, rows, &LoadOptions{Batch: o.Batch})
	rep := work.LoadReport{Rows: did.Rows, Created: did.Created}
	for _, f := range did.Faults {
		if err != nil {
			break
		}
		err = u.again(ctx, list[f.Row], work.RowFault(f), &rep)
	}
	return rep, err
}

// again brings a row that could not be created into the customer with its external id.
func (u upserts) again(ctx context.Context, d Draft, f work.RowFault, rep *work.LoadReport) error {
	exts := d.parts().Ext
	if !errors.Is(f.Err, &fault.Error{Code: fault.Conflict, Reason: work.ReasonTaken}) || len(exts) == 0 {
		rep.Faults = append(rep.Faults, f)
		return nil
	}
	before, err := u.ByExt(ctx, exts[0])
	if err != nil && !work.OfRow(err) {
		return err
	}
	after, err := u.Upsert(ctx, exts[0], d)
	switch {
	case err != nil && !work.OfRow(err):
		return err
	case err != nil:
		rep.Faults = append(rep.Faults, work.RowFault{Row: f.Row, Err: err})
	case after.ID != before.ID || after.Version != before.Version:
		rep.Updated++
	default:
		rep.Unchanged++
	}
	return nil
}
