package service

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

var (
	caseKind = &work.Kind{Entity: schema.Of[Case](EntityCase)}
	caseRows = transfer.RowsOf(caseKind, schema.PatchOf[Case, CaseDraft](caseKind.Entity)).Optional("type", "priority")
)

// ImportForms returns what rows of files can hold for cases.
func ImportForms() []transfer.Form { return []transfer.Form{caseRows.Form} }

// Import returns the target of files whose rows are cases, which are opened as by [Cases.Open]. A case has no id in another
// system: rows with the column "id" keep their ids, and importing them again refuses them.
func (s Cases) Import() transfer.Target {
	return transfer.Of(caseRows, s.svc.cfg.Engine, &s.scope, func(on *work.Scope) loader { return loader{s.svc.Cases(*on)} })
}

type loader struct{ Cases }

func (l loader) Load(ctx context.Context, rows iter.Seq2[CaseDraft, error], _ *work.LoadOptions) (rep work.LoadReport, err error) {
	for d := range rows {
		if _, err := l.Open(ctx, d); err == nil {
			rep.Created++
		} else if work.OfRow(err) {
			rep.Faults = append(rep.Faults, work.RowFault{Row: rep.Rows, Err: err})
		} else {
			return rep, err
		}
		rep.Rows++
	}
	return rep, nil
}
