package customer

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

// Import returns the target of files whose rows are customers. A row brings what it holds into the customer with its
// external id, as by [Customers.Upsert], or creates one.
func (cs Customers) Import() transfer.Target {
	return transfer.Of(importRows, cs.m.engine, cs.scope, func(s *work.Scope) upserts { return upserts{cs.m.Customers(s)} })
}

// ImportForms returns what rows of files can hold for customers: the fields of a [PersonDraft], the kind, and contact
// points by channel, each also with a label, as in "phone.work".
func ImportForms() []transfer.Form { return []transfer.Form{importRows.Form} }

var (
	personRows = transfer.RowsOf(customerKind, customerDraft)
	importRows = transfer.Rows[Draft]{Form: importForm(personRows.Form), Read: readDraft, Place: placeOf}
)

// synonyms are what columns are called for people.
var synonyms = map[string][]string{
	"name": {"full name"}, "given": {"first name", "given name"}, "family": {"last name", "family name", "surname"},
}

// channels are the contact points that a column can hold.
var channels = []personal.Channel{personal.ByEmail, personal.ByPhone, personal.BySMS, personal.ByPost, personal.ByPush, personal.BySocial}

func importForm(form transfer.Form) transfer.Form {
	for i := range form.Fields {
		f := &form.Fields[i]
		f.Synonyms = append(f.Synonyms, synonyms[f.Name]...)
	}
	kind, _ := customerKind.Entity.Field("kind")
	kind.Required = false // the mapping may say it for all rows
	form.Fields = append(form.Fields, transfer.Field{Field: kind})
	for _, ch := range channels {
		form.Fields = append(form.Fields, transfer.Field{Field: schema.Field{Name: string(ch), Type: rule.TypeText}, Labelled: true})
	}
	form.Batch, form.Check = DefaultBatch, checkKind
	return form
}

// checkKind requires exactly one place from which the kind of customer comes.
func checkKind(m *transfer.Mapping, v *fault.Violations) {
	_, byColumn := m.Columns["kind"]
	kind := m.Kind
	if kind == "" {
		kind = m.Constants["kind"]
	}
	switch Kind(kind) {
	case Person, Organization, Group:
		if byColumn || m.Kind != "" && m.Constants["kind"] != "" {
			v.Add("kind", "is given twice: leave it out, or leave out the column or constant")
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
	d := personRows.Read(r)
	for _, f := range pointFields(r) {
		channel, label, _ := strings.Cut(f, ".")
		d.Points = append(d.Points, PointDraft{Channel: personal.Channel(channel), Value: r.Text(f), Label: label})
	}
	switch kind := Kind(r.Text("kind")); kind {
	case Person:
		return d
	case Organization, Group:
		return d.named(r, kind)
	case "":
		r.Fault("kind", "must not be blank: want person, organization or group")
	default:
		r.Fault("kind", "want one of person, organization, group")
	}
	return nil
}

// named returns the draft of a customer that has one name only.
func (d *PersonDraft) named(r *transfer.Record, kind Kind) Draft {
	what := map[Kind]string{Organization: "an organization", Group: "a group"}[kind]
	for _, f := range []string{"given", "family"} {
		if r.Text(f) != "" {
			r.Fault(f, "only a person has one, this is %s", what)
		}
	}
	out := OrganizationDraft{
		ID: d.ID, Name: d.Name, Language: d.Language, Country: d.Country, TaxID: d.TaxID, Points: d.Points, Ext: d.Ext,
		Custom: d.Custom, OwnerUser: d.OwnerUser, OwnerTeam: d.OwnerTeam,
	}
	if kind == Group {
		return GroupDraft(out)
	}
	return out
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
	return path
}

// upserts are customers whose load updates those that are there.
type upserts struct{ Customers }

// Load implements [transfer.Loader]: new customers are written together, those that exist are updated one by one.
func (u upserts) Load(ctx context.Context, rows iter.Seq2[Draft, error], o *work.LoadOptions) (work.LoadReport, error) {
	return u.load(ctx, rows, o, u.loadBatch)
}

// loadBatch brings rows that could not be created into the customers with their external ids.
func (u upserts) loadBatch(ctx context.Context, list []draft) ([]work.Result, error) {
	out, err := u.Customers.loadBatch(ctx, list)
	for i := 0; err == nil && i < len(out); i++ {
		d := &list[i]
		if !work.IsTaken(out[i].Err) || len(d.Ext) == 0 {
			continue
		}
		_, out[i].Outcome, out[i].Err = u.upsert(ctx, d.Ext[0], d)
		if out[i].Err != nil && !work.OfRow(out[i].Err) {
			err = out[i].Err
		}
	}
	return out, err
}
