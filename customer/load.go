package customer

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// DefaultBatch is how many customers one transaction of [Customers.Load] holds when its options do not say.
const DefaultBatch = 5_000

// Load creates many customers, as fast as the database can take them, with the same checks, rows, audit and events
// as by [Customers.Create] one after another. Rows that fail are reported, the others are created; an error that rows
// yields for a row is reported as that row's fault.
//
// Each batch is one transaction (on a session inside a transaction, one savepoint), so batches before an error stay.
// A row whose external id was loaded before is reported as taken.
//
// Errors: Invalid for the options or an idempotency key; Denied; those of the database. The report says what was done
// until then.
func (cs Customers) Load(ctx context.Context, rows iter.Seq2[Draft, error], o *work.LoadOptions) (work.LoadReport, error) {
	return cs.load(ctx, rows, o, cs.loadBatch)
}

func (cs Customers) load(ctx context.Context, rows iter.Seq2[Draft, error], o *work.LoadOptions,
	batch func(ctx context.Context, list []draft) ([]work.Result, error),
) (work.LoadReport, error) {
	const op = "customer: load"
	var opts work.LoadOptions
	if o != nil {
		opts = *o
	}
	if opts.History {
		return work.LoadReport{}, fault.At(op, fault.Field("history", "the stages of customers cannot be loaded"))
	}
	if opts.Batch == 0 {
		opts.Batch = DefaultBatch
	}
	return work.Load(ctx, op, cs.scope, drafts(rows), &opts, batch)
}

// drafts gives the drafts in the form all kinds share; nil stays nil.
func drafts(rows iter.Seq2[Draft, error]) iter.Seq2[draft, error] {
	if rows == nil {
		return nil
	}
	return func(yield func(draft, error) bool) {
		for d, err := range rows {
			var in draft
			if err == nil {
				in, err = partsOf(d)
			}
			if !yield(in, err) {
				return
			}
		}
	}
}

func (cs Customers) loadBatch(ctx context.Context, list []draft) ([]work.Result, error) {
	verbs, given := make([]work.Verb[Customer], len(list)), false
	for i := range list {
		verbs[i] = cs.m.newCustomer(&list[i])
		given = given || !list[i].ID.IsZero()
	}
	faults, err := cs.m.customers.CreateAll(ctx, cs.scope, verbs, func(ctx context.Context, c *work.Call, recs []*Customer) ([]error, error) {
		return cs.m.store.CheckCustomers(ctx, c, recs, given)
	})
	out := make([]work.Result, len(faults))
	for i := range faults {
		out[i].Err = faults[i]
	}
	return out, err
}
