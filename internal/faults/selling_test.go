package faults_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/pipeline"
)

func selling(name string) pipeline.Definition {
	return pipeline.Definition{Key: "booths", Name: name, Stages: []pipeline.Stage{
		{Key: "asked", Probability: 1000},
		{Key: "offered", Probability: 5000, Entry: []pipeline.Gate{{ID: "amount", Expr: "amount != null"}}},
		{Key: "won", Category: pipeline.Won, Probability: pipeline.Full},
		{Key: "lost", Category: pipeline.Lost},
	}}
}

func pipelineSteps() []step {
	return []step{
		{name: "define a pipeline", run: func(ctx context.Context, p *play) error {
			return second(p.once().Pipelines.Define(ctx, selling("Booths")))
		}},
		{name: "create in the first version", run: func(ctx context.Context, p *play) error {
			return second(p.once().Opportunities.Create(ctx, pipeline.OpportunityDraft{ID: p.id("old deal"), Customer: p.id("acme"), Pipeline: "booths"}))
		}},
		{name: "define it anew", run: func(ctx context.Context, p *play) error {
			return second(p.once().Pipelines.Define(ctx, selling("Booths and stands")))
		}},
		{name: "switch to the new version", run: func(ctx context.Context, p *play) error {
			return second(p.once().Opportunities.SwitchVersion(ctx, p.id("old deal"), 2, "asked"))
		}},
		{name: "read pipelines", run: func(ctx context.Context, p *play) error {
			_, err := p.s.Pipelines.Get(ctx, "booths", 1)
			return errors.Join(err, second(p.s.Pipelines.Get(ctx, "booths", 0)), second(p.s.Pipelines.Page(ctx, page.Query{})))
		}},
	}
}

func leadSteps() []step {
	lead := func(verb, name string, do func(ctx context.Context, p *play, l pipeline.Leads) error) step {
		return step{name: verb + " a lead: " + name, run: func(ctx context.Context, p *play) error { return do(ctx, p, p.once().Leads) }}
	}
	create := func(name string) step {
		return lead("create", name, func(ctx context.Context, p *play, l pipeline.Leads) error {
			return second(l.Create(ctx, pipeline.LeadDraft{ID: p.id(name), Customer: p.id("ada"), Origin: "fair"}))
		})
	}
	return []step{
		create("hot"), create("cold"), create("gone"),
		lead("work on", "hot", func(ctx context.Context, p *play, l pipeline.Leads) error { return second(l.Work(ctx, p.id("hot"))) }),
		lead("qualify", "hot", func(ctx context.Context, p *play, l pipeline.Leads) error { return second(l.Qualify(ctx, p.id("hot"))) }),
		lead("convert", "hot", func(ctx context.Context, p *play, l pipeline.Leads) error {
			return second(l.Convert(ctx, p.id("hot"), pipeline.ConvertOptions{Draft: &pipeline.OpportunityDraft{ID: p.id("converted"), Name: "Booth"}}))
		}),
		lead("disqualify", "cold", func(ctx context.Context, p *play, l pipeline.Leads) error {
			return second(l.Disqualify(ctx, p.id("cold"), "no-budget"))
		}),
		lead("reopen", "cold", func(ctx context.Context, p *play, l pipeline.Leads) error { return second(l.Reopen(ctx, p.id("cold"))) }),
		lead("update", "cold", func(ctx context.Context, p *play, l pipeline.Leads) error {
			return second(l.Update(ctx, p.id("cold"), 3, pipeline.LeadUpdate{Score: ptr(int64(7)), OwnerTeam: ptr("apac")}))
		}),
		lead("delete", "gone", func(ctx context.Context, p *play, l pipeline.Leads) error {
			return l.Delete(ctx, p.id("gone"), schema.AnyVersion)
		}),
		lead("restore", "gone", func(ctx context.Context, p *play, l pipeline.Leads) error {
			return second(l.Restore(ctx, p.id("gone")))
		}),
		lead("rehearse an import", "hot", func(ctx context.Context, p *play, _ pipeline.Leads) error {
			m := transfer.Mapping{Entity: pipeline.EntityLead, System: "erp", ByHeader: true, WithoutIDs: true}
			rep, err := transfer.Import(ctx, p.s.Leads.Import(), strings.NewReader("customer,score\n8,1\n9,2\n"), m, &transfer.Options{DryRun: true})
			if err == nil && rep.Created != 2 {
				err = fmt.Errorf("%d rows created: %v", rep.Created, rep.Faults)
			}
			return err
		}),
		lead("read", "hot", func(ctx context.Context, p *play, _ pipeline.Leads) error {
			_, err := p.s.Leads.Get(ctx, p.id("hot"))
			return errors.Join(err, second(p.s.Leads.History(ctx, p.id("hot"))), second(p.s.Leads.Page(ctx, pipeline.LeadFilter{})))
		}),
	}
}

