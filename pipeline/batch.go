package pipeline

import (
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// loadBatch takes the rows of one batch in one transaction: the new ones together, the others one by one.
func (o Opportunities) loadBatch(ctx context.Context, batch []entry, opt LoadOptions) (rep Report, err error) {
	err = o.svc.cfg.Engine.Units.Write(ctx, o.scope.Unit, func(ctx context.Context, u work.Unit) error {
		rep = Report{} // the transaction may run again
		in := o
		in.scope.Unit = u
		list := make([]entry, len(batch))
		copy(list, batch)
		m, fresh, err := in.prepare(ctx, list, opt)
		if err != nil {
			return err
		}
		left, err := in.createAll(ctx, list, fresh, opt, m)
		if err != nil {
			return err
		}
		for _, i := range left {
			list[i].did, list[i].err = in.loadRow(ctx, list[i], opt, m)
		}
		for i := range list {
			if err := rep.count(&list[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return rep, err
}

// prepare looks up what the rows name, and tells which rows are certainly new: those without an id, and with an
// external id that neither the database nor an earlier row has.
func (o Opportunities) prepare(ctx context.Context, list []entry, opt LoadOptions) (*memo, []int, error) {
	m := &memo{customers: map[ident.ID]error{}, pipelines: map[pin]*Pipeline{}}
	fresh, err := work.View(ctx, o.svc.cfg.Engine, o.scope, "opportunity: load", EntityOpportunity,
		func(ctx context.Context, c *work.Call) (fresh []int, err error) {
			if m.zone, err = o.svc.zone(ctx, c); err != nil {
				return nil, err
			}
			var exts []ident.Ext
			for i := range list {
				if e := &list[i]; e.err == nil {
					if e.err = e.row.shape(opt); e.err == nil && !e.row.Draft.Ext.IsZero() {
						exts = append(exts, e.row.Draft.Ext)
					}
				}
			}
			known, err := o.svc.cfg.Store.OpportunitiesByExt(ctx, c, exts)
			if err != nil {
				return nil, err
			}
			for i := range list {
				d := &list[i].row.Draft
				_, old := known[d.Ext]
				if list[i].err != nil || !d.ID.IsZero() || old && !d.Ext.IsZero() {
					continue
				}
				known[d.Ext] = ident.ID{}
				fresh = append(fresh, i)
				if err := m.learn(ctx, c, o.svc, d); err != nil {
					return nil, err
				}
			}
			return fresh, nil
		})
	return m, fresh, err
}

// shape checks what a row may not hold without history.
func (r *Row) shape(opt LoadOptions) error {
	switch {
	case opt.History && r.LostReason != "" && !word.MatchString(r.LostReason):
		return fault.Field("lost_reason", "%s", wordForm)
	case !opt.History && !r.ClosedOn.IsZero():
		return fault.Field("closed_on", "is for history only: set LoadOptions.History")
	case !opt.History && r.LostReason != "":
		return fault.Field("lost_reason", "is for history only: set LoadOptions.History")
	}
	return nil
}

func (r *Row) past(opt LoadOptions) *past {
	if !opt.History {
		return nil
	}
	return &past{closedOn: r.ClosedOn, reason: r.LostReason}
}

// createAll creates the new rows together, and returns the rows that are left. When another writer has taken an
// external id meanwhile, all are left.
func (o Opportunities) createAll(ctx context.Context, list []entry, fresh []int, opt LoadOptions, m *memo) ([]int, error) {
	moves := make([]*Transition, len(fresh))
	faults, err := work.WriteBatch(ctx, o.svc.cfg.Engine, o.scope, work.Batch[Opportunity]{
		Op: "opportunity: load", Entity: EntityOpportunity, Kind: OpportunityCreated, IDs: make([]ident.ID, len(fresh)),
		Apply: func(ctx context.Context, c *work.Call, i int, rec *Opportunity) (err error) {
			row := &list[fresh[i]].row
			moves[i], err = o.svc.begin(ctx, c, rec, row.Draft, row.past(opt), m)
			if err == nil {
				moves[i].Opportunity = rec.ID
			}
			return err
		},
		Save: func(ctx context.Context, c *work.Call, recs []*Opportunity) error {
			byID := make(map[ident.ID]*Transition, len(moves))
			for _, mv := range moves {
				if mv != nil {
					byID[mv.Opportunity] = mv
				}
			}
			made := make([]*Transition, len(recs))
			for i, rec := range recs {
				made[i] = byID[rec.ID].stamp(rec)
			}
			return o.svc.cfg.Store.InsertOpportunities(ctx, c, recs, made)
		},
	})
	together := err == nil
	if err != nil && fault.CodeOf(err) != fault.Conflict {
		return nil, err
	}
	isFresh := map[int]bool{}
	for n, i := range fresh {
		if isFresh[i] = together; together {
			list[i].did, list[i].err = created, faults[n]
		}
	}
	var left []int
	for i := range list {
		if !isFresh[i] && list[i].err == nil {
			left = append(left, i)
		}
	}
	return left, nil
}

func (o Opportunities) loadRow(ctx context.Context, e entry, opt LoadOptions, m *memo) (fate, error) {
	if e.row.Draft.Ext.IsZero() {
		_, err := o.create(ctx, "opportunity: load", e.row.Draft, e.row.past(opt), m)
		return created, err
	}
	_, did, err := o.upsert(ctx, e.row.Draft, e.row.past(opt), m)
	return did, err
}

// count adds one row. It returns an error that is not the row's own.
func (r *Report) count(e *entry) error {
	if e.err == nil {
		switch e.did {
		case created:
			r.Created++
		case updated:
			r.Updated++
		case unchanged:
			r.Unchanged++
		}
		return nil
	}
	f, ok := errors.AsType[*fault.Error](e.err)
	if !ok {
		return e.err
	}
	switch f.Code {
	case fault.Invalid, fault.NotFound, fault.Denied, fault.Gate, fault.Conflict, fault.LimitExceeded:
		r.Faults = append(r.Faults, RowFault{Line: e.row.Line, Code: f.Code, Field: f.Field, Message: f.Message})
		return nil
	}
	return e.err
}

func (r *Report) add(part Report) {
	r.Created += part.Created
	r.Updated += part.Updated
	r.Unchanged += part.Unchanged
	r.Faults = append(r.Faults, part.Faults...)
}
