package crm_test

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
)

func (x *target) opportunitySlots() []slot {
	create := func(set func(d *pipeline.OpportunityDraft, v string)) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			d := pipeline.OpportunityDraft{Customer: x.firm.ID}
			set(&d, v)
			_, err := s.Opportunities.Create(ctx, d)
			return err
		}
	}
	update := func(u func(v string) pipeline.OpportunityUpdate) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Opportunities.Update(ctx, x.opp.ID, 0, u(v))
			return err
		}
	}
	list := func(f func(v string) pipeline.OpportunityFilter) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Opportunities.Page(ctx, f(v))
			return err
		}
	}
	define := func(set func(d *pipeline.Definition, v string)) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			d := pipeline.Standard()
			d.Key, d.Stages = "mine", slices.Clone(d.Stages)
			d.Stages[1].Entry = []pipeline.Gate{{ID: "g", Expr: "amount != null"}}
			set(&d, v)
			_, err := s.Pipelines.Define(ctx, d)
			return err
		}
	}
	return []slot{
		{"opp name", "name", create(func(d *pipeline.OpportunityDraft, v string) { d.Name = v })},
		{"opp product", "product", create(func(d *pipeline.OpportunityDraft, v string) { d.Product = v })},
		{"opp pipeline", "pipeline", create(func(d *pipeline.OpportunityDraft, v string) { d.Pipeline = v })},
		{"opp stage", "stage", create(func(d *pipeline.OpportunityDraft, v string) { d.Stage = v })},
		{"opp owner", "owner_user", create(func(d *pipeline.OpportunityDraft, v string) { d.OwnerUser = v })},
		{"opp team", "owner_team", create(func(d *pipeline.OpportunityDraft, v string) { d.OwnerTeam = v })},
		{"opp ext system", "ext.system", create(func(d *pipeline.OpportunityDraft, v string) { d.Ext = ident.Ext{System: v, ID: "1"} })},
		{"opp ext id", "ext.id", create(func(d *pipeline.OpportunityDraft, v string) { d.Ext = ident.Ext{System: "a", ID: v} })},
		{"opp currency", "amount.currency", create(func(d *pipeline.OpportunityDraft, v string) { d.Amount.Currency = v })},
		{"opp custom", "custom.c_text", create(func(d *pipeline.OpportunityDraft, v string) {
			d.Custom = []schema.Set{schema.NewKey[string]("c_text").Set(v)}
		})},
		{"update name", "name", update(func(v string) pipeline.OpportunityUpdate { return pipeline.OpportunityUpdate{Name: &v} })},
		{"update product", "product", update(func(v string) pipeline.OpportunityUpdate { return pipeline.OpportunityUpdate{Product: &v} })},
		{"update reason", "lost_reason", update(func(v string) pipeline.OpportunityUpdate { return pipeline.OpportunityUpdate{LostReason: &v} })},
		{"update owner", "owner_user", update(func(v string) pipeline.OpportunityUpdate { return pipeline.OpportunityUpdate{OwnerUser: &v} })},
		{"update clear", "clear[0]", update(func(v string) pipeline.OpportunityUpdate { return pipeline.OpportunityUpdate{Clear: []string{v}} })},
		{"move", "stage", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Opportunities.Move(ctx, x.opp.ID, v)
			return err
		}},
		{"lose", "lost_reason", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Opportunities.Lose(ctx, x.opp.ID, v)
			return err
		}},
		{"switch", "stage", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Opportunities.SwitchVersion(ctx, x.opp.ID, 0, v)
			return err
		}},
		{"by ext", "ext.id", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Opportunities.ByExt(ctx, ident.Ext{System: "erp", ID: v})
			return err
		}},
		{"list stage", "stage", list(func(v string) pipeline.OpportunityFilter { return pipeline.OpportunityFilter{Stage: v} })},
		{"list pipeline", "pipeline", list(func(v string) pipeline.OpportunityFilter { return pipeline.OpportunityFilter{Pipeline: v} })},
		{"list cursor", "cursor", list(func(v string) pipeline.OpportunityFilter {
			return pipeline.OpportunityFilter{Query: page.Query{Cursor: v}}
		})},
		{"define key", "key", define(func(d *pipeline.Definition, v string) { d.Key = v })},
		{"define name", "name", define(func(d *pipeline.Definition, v string) { d.Name = v })},
		{"define stage key", "stages[1].key", define(func(d *pipeline.Definition, v string) { d.Stages[1].Key = v })},
		{"define stage name", "stages[1].name", define(func(d *pipeline.Definition, v string) { d.Stages[1].Name = v })},
		{"define category", "stages[1].category", define(func(d *pipeline.Definition, v string) { d.Stages[1].Category = pipeline.Category(v) })},
		{"define gate id", "stages[1].entry[0].id", define(func(d *pipeline.Definition, v string) { d.Stages[1].Entry[0].ID = v })},
		{"define gate expr", "stages[1].entry[0].expr", define(func(d *pipeline.Definition, v string) { d.Stages[1].Entry[0].Expr = v })},
		{"define gate message", "stages[1].entry[0].message", define(func(d *pipeline.Definition, v string) { d.Stages[1].Entry[0].Message = v })},
	}
}

