package pipeline

import (
	"context"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// load takes the rows of one batch: the new ones together, the others one by one.
func (o Opportunities) load(ctx context.Context, drafts []OpportunityDraft, in intake) ([]work.Result, error) {
	in.pipelines = map[string]*Pipeline{}
	fresh, err := o.fresh(ctx, drafts, &in)
	if err != nil {
		return nil, err
	}
	out, done := make([]work.Result, len(drafts)), make([]bool, len(drafts))
	verbs := make([]work.Verb[Opportunity], len(fresh))
	for n, i := range fresh {
		verbs[n] = o.m.newOpportunity(&drafts[i], &in)
	}
	var faults []error
	if len(verbs) > 0 {
		if faults, err = o.m.opportunities.CreateAll(ctx, o.scope, verbs, nil); err != nil {
			return nil, err
		}
	}
	for n, i := range fresh {
		out[i].Err, done[i] = faults[n], !work.IsTaken(faults[n]) // by another writer, so it is known by now
	}
	for i := range drafts {
		if done[i] {
			continue
		}
		if out[i], err = o.loadOne(ctx, &drafts[i], &in); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fresh lists the rows that are certainly new: those without an id, and with an external id that neither the database nor
// an earlier row has. It asks for the pipelines that they name, since a batch asks nobody. What that stores belongs to the
// whole batch, not to a row.
func (o Opportunities) fresh(ctx context.Context, drafts []OpportunityDraft, in *intake) ([]int, error) {
	return work.View(ctx, o.m.engine, *o.scope, "opportunity: load", EntityOpportunity, func(ctx context.Context, c *work.Call) (list []int, err error) {
		var exts []ident.Ext
		for i := range drafts {
			if ext := drafts[i].Ext; ext.Validate() == nil {
				exts = append(exts, ext)
			}
		}
		known, err := o.m.opportunityStore.Known(ctx, c, exts)
		if err != nil {
			return nil, err
		}
		for i := range drafts {
			d := &drafts[i]
			if !d.ID.IsZero() || known[d.Ext] {
				continue
			}
			known[d.Ext] = !d.Ext.IsZero()
			list = append(list, i)
			if _, asked := in.pipelines[d.Pipeline]; asked {
				continue
			}
			if in.pipelines[d.Pipeline], err = o.m.pinned(ctx, c, d.Pipeline, 0); err != nil && fault.CodeOf(err) != fault.Invalid {
				return nil, err
			}
		}
		return list, nil
	})
}

func (o Opportunities) loadOne(ctx context.Context, d *OpportunityDraft, in *intake) (did work.Result, err error) {
	if d.Ext.IsZero() {
		v := o.m.newOpportunity(d, in)
		v.Name = "load"
		_, did.Err = o.m.opportunities.Create(ctx, o.scope, v)
	} else if did.Err = fault.Under("ext", d.Ext.Validate()); did.Err == nil {
		_, did.Outcome, did.Err = o.upsert(ctx, "load", d, in)
	}
	if did.Err != nil && !work.OfRow(did.Err) {
		err = did.Err
	}
	return did, err
}
