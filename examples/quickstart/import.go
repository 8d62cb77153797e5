package main

import (
	"context"
	"maps"
	"slices"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/pipeline"
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
	if out.Organizations, err = im.organizations(ctx); err != nil {
		return out, err
	}
	if out.Persons, err = im.people(ctx); err != nil {
		return out, err
	}
	out.Faults = im.faults
	if err := importOpportunities(ctx, s, im, tell, &out); err != nil {
		return out, err
	}
	if out.Faults == nil {
		out.Faults = []rowFault{}
	}
	tell.say("   %d organizations, %d persons, %d opportunities; %d rows rejected with %d faults.",
		out.Organizations, out.Persons, out.Opportunities, out.Rejected, len(out.Faults))
	summarize(out.Faults, tell)
	return out, nil
}

// definePipeline stores the sales process, unless this version of it is stored already.
func definePipeline(ctx context.Context, s *crm.Session, currency string) error {
	_, err := s.Pipelines.Define(ctx, salesPipeline(currency))
	return err
}

func importOpportunities(ctx context.Context, s *crm.Session, im *importer, tell *story, out *imported) error {
	products, err := catalogue(im.set)
	if err != nil {
		return err
	}
	rd := &reader{set: im.set, customers: im.ids, products: products, seen: map[string]int{}}
	if im.set.opportunities.owner == im.set.persons.id {
		rd.persons = im.persons
	}
	var failed error
	lines := map[int]bool{}
	report, err := s.Opportunities.Load(ctx, rd.load(&out.Faults, &out.Rejected, &failed), pipeline.LoadOptions{
		History:  true,
		Progress: func(n int) { tell.done("opportunities", n) },
	})
	if err != nil {
		return err
	}
	for _, f := range report.Faults {
		out.Faults = append(out.Faults, rowFault{im.set.opportunities.file, f.Line, f.Field, f.Message})
		lines[f.Line] = true
	}
	out.Rejected += len(lines)
	out.Opportunities = report.Created + report.Updated + report.Unchanged
	return failed
}

func catalogue(set dataset) (map[string]bool, error) {
	products := map[string]bool{}
	for x, err := range rows(set.files, set.products.file, set.products.product) {
		if err != nil {
			return nil, err
		}
		products[x.get(set.products.product)] = true
	}
	return products, nil
}

// summarize shows the first fault of each kind of complaint and how many there are.
func summarize(faults []rowFault, tell *story) {
	type kind struct{ file, field string }
	count, first := map[kind]int{}, map[kind]rowFault{}
	for _, f := range faults {
		k := kind{f.File, f.Field}
		if count[k]++; count[k] == 1 {
			first[k] = f
		}
	}
	kinds := slices.SortedFunc(maps.Keys(count), func(a, b kind) int { return count[b] - count[a] })
	for _, k := range kinds {
		f := first[k]
		tell.say("   × %d in %s, column %s; the first in row %d: %s", count[k], k.file, k.field, f.Row, f.Message)
	}
}