func (x *target) privacySlots() []slot {
	give := func(set func(d *privacy.ConsentDraft, v string)) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			d := x.yes()
			set(&d, v)
			_, err := s.Consents.Give(ctx, d)
			return err
		}
	}
	deliver := func(set func(d *privacy.Send, v string)) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			d := privacy.Send{Key: "k", Subject: x.person.ID, Purpose: privacy.Marketing, Channel: privacy.ByEmail}
			set(&d, v)
			_, err := s.Sends.Deliver(ctx, d, func(context.Context, personal.Text) error { return nil })
			return err
		}
	}
	return []slot{
		{"give purpose", "purpose", give(func(d *privacy.ConsentDraft, v string) { d.Purpose = personal.Purpose(v) })},
		{"give channel", "channel", give(func(d *privacy.ConsentDraft, v string) { d.Channel = personal.Channel(v) })},
		{"give basis", "basis", give(func(d *privacy.ConsentDraft, v string) { d.Basis = privacy.Basis(v) })},
		{"give notice", "notice.id", give(func(d *privacy.ConsentDraft, v string) { d.Notice.ID = v })},
		{"give act", "act", give(func(d *privacy.ConsentDraft, v string) { d.Act = privacy.Act(v) })},
		{"give evidence", "evidence", give(func(d *privacy.ConsentDraft, v string) { d.Evidence = v })},
		{"withdraw evidence", "evidence", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Consents.Withdraw(ctx, privacy.ChoiceDraft{Subject: x.person.ID, Purpose: privacy.Marketing, Evidence: v})
			return err
		}},
		{"at purpose", "purpose", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Consents.At(ctx, x.person.ID, personal.Purpose(v), privacy.ByEmail, x.clock.Now())
			return err
		}},
		{"at channel", "channel", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Consents.At(ctx, x.person.ID, privacy.Marketing, personal.Channel(v), x.clock.Now())
			return err
		}},
		{"suppress address", "value", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Consents.Suppress(ctx, privacy.ByEmail, v, privacy.Requested)
			return err
		}},
		{"suppress cause", "cause", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Consents.Suppress(ctx, privacy.ByEmail, "a@example.com", privacy.Cause(v))
			return err
		}},
		{"send key", "key", deliver(func(d *privacy.Send, v string) { d.Key = v })},
		{"send purpose", "purpose", deliver(func(d *privacy.Send, v string) { d.Purpose = personal.Purpose(v) })},
		{"send channel", "channel", deliver(func(d *privacy.Send, v string) { d.Channel = personal.Channel(v) })},
		{"send by key", "key", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Sends.ByKey(ctx, v)
			return err
		}},
		{"history cursor", "cursor", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Consents.History(ctx, x.person.ID, page.Query{Cursor: v})
			return err
		}},
	}
}

func (x *target) pipelineSlots() []slot { return append(x.leadSlots(), x.opportunitySlots()...) }

func (x *target) leadSlots() []slot {
	create := func(set func(d *pipeline.LeadDraft, v string)) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			var d pipeline.LeadDraft
			set(&d, v)
			_, err := s.Leads.Create(ctx, d)
			return err
		}
	}
	return []slot{
		{"lead origin", "origin", create(func(d *pipeline.LeadDraft, v string) { d.Origin = v })},
		{"lead campaign", "campaign", create(func(d *pipeline.LeadDraft, v string) { d.Campaign = v })},
		{"lead owner", "owner_user", create(func(d *pipeline.LeadDraft, v string) { d.OwnerUser = v })},
		{"lead team", "owner_team", create(func(d *pipeline.LeadDraft, v string) { d.OwnerTeam = v })},
		{"lead update", "origin", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Leads.Update(ctx, x.lead.ID, 0, pipeline.LeadUpdate{Origin: &v})
			return err
		}},
		{"lead disqualify", "reason", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Leads.Disqualify(ctx, x.lead.ID, v)
			return err
		}},
		{"lead states", "state", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Leads.Page(ctx, pipeline.LeadFilter{States: []pipeline.LeadState{pipeline.LeadState(v)}})
			return err
		}},
		{"pipeline get", "key", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Pipelines.Get(ctx, v, 0)
			return err
		}},
	}
}
