package suite_test

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/pipeline"
)

func (w *world) lead() pipeline.Lead {
	return must[pipeline.Lead](w)(w.s.Leads.Create(w.Context(), pipeline.LeadDraft{Customer: w.person().ID, Origin: "fair"}))
}

// lead is a method that is called with a lead, after verbs of others.
func lead(name string, is nature, do func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error),
	before ...func(ctx context.Context, l pipeline.Leads, id ident.ID) (any, error),
) verb {
	return verb{name: name, is: is, arrange: func(w *world) call {
		l := w.lead()
		for _, prepare := range before {
			must[any](w)(prepare(w.Context(), w.s.Leads, l.ID))
		}
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, s, &l) }
	}}
}

func disqualified(ctx context.Context, l pipeline.Leads, id ident.ID) (any, error) {
	return on(l.Disqualify(ctx, id, "no-budget"))
}

func deletedLead(ctx context.Context, l pipeline.Leads, id ident.ID) (any, error) {
	return only(l.Delete(ctx, id, schema.AnyVersion))
}

var leadVerbs = []verb{
	{name: "Leads.Create", is: writes, arrange: func(w *world) call {
		c := w.person()
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Leads.Create(ctx, pipeline.LeadDraft{Customer: c.ID}))
		}
	}},
	lead("Leads.Load", batches, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return on(s.Leads.Load(ctx, rowsOf(pipeline.LeadDraft{Customer: l.Customer}, pipeline.LeadDraft{Customer: l.Customer}), nil))
	}),
	lead("Leads.Get", reads, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return on(s.Leads.Get(ctx, l.ID))
	}),
	lead("Leads.Page", reads, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return on(s.Leads.Page(ctx, pipeline.LeadFilter{Customer: l.Customer, Query: few}))
	}),
	lead("Leads.All", reads, func(ctx context.Context, s *crm.Session, _ *pipeline.Lead) (any, error) {
		return all(s.Leads.All(ctx, pipeline.LeadFilter{Query: page.Query{Limit: 200}}))
	}),
	lead("Leads.History", reads, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return on(s.Leads.History(ctx, l.ID))
	}),
	lead("Leads.Update", writes, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return on(s.Leads.Update(ctx, l.ID, l.Version, pipeline.LeadUpdate{Origin: new("web")}))
	}),
	lead("Leads.Work", writes, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return on(s.Leads.Work(ctx, l.ID))
	}),
	lead("Leads.Qualify", writes, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return on(s.Leads.Qualify(ctx, l.ID))
	}),
	lead("Leads.Disqualify", writes, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return on(s.Leads.Disqualify(ctx, l.ID, "no-budget"))
	}),
	lead("Leads.Reopen", writes, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return on(s.Leads.Reopen(ctx, l.ID))
	}, disqualified),
	{name: "Leads.Convert", is: writes, arrange: func(w *world) call {
		c, l := w.person(), must[pipeline.Lead](w)(w.s.Leads.Create(w.Context(), pipeline.LeadDraft{Origin: "fair"}))
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Leads.Convert(ctx, l.ID, pipeline.ConvertOptions{Customer: c.ID, Draft: &pipeline.OpportunityDraft{Name: "50 seats"}}))
		}
	}},
	lead("Leads.Delete", writes, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return only(s.Leads.Delete(ctx, l.ID, l.Version))
	}),
	lead("Leads.Restore", writes, func(ctx context.Context, s *crm.Session, l *pipeline.Lead) (any, error) {
		return on(s.Leads.Restore(ctx, l.ID))
	}, deletedLead),
}

func (w *world) dealDraft() pipeline.OpportunityDraft {
	return pipeline.OpportunityDraft{Customer: w.person().ID, Name: "50 seats", Amount: money.MustParse("7000 EUR"), Ext: ident.Ext{System: "erp", ID: w.next()}}
}

func (w *world) deal() pipeline.Opportunity {
	return must[pipeline.Opportunity](w)(w.s.Opportunities.Create(w.Context(), w.dealDraft()))
}

// deal is a method that is called with an opportunity, after verbs of others.
func deal(name string, is nature, do func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error),
	before ...func(ctx context.Context, o pipeline.Opportunities, id ident.ID) (any, error),
) verb {
	return verb{name: name, is: is, arrange: func(w *world) call {
		o := w.deal()
		for _, prepare := range before {
			must[any](w)(prepare(w.Context(), w.s.Opportunities, o.ID))
		}
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, s, &o) }
	}}
}

func won(ctx context.Context, o pipeline.Opportunities, id ident.ID) (any, error) {
	return on(o.Win(ctx, id))
}