func opportunitySteps() []step {
	euros := func(minor int64) money.Amount { a, _ := money.New(minor, "EUR"); return a }
	on := func(name string, do func(ctx context.Context, p *play, o pipeline.Opportunities) error) step {
		return step{name: name, run: func(ctx context.Context, p *play) error { return do(ctx, p, p.once().Opportunities) }}
	}
	ext := func(id string) ident.Ext { return ident.Ext{System: "erp", ID: id} }
	return []step{
		on("create an opportunity", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			return second(o.Create(ctx, pipeline.OpportunityDraft{ID: p.id("deal"), Customer: p.id("ada"), Name: "Stand", Pipeline: "booths", Ext: ext("o-1")}))
		}),
		on("a gate refuses", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			_, err := o.Move(ctx, p.id("deal"), "offered")
			return expect(err, fault.Gate)
		}),
		on("give it an amount", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			return second(o.Update(ctx, p.id("deal"), 1, pipeline.OpportunityUpdate{Amount: ptr(euros(100_00))}))
		}),
		on("move it", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			return second(o.Move(ctx, p.id("deal"), "offered"))
		}),
		on("win it", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			return second(o.Win(ctx, p.id("deal")))
		}),
		on("reopen it", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			return second(o.Reopen(ctx, p.id("deal"), "asked"))
		}),
		on("lose it", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			return second(o.Lose(ctx, p.id("deal"), "price"))
		}),
		on("upsert an opportunity", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			return second(o.Upsert(ctx, ext("o-2"), pipeline.OpportunityDraft{ID: p.id("synced"), Customer: p.id("acme"), Name: "Synced"}))
		}),
		on("upsert it again", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			return second(o.Upsert(ctx, ext("o-2"), pipeline.OpportunityDraft{Customer: p.id("acme"), Name: "Synced again"}))
		}),
		{name: "load opportunities", run: func(ctx context.Context, p *play) error {
			rows := func(yield func(pipeline.OpportunityDraft, error) bool) {
				for _, name := range []string{"row-1", "row-2"} {
					if !yield(pipeline.OpportunityDraft{ID: p.id(name), Customer: p.id("acme"), Name: name, Ext: ident.Ext{System: "csv", ID: name}}, nil) {
						return
					}
				}
			}
			s := p.s.From(personal.Source{System: "csv", Ref: "1"})
			report, err := s.Opportunities.Load(ctx, rows, nil)
			for _, f := range report.Faults {
				err = errors.Join(err, fmt.Errorf("row %d: %w", f.Row, f.Err))
			}
			return err
		}},
		on("delete an opportunity", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			return o.Delete(ctx, p.id("old deal"), schema.AnyVersion)
		}),
		on("restore an opportunity", func(ctx context.Context, p *play, o pipeline.Opportunities) error {
			return second(o.Restore(ctx, p.id("old deal")))
		}),
		on("read opportunities", func(ctx context.Context, p *play, _ pipeline.Opportunities) error {
			o := p.s.Opportunities
			_, err := o.Get(ctx, p.id("deal"))
			return errors.Join(err, second(o.History(ctx, p.id("deal"))), second(o.ByExt(ctx, ext("o-1"))), second(o.Page(ctx, pipeline.OpportunityFilter{})))
		}),
	}
}
