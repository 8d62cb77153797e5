package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/pipeline"
)

// opportunityTarget is what a mapping for opportunities may fill.
func opportunityTarget(fields []schema.Field) transfer.Target {
	t := transfer.Target{Entity: pipeline.EntityOpportunity, Required: []string{"customer"}}
	add := func(typ rule.Type, names ...string) {
		for _, name := range names {
			t.Fields = append(t.Fields, schema.Field{Name: name, Type: typ})
		}
	}
	add(rule.TypeText, transfer.FieldExt, "customer", "name")
	add(rule.TypeMoney, "amount")
	add(rule.TypeText, "currency")
	add(rule.TypeDate, "close_date")
	add(rule.TypeText, "product", "pipeline", "stage")
	add(rule.TypeInt, "probability_override")
	add(rule.TypeDate, "opened_on", "closed_on")
	add(rule.TypeText, "lost_reason", "owner_user", "owner_team")
	t.Fields = append(t.Fields, transfer.CustomFields(fields)...)
	return t
}

func opportunityFields() []string {
	var names []string
	for _, f := range opportunityTarget(nil).Fields {
		names = append(names, f.Name)
	}
	return names
}

// opportunityBatch is how many rows one transaction holds.
const opportunityBatch = 1000

// opportunityJob collects one batch after the other.
type opportunityJob struct {
	*importJob
	table     *transfer.Table
	system    string // of the customers' external ids
	customers map[string]ident.ID
	report    transfer.Report
	batch     []pipeline.OpportunityDraft
	lines     []int // of the drafts
	faults    []transfer.Fault
	rows, bad int
}

func importOpportunities(ctx context.Context, im *importJob) (transfer.Report, error) {
	j := opportunityJob{importJob: im, system: cmp.Or(im.m.Customers, im.m.System), customers: map[string]ident.ID{}}
	j.report.Faults = []transfer.Fault{}
	if im.m.Kind != "" {
		return j.report, fault.Field("kind", "is for customers only")
	}
	fields, err := im.s.Schema.Fields(ctx, pipeline.EntityOpportunity)
	if err != nil {
		return j.report, err
	}
	if j.table, err = transfer.OpenTable(im.file, im.m, opportunityTarget(fields), transfer.Format{}); err != nil {
		return j.report, err
	}
	j.report.Unmapped = j.table.Unmapped()
	for rec, err := range j.table.Records() {
		if err != nil {
			return j.report, errors.Join(err, j.flush(ctx))
		}
		if err := j.add(ctx, rec); err != nil {
			return j.report, err
		}
		if j.rows == opportunityBatch {
			if err := j.flush(ctx); err != nil {
				return j.report, err
			}
		}
	}
	return j.report, j.flush(ctx)
}

// add reads one row.
func (j *opportunityJob) add(ctx context.Context, rec *transfer.Record) error {
	d := read(rec)
	if len(rec.Faults) == 0 {
		var err error
		if d.Customer, err = j.customer(ctx, rec); err != nil {
			return err
		}
	}
	j.rows++
	if len(rec.Faults) > 0 {
		j.bad++
		j.faults = append(j.faults, rec.Faults...)
	} else {
		j.batch, j.lines = append(j.batch, d), append(j.lines, rec.Row)
	}
	return nil
}

// read makes a draft of a record; the customer comes later. It is incomplete when the record has faults.
func read(rec *transfer.Record) pipeline.OpportunityDraft {
	d := pipeline.OpportunityDraft{
		Name: rec.Text("name"), Amount: rec.Value("amount").Money(), CloseDate: rec.Value("close_date").Date(), Product: rec.Text("product"),
		Pipeline: rec.Text("pipeline"), Stage: rec.Text("stage"), OpenedOn: rec.Value("opened_on").Date(), Ext: rec.Ext(),
		OwnerUser: rec.Text("owner_user"), OwnerTeam: rec.Text("owner_team"), Custom: rec.Custom(),
		ClosedOn: rec.Value("closed_on").Date(), LostReason: rec.Text("lost_reason"),
	}
	if v := rec.Value("probability_override"); !v.IsBlank() {
		d.Override = new(v.Int())
	}
	return d
}

// customer finds the customer by its external id; one that is not there is a fault of the row.
func (j *opportunityJob) customer(ctx context.Context, rec *transfer.Record) (ident.ID, error) {
	ext := rec.Text("customer")
	if ext == "" {
		rec.Fault("customer", "must not be blank")
		return ident.ID{}, nil
	}
	id, known := j.customers[ext]
	if !known {
		found, err := j.s.Customers.ByExt(ctx, ident.Ext{System: j.system, ID: ext})
		switch fault.CodeOf(err) {
		case "", fault.NotFound, fault.Invalid:
		default:
			return ident.ID{}, err
		}
		id = found.ID
		j.customers[ext] = id
	}
	if id.IsZero() {
		rec.Fault("customer", "no customer has this id in system %q: import the customers first", j.system)
	}
	return id, nil
}

// flush writes the batch and adds what became of it to the report.
func (j *opportunityJob) flush(ctx context.Context) error {
	var did work.LoadReport
	if len(j.batch) > 0 {
		err := j.inTx(ctx, func(ctx context.Context, s *crm.Session) (err error) {
			did, err = s.Opportunities.Load(ctx, j.all(), &work.LoadOptions{History: j.m.History, Batch: len(j.batch)})
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, f := range did.Faults {
		j.faults = append(j.faults, j.table.Refused(j.lines[f.Row], f.Err, nil)...)
	}
	slices.SortStableFunc(j.faults, func(a, b transfer.Fault) int { return cmp.Compare(a.Row, b.Row) })
	r := &j.report
	r.Rows += j.rows
	r.Created += did.Created
	r.Updated += did.Updated
	r.Unchanged += did.Unchanged
	r.Rejected += j.bad + len(did.Faults)
	r.Blank = j.table.Blank()
	r.Faults = append(r.Faults, j.faults...)
	j.batch, j.lines, j.faults, j.rows, j.bad = j.batch[:0], j.lines[:0], nil, 0, 0
	j.progress(*r)
	return nil
}

func (j *opportunityJob) all() iter.Seq2[pipeline.OpportunityDraft, error] {
	return func(yield func(pipeline.OpportunityDraft, error) bool) {
		for _, d := range j.batch {
			if !yield(d, nil) {
				return
			}
		}
	}
}