func deletedDeal(ctx context.Context, o pipeline.Opportunities, id ident.ID) (any, error) {
	return only(o.Delete(ctx, id, schema.AnyVersion))
}

var opportunityVerbs = []verb{
	{name: "Opportunities.Create", is: writes, arrange: func(w *world) call {
		d := w.dealDraft()
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Opportunities.Create(ctx, d)) }
	}},
	{name: "Opportunities.Load", is: batches, arrange: func(w *world) call {
		a, b := w.dealDraft(), w.dealDraft()
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Opportunities.Load(ctx, rowsOf(a, b), nil))
		}
	}},
	deal("Opportunities.Get", reads, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.Get(ctx, o.ID))
	}),
	deal("Opportunities.ByExt", reads, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.ByExt(ctx, o.Ext))
	}),
	deal("Opportunities.Page", reads, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.Page(ctx, pipeline.OpportunityFilter{Customer: o.Customer, Query: few}))
	}),
	deal("Opportunities.All", reads, func(ctx context.Context, s *crm.Session, _ *pipeline.Opportunity) (any, error) {
		return all(s.Opportunities.All(ctx, pipeline.OpportunityFilter{Query: page.Query{Limit: 200}}))
	}),
	deal("Opportunities.History", reads, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.History(ctx, o.ID))
	}),
	deal("Opportunities.Update", writes, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.Update(ctx, o.ID, o.Version, pipeline.OpportunityUpdate{Name: new("60 seats")}))
	}),
	deal("Opportunities.Upsert", writes, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.Upsert(ctx, o.Ext, pipeline.OpportunityDraft{Customer: o.Customer, Name: "70 seats"}))
	}),
	deal("Opportunities.Move", writes, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.Move(ctx, o.ID, "qualification"))
	}),
	deal("Opportunities.Win", writes, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.Win(ctx, o.ID))
	}),
	deal("Opportunities.Lose", writes, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.Lose(ctx, o.ID, "price"))
	}),
	deal("Opportunities.Reopen", writes, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.Reopen(ctx, o.ID, "qualification"))
	}, won),
	{name: "Opportunities.SwitchVersion", is: writes, arrange: func(w *world) call {
		ctx, key := w.Context(), w.next()
		must[pipeline.Pipeline](w)(w.s.Pipelines.Define(ctx, selling(key, "first")))
		d := w.dealDraft()
		d.Pipeline = key
		o := must[pipeline.Opportunity](w)(w.s.Opportunities.Create(ctx, d))
		p := must[pipeline.Pipeline](w)(w.s.Pipelines.Define(ctx, selling(key, "second")))
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Opportunities.SwitchVersion(ctx, o.ID, p.Version, "asked"))
		}
	}},
	deal("Opportunities.Delete", writes, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return only(s.Opportunities.Delete(ctx, o.ID, o.Version))
	}),
	deal("Opportunities.Restore", writes, func(ctx context.Context, s *crm.Session, o *pipeline.Opportunity) (any, error) {
		return on(s.Opportunities.Restore(ctx, o.ID))
	}, deletedDeal),
}

func selling(key, name string) pipeline.Definition {
	return pipeline.Definition{Key: key, Name: name, Stages: []pipeline.Stage{
		{Key: "asked", Probability: 1000},
		{Key: "won", Category: pipeline.Won, Probability: pipeline.Full},
		{Key: "lost", Category: pipeline.Lost},
	}}
}

// defined is a method that is called with the key of a pipeline.
func defined(name string, is nature, do func(ctx context.Context, s *crm.Session, key string) (any, error)) verb {
	return verb{name: name, is: is, arrange: func(w *world) call {
		key := w.next()
		must[pipeline.Pipeline](w)(w.s.Pipelines.Define(w.Context(), selling(key, "first")))
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, s, key) }
	}}
}

var pipelineVerbs = []verb{
	defined("Pipelines.Define", writes, func(ctx context.Context, s *crm.Session, key string) (any, error) {
		return on(s.Pipelines.Define(ctx, selling(key, "second")))
	}),
	defined("Pipelines.Get", reads, func(ctx context.Context, s *crm.Session, key string) (any, error) {
		return on(s.Pipelines.Get(ctx, key, 0))
	}),
	defined("Pipelines.Page", reads, func(ctx context.Context, s *crm.Session, _ string) (any, error) {
		return on(s.Pipelines.Page(ctx, few))
	}),
	defined("Pipelines.All", reads, func(ctx context.Context, s *crm.Session, _ string) (any, error) {
		return all(s.Pipelines.All(ctx, page.Query{Limit: 200}))
	}),
}
