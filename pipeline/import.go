package pipeline

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

var (
	leadRows        = transfer.RowsOf(leadKind, leadDraft)
	opportunityKind = &work.Kind{Entity: schema.Of[Opportunity](EntityOpportunity)}
	opportunityRows = transfer.RowsOf(opportunityKind, schema.PatchOf[Opportunity, importRow](opportunityKind.Entity)).WithHistory()
)

// ImportForms returns what rows of files can hold for leads and opportunities.
func ImportForms() []transfer.Form { return []transfer.Form{leadRows.Form, opportunityRows.Form} }

// Import returns the target of files whose rows are leads. A lead has no id in another system: rows with the column "id"
// keep their ids, and importing them again refuses them.
func (l Leads) Import() transfer.Target {
	return transfer.Of(leadRows, l.m.leads.Engine(), l.scope, l.m.Leads)
}

// Import returns the target of files whose rows are opportunities. A row with a known external id updates.
func (o Opportunities) Import() transfer.Target {
	return transfer.Of(opportunityRows, o.svc.cfg.Engine, &o.scope, func(s *work.Scope) loader { return loader{o.svc.Opportunities(*s)} })
}

type importRow struct {
	ID         ident.ID
	Ext        ident.Ext `crm:"-"`
	Customer   ident.ID
	Name       string
	Amount     money.Amount
	CloseDate  date.Date
	Product    string
	Pipeline   string
	Stage      string
	Override   *int64
	OpenedOn   date.Date
	ClosedOn   date.Date
	LostReason string
	OwnerUser  string
	OwnerTeam  string
	Custom     []schema.Set
}

type loader struct{ Opportunities }

func (l loader) Load(ctx context.Context, rows iter.Seq2[importRow, error], o *work.LoadOptions) (work.LoadReport, error) {
	n := 0
	did, err := l.Opportunities.Load(ctx, func(yield func(Row, error) bool) {
		for r := range rows {
			row := Row{Line: n, ClosedOn: r.ClosedOn, LostReason: r.LostReason, Draft: OpportunityDraft{
				ID: r.ID, Ext: r.Ext, Customer: r.Customer, Name: r.Name, Amount: r.Amount, CloseDate: r.CloseDate, Product: r.Product,
				Pipeline: r.Pipeline, Stage: r.Stage, Override: r.Override, OpenedOn: r.OpenedOn, OwnerUser: r.OwnerUser, OwnerTeam: r.OwnerTeam, Custom: r.Custom,
			}}
			n++
			if !yield(row, nil) {
				return
			}
		}
	}, LoadOptions{History: o.History, Batch: o.Batch})
	rep := work.LoadReport{Rows: n, Created: did.Created, Updated: did.Updated, Unchanged: did.Unchanged}
	for _, f := range did.Faults {
		x := fault.New(f.Code, "%s", f.Message)
		x.Field = f.Field
		rep.Faults = append(rep.Faults, work.RowFault{Row: f.Line, Err: x})
	}
	return rep, err
}
