package main

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/privacy"
)

// importAll brings the data set in: fields and pipeline first, then organizations, persons and opportunities. Each
// row becomes a record or a fault.
func importAll(ctx context.Context, c *crm.CRM, me ident.Principal, set dataset, tell *story) (out imported, err error) {
	tell.step("Importing " + set.name)
	s := c.As(me, privacy.Operations).From(personal.Source{System: set.name, Ref: "csv"})
	if err := defineFields(ctx, s); err != nil {
		return out, err
	}
	if err := definePipeline(ctx, s, set.currency); err != nil {
		return out, err
	}
	im := &importer{set: set, session: s}
	organizations, persons, products, opportunities := set.tables()
	steps := []struct {
		table table
		what  string
		into  *int
		do    func(context.Context, table) (tally, error)
	}{
		{organizations, "organizations", &out.Organizations, im.organizations},
		{persons, "persons", &out.Persons, im.people},
		{products, "products", new(int), im.catalogue},
		{opportunities, "opportunities", &out.Opportunities, func(ctx context.Context, t table) (tally, error) {
			return im.opportunities(ctx, t, func(r work.LoadReport) { tell.done("opportunities", r.Rows) })
		}},
	}
	for _, step := range steps {
		n, err := step.do(ctx, step.table)
		if err != nil {
			return out, err
		}
		n.File, *step.into = step.table.file, n.Imported
		out.Files = append(out.Files, n)
		tell.say("   %-18s  %6d rows = %6d %-13s + %5d rejected", n.File, n.Rows, n.Imported, step.what, n.Rejected)
	}
	out.Rejected = out.Files[len(out.Files)-1].Rejected
	out.Faults = sorted(im.faults, out.Files)
	summarize(out.Faults, tell)
	return out, nil
}

// definePipeline stores the sales process, unless this version of it is stored already.
func definePipeline(ctx context.Context, s *crm.Session, currency string) error {
	_, err := s.Pipelines.Define(ctx, salesPipeline(currency))
	return err
}

// opportunities loads the history of the deals.
func (im *importer) opportunities(ctx context.Context, t table, progress func(work.LoadReport)) (n tally, err error) {
	rd := &reader{set: im.set, customers: im.ids, products: im.products, seen: map[string]int{}}
	if im.set.opportunities.owner == im.set.persons.id {
		rd.persons = im.persons
	}
	var failed error
	report, err := im.session.Opportunities.Load(ctx, rd.load(t, &n, &failed), &work.LoadOptions{History: true, Progress: progress})
	if err = errors.Join(err, failed); err != nil {
		return n, err
	}
	im.faults = append(im.faults, rd.faults...)
	for _, f := range report.Faults {
		if why, ok := errors.AsType[*fault.Error](f.Err); ok {
			im.faults = append(im.faults, rowFault{t.file, rd.lines[f.Row], rd.column(why.Field), why.Message})
		}
	}
	n.Imported = report.Created + report.Updated + report.Unchanged
	n.Rejected = n.Rows - n.Imported
	return n, nil
}

// catalogue reads the names of the products.
func (im *importer) catalogue(_ context.Context, t table) (n tally, err error) {
	im.products = map[string]bool{}
	for x, err := range t.rows() {
		if err != nil {
			return n, err
		}
		name := x.get(im.set.products.product)
		if name == "" {
			x.fault(im.set.products.product, "is blank")
		}
		ok := len(x.faults) == 0
		if n.count(ok); ok {
			im.products[name] = true
		}
		im.faults = append(im.faults, x.faults...)
	}
	return n, nil
}

// sorted puts the faults into the order of the files and their rows.
func sorted(faults []rowFault, files []tally) []rowFault {
	place := func(f rowFault) int { return slices.IndexFunc(files, func(t tally) bool { return t.File == f.File }) }
	slices.SortStableFunc(faults, func(a, b rowFault) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Row, b.Row))
	})
	return append([]rowFault{}, faults...) // a list in JSON, even without any
}

// summarize shows the first fault of each column and how many there are.
func summarize(faults []rowFault, tell *story) {
	type kind struct{ file, field string }
	count, first := map[kind]int{}, map[kind]rowFault{}
	var kinds []kind
	for _, f := range faults {
		k := kind{f.File, f.Field}
		if count[k]++; count[k] == 1 {
			first[k], kinds = f, append(kinds, k)
		}
	}
	slices.SortStableFunc(kinds, func(a, b kind) int { return count[b] - count[a] })
	for _, k := range kinds {
		f := first[k]
		tell.say("   × %s, %s: %d, the first in line %d: %s", k.file, k.field, count[k], f.Row, f.Message)
	}
}
