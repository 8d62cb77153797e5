package crm_test

import (
	"context"
	"testing"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

// slot is a place where a caller can put text, and the field that a fault about it names.
type slot struct {
	name  string
	field string
	put   func(ctx context.Context, s *crm.Session, text string) error
}

// pasted makes the attacks on every slot: each gets what no text field takes.
func pasted(slots []slot) (out []attack) {
	for _, sl := range slots {
		for what, text := range map[string]string{"NUL": nul, "UTF-8": badUTF8, "control": control, "10 MB": huge} {
			out = append(out, invalid(sl.name+" "+what, sl.field, func(ctx context.Context, s *crm.Session) error {
				return sl.put(ctx, s, text)
			}))
		}
	}
	return out
}

func TestTextNobodyCanStoreIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		x.withstand(t, pasted(x.customerSlots()))
		x.withstand(t, pasted(x.conversationSlots()))
		x.withstand(t, pasted(x.pipelineSlots()))
		x.withstand(t, pasted(x.caseSlots()))
		x.withstand(t, pasted(x.privacySlots()))
		x.withstand(t, pasted(x.frameSlots()))
	})
}

func (x *target) customerSlots() []slot {
	create := func(d func(text string) customer.Draft) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, text string) error {
			_, err := s.Customers.Create(ctx, d(text))
			return err
		}
	}
	update := func(u func(text string) customer.Update) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, text string) error {
			_, err := s.Customers.Update(ctx, x.person.ID, 0, u(text))
			return err
		}
	}
	point := func(d func(text string) customer.PointDraft) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, text string) error {
			_, err := s.Customers.AddPoint(ctx, x.person.ID, 0, d(text))
			return err
		}
	}
	return []slot{
		{"person.given", "given", create(func(v string) customer.Draft { return customer.PersonDraft{Given: v} })},
		{"person.family", "family", create(func(v string) customer.Draft { return customer.PersonDraft{Family: v} })},
		{"person.name", "name", create(func(v string) customer.Draft { return customer.PersonDraft{Name: v} })},
		{"organization.name", "name", create(func(v string) customer.Draft { return customer.OrganizationDraft{Name: v} })},
		{"group.name", "name", create(func(v string) customer.Draft { return customer.GroupDraft{Name: v} })},
		{"language", "language", create(func(v string) customer.Draft { return customer.PersonDraft{Given: "A", Language: v} })},
		{"country", "country", create(func(v string) customer.Draft { return customer.PersonDraft{Given: "A", Country: v} })},
		{"owner_user", "owner_user", create(func(v string) customer.Draft { return customer.PersonDraft{Given: "A", OwnerUser: v} })},
		{"owner_team", "owner_team", create(func(v string) customer.Draft { return customer.PersonDraft{Given: "A", OwnerTeam: v} })},
		{"ext.system", "ext[0].system", create(func(v string) customer.Draft {
			return customer.PersonDraft{Ext: []ident.Ext{{System: v, ID: "1"}}}
		})},
		{"ext.id", "ext[0].id", create(func(v string) customer.Draft {
			return customer.PersonDraft{Ext: []ident.Ext{{System: "s", ID: v}}}
		})},
		{"points.value", "points[0].value", create(func(v string) customer.Draft {
			return customer.PersonDraft{Points: []customer.PointDraft{{Channel: privacy.ByPost, Value: v}}}
		})},
		{"points.channel", "points[0].channel", create(func(v string) customer.Draft {
			return customer.PersonDraft{Points: []customer.PointDraft{{Channel: personal.Channel(v), Value: "x"}}}
		})},
		{"custom value", "custom.c_text", create(func(v string) customer.Draft {
			return customer.PersonDraft{Given: "A", Custom: []schema.Set{schema.NewKey[string]("c_text").Set(v)}}
		})},
		{"custom list", "custom.c_texts", create(func(v string) customer.Draft {
			return customer.PersonDraft{Given: "A", Custom: []schema.Set{schema.NewKey[[]string]("c_texts").Set([]string{v})}}
		})},
		{"custom key", "", create(func(v string) customer.Draft {
			return customer.PersonDraft{Given: "A", Custom: []schema.Set{schema.NewSet(v, rule.Text("x"))}}
		})},
		{"upsert ext", "ext.id", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Customers.Upsert(ctx, ident.Ext{System: "s", ID: v}, customer.PersonDraft{})
			return err
		}},
		{"update name", "name", update(func(v string) customer.Update { return customer.Update{Name: &v} })},
		{"update language", "language", update(func(v string) customer.Update { return customer.Update{Language: &v} })},
		{"update owner", "owner_user", update(func(v string) customer.Update { return customer.Update{OwnerUser: &v} })},
		{"update add_ext", "add_ext[0].id", update(func(v string) customer.Update {
			return customer.Update{AddExt: []ident.Ext{{System: "s", ID: v}}}
		})},
		{"update clear", "clear[0]", update(func(v string) customer.Update { return customer.Update{Clear: []string{v}} })},
		{"point email", "value", point(func(v string) customer.PointDraft { return customer.PointDraft{Channel: privacy.ByEmail, Value: v} })},
		{"point phone", "value", point(func(v string) customer.PointDraft { return customer.PointDraft{Channel: privacy.ByPhone, Value: v} })},
		{"point label", "label", point(func(v string) customer.PointDraft {
			return customer.PointDraft{Channel: privacy.ByPost, Value: "x", Label: v}
		})},
		{"update point", "label", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Customers.UpdatePoint(ctx, x.person.ID, 0, x.person.Points[0].ID, customer.PointUpdate{Label: &v})
			return err
		}},
		{"lifecycle stage", "stage", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Customers.MoveLifecycle(ctx, x.person.ID, v, "because")
			return err
		}},
		{"lifecycle reason", "reason", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Customers.MoveLifecycle(ctx, x.person.ID, customer.StageLost, v)
			return err
		}},
		{"by ext", "ext.id", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Customers.ByExt(ctx, ident.Ext{System: "erp", ID: v})
			return err
		}},
		{"by ext system", "ext.system", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Customers.ByExt(ctx, ident.Ext{System: v, ID: "1"})
			return err
		}},
		{"by point", "value", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Customers.ByPoint(ctx, privacy.ByEmail, v)
			return err
		}},
		{"search", "text", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Customers.Search(ctx, v, 0)
			return err
		}},
		{"kinds", "kind", x.page(func(v string) customer.Filter { return customer.Filter{Kinds: []customer.Kind{customer.Kind(v)}} })},
		{"lifecycle", "lifecycle", x.page(func(v string) customer.Filter { return customer.Filter{Lifecycle: []string{v}} })},
		{"filter owner", "owner_user", x.page(func(v string) customer.Filter { return customer.Filter{OwnerUser: v} })},
		{"filter team", "owner_team", x.page(func(v string) customer.Filter { return customer.Filter{OwnerTeam: v} })},
		{"sort", "sort", x.page(func(v string) customer.Filter { return customer.Filter{Query: page.Query{Sort: v}} })},
		{"cursor", "cursor", x.page(func(v string) customer.Filter { return customer.Filter{Query: page.Query{Cursor: v}} })},
		{"where", "", x.page(func(v string) customer.Filter { return customer.Filter{Query: page.Query{Where: page.Where{Expr: v}}} })},
		{"where arg", "where.args.x", x.page(func(v string) customer.Filter {
			return customer.Filter{Query: page.Query{Where: page.Where{Expr: "country == x", Args: map[string]any{"x": v}}}}
		})},
		{"where list arg", "where.args.x", x.page(func(v string) customer.Filter {
			return customer.Filter{Query: page.Query{Where: page.Where{Expr: "country in x", Args: map[string]any{"x": []string{"DE", v}}}}}
		})},
		{"where arg name", "", x.page(func(v string) customer.Filter {
			return customer.Filter{Query: page.Query{Where: page.Where{Expr: "country == 'DE'", Args: map[string]any{v: "x"}}}}
		})},
		{"count owner", "owner_user", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Customers.Count(ctx, customer.Filter{OwnerUser: v})
			return err
		}},
		{"timeline cursor", "cursor", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Interactions.Timeline(ctx, x.person.ID, page.Query{Cursor: v})
			return err
		}},
	}
}

// page makes a slot of a list of customers.
func (x *target) page(f func(text string) customer.Filter) func(context.Context, *crm.Session, string) error {
	return func(ctx context.Context, s *crm.Session, text string) error {
		_, err := s.Customers.Page(ctx, f(text))
		return err
	}
}

func (x *target) conversationSlots() []slot {
	log := func(set func(d *activity.InteractionDraft, v string)) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			d := activity.InteractionDraft{
				Channel: privacy.ByPhone, Direction: activity.Inbound, Participants: []activity.Participant{{Customer: x.person.ID}},
			}
			set(&d, v)
			_, err := s.Interactions.Log(ctx, d)
			return err
		}
	}
	relate := func(set func(d *customer.RelationshipDraft, v string)) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			d := customer.RelationshipDraft{Type: customer.Partner, From: x.person.ID, To: x.firm.ID}
			set(&d, v)
			_, err := s.Customers.Relate(ctx, d)
			return err
		}
	}
	relations := func(f func(v string) customer.RelationFilter) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Customers.Relations(ctx, x.person.ID, f(v))
			return err
		}
	}
	list := func(f func(v string) activity.InteractionFilter) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Interactions.Page(ctx, f(v))
			return err
		}
	}
	return []slot{
		{"log channel", "channel", log(func(d *activity.InteractionDraft, v string) { d.Channel = personal.Channel(v) })},
		{"log direction", "direction", log(func(d *activity.InteractionDraft, v string) { d.Direction = activity.Direction(v) })},
		{"log subject", "subject", log(func(d *activity.InteractionDraft, v string) { d.Subject = v })},
		{"log body", "body", log(func(d *activity.InteractionDraft, v string) { d.Body = v })},
		{"log outcome", "outcome", log(func(d *activity.InteractionDraft, v string) { d.Outcome = v })},
		{"log role", "participants[0].role", log(func(d *activity.InteractionDraft, v string) { d.Participants[0].Role = v })},
		{"list channel", "channel", list(func(v string) activity.InteractionFilter {
			return activity.InteractionFilter{Channel: personal.Channel(v)}
		})},
		{"list direction", "direction", list(func(v string) activity.InteractionFilter {
			return activity.InteractionFilter{Direction: activity.Direction(v)}
		})},
		{"relate type", "type", relate(func(d *customer.RelationshipDraft, v string) { d.Type = v })},
		{"relate role", "role", relate(func(d *customer.RelationshipDraft, v string) { d.Role = v })},
		{"relate department", "department", relate(func(d *customer.RelationshipDraft, v string) { d.Department = v })},
		{"relate title", "title", relate(func(d *customer.RelationshipDraft, v string) { d.Title = v })},
		{"relations type", "type", relations(func(v string) customer.RelationFilter { return customer.RelationFilter{Type: v} })},
		{"relations role", "role", relations(func(v string) customer.RelationFilter { return customer.RelationFilter{Role: v} })},
		{"relations department", "department", relations(func(v string) customer.RelationFilter { return customer.RelationFilter{Department: v} })},
	}
}

// frameSlots are those of sessions, the schema, claims, the queue and extensions.
func (x *target) frameSlots() []slot {
	who := func(p ident.Principal, why personal.Purpose) error {
		_, err := x.As(p, why).Customers.Page(context.Background(), customer.Filter{})
		return err
	}
	define := func(set func(d *schema.Definition, v string)) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			d := schema.Definition{Entity: customer.EntityCustomer, Key: "tier", Type: rule.TypeText, Class: personal.None}
			set(&d, v)
			_, err := s.Schema.Define(ctx, d)
			return err
		}
	}
	keys := func(v string) []claim.Key { return []claim.Key{{Namespace: "hall", Key: v}} }
	holder := ident.Ref{Entity: "opportunity", ID: x.opp.ID}
	set := func(u func(v string) tenant.Update) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			return drop(s.Settings.Update(ctx, 0, u(v)))
		}
	}
	return []slot{
		{"zone", "zone", set(func(v string) tenant.Update { return tenant.Update{Zone: &v} })},
		{"zone path", "zone", set(func(v string) tenant.Update { return tenant.Update{Zone: new("../" + v)} })},
		{"currency", "currency", set(func(v string) tenant.Update { return tenant.Update{Currency: &v} })},
		{"language", "language", set(func(v string) tenant.Update { return tenant.Update{Language: &v} })},
		{"tenant", "tenant", func(_ context.Context, _ *crm.Session, v string) error {
			return who(ident.System(v, "a"), privacy.Sales)
		}},
		{"principal", "principal", func(_ context.Context, _ *crm.Session, v string) error {
			return who(ident.User("acme", v, "admin"), privacy.Sales)
		}},
		{"role", "principal", func(_ context.Context, _ *crm.Session, v string) error {
			return who(ident.User("acme", "u", v), privacy.Sales)
		}},
		{"team", "principal", func(_ context.Context, _ *crm.Session, v string) error {
			return who(ident.User("acme", "u", "admin").InTeams(v), privacy.Sales)
		}},
		{"purpose", "purpose", func(_ context.Context, _ *crm.Session, v string) error {
			return who(ident.System("acme", "a"), personal.Purpose(v))
		}},
		{"once", "once", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Once(v).Customers.Create(ctx, customer.OrganizationDraft{Name: "A"})
			return err
		}},
		{"source system", "source", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.From(personal.Source{System: v}).Customers.Create(ctx, customer.OrganizationDraft{Name: "A"})
			return err
		}},
		{"source ref", "source", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.From(personal.Source{System: "a", Ref: v}).Customers.Create(ctx, customer.OrganizationDraft{Name: "A"})
			return err
		}},
		{"define entity", "entity", define(func(d *schema.Definition, v string) { d.Entity = v })},
		{"define key", "key", define(func(d *schema.Definition, v string) { d.Key = v })},
		{"define label", "label", define(func(d *schema.Definition, v string) { d.Label = v })},
		{"define class", "class", define(func(d *schema.Definition, v string) { d.Class = personal.Class(v) })},
		{"define enum", "enum[0]", define(func(d *schema.Definition, v string) { d.Enum = []string{v} })},
		{"fields entity", "entity", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Schema.Fields(ctx, v)
			return err
		}},
		{"claim namespace", "keys[0].namespace", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Claims.Acquire(ctx, claim.Request{Keys: []claim.Key{{Namespace: v, Key: "1"}}, Holder: holder, For: time.Hour})
			return err
		}},
		{"claim key", "keys[0].key", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Claims.Acquire(ctx, claim.Request{Keys: keys(v), Holder: holder, For: time.Hour})
			return err
		}},
		{"claim holder", "holder", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Claims.Acquire(ctx, claim.Request{Keys: keys("1"), Holder: ident.Ref{Entity: v, ID: x.opp.ID}, For: time.Hour})
			return err
		}},
		{"claim swap", "keys[0].key", func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Claims.Swap(ctx, x.claim.ID, keys(v))
			return err
		}},
		{"claim of", "keys[0].key", func(ctx context.Context, s *crm.Session, v string) error {
			_, _, err := s.Claims.Of(ctx, keys(v)[0])
			return err
		}},
		{"disclosed record", "record", func(ctx context.Context, s *crm.Session, v string) error {
			return drop(s.Plugins.Disclosed(ctx, ident.Ref{Entity: v, ID: x.opp.ID}, page.Query{}))
		}},
		{"disclosed record of an object", "record", func(ctx context.Context, s *crm.Session, v string) error {
			return drop(s.Plugins.Disclosed(ctx, ident.Ref{Entity: "object." + v, ID: x.opp.ID}, page.Query{}))
		}},
		{"disclosed cursor", "cursor", func(ctx context.Context, s *crm.Session, v string) error {
			return drop(s.Plugins.Disclosed(ctx, ident.Ref{Entity: "opportunity", ID: x.opp.ID}, page.Query{Cursor: v}))
		}},
		{"records of an object", "entity", func(ctx context.Context, s *crm.Session, v string) error {
			r, err := s.Records("object." + v)
			if err != nil {
				return err
			}
			return drop(r.Page(ctx, page.Query{}))
		}},
		{"fields of an object", "entity", func(ctx context.Context, s *crm.Session, v string) error {
			return drop(s.Schema.Fields(ctx, "object."+v))
		}},
		{"objects", "entity", func(ctx context.Context, s *crm.Session, v string) error {
			return drop(s.Objects(v).Page(ctx, object.Filter{}))
		}},
		{"objects history", "entity", func(ctx context.Context, s *crm.Session, v string) error {
			return drop(s.Objects(v).History(ctx, x.opp.ID))
		}},
		{"replay consumer", "consumer", func(ctx context.Context, s *crm.Session, v string) error {
			return s.Outbox.Replay(ctx, crm.DeadLetter{Consumer: v, Event: x.opp.ID, Kind: event.Kind("x")})
		}},
		{"discard consumer", "consumer", func(ctx context.Context, s *crm.Session, v string) error {
			return s.Outbox.Discard(ctx, crm.DeadLetter{Consumer: v, Event: x.opp.ID})
		}},
	}
}

func (x *target) caseSlots() []slot {
	open := func(set func(d *service.CaseDraft, v string)) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			d := service.CaseDraft{Customer: x.person.ID, Subject: "A"}
			set(&d, v)
			_, err := s.Cases.Open(ctx, d)
			return err
		}
	}
	update := func(u func(v string) service.CaseUpdate) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Cases.Update(ctx, x.kase.ID, 0, u(v))
			return err
		}
	}
	list := func(f func(v string) service.CaseFilter) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			_, err := s.Cases.Page(ctx, f(v))
			return err
		}
	}
	note := func(verb func(c service.Cases, ctx context.Context, id ident.ID, note string) (service.Case, error)) func(context.Context, *crm.Session, string) error {
		return func(ctx context.Context, s *crm.Session, v string) error {
			_, err := verb(s.Cases, ctx, x.kase.ID, v)
			return err
		}
	}
	return []slot{
		{"open type", "type", open(func(d *service.CaseDraft, v string) { d.Type = service.Type(v) })},
		{"open priority", "priority", open(func(d *service.CaseDraft, v string) { d.Priority = service.Priority(v) })},
		{"open subject", "subject", open(func(d *service.CaseDraft, v string) { d.Subject = v })},
		{"open body", "body", open(func(d *service.CaseDraft, v string) { d.Body = v })},
		{"open owner", "owner_user", open(func(d *service.CaseDraft, v string) { d.OwnerUser = v })},
		{"open team", "owner_team", open(func(d *service.CaseDraft, v string) { d.OwnerTeam = v })},
		{"update type", "type", update(func(v string) service.CaseUpdate { typ := service.Type(v); return service.CaseUpdate{Type: &typ} })},
		{"update priority", "priority", update(func(v string) service.CaseUpdate { p := service.Priority(v); return service.CaseUpdate{Priority: &p} })},
		{"update subject", "subject", update(func(v string) service.CaseUpdate { return service.CaseUpdate{Subject: &v} })},
		{"update body", "body", update(func(v string) service.CaseUpdate { return service.CaseUpdate{Body: &v} })},
		{"pause", "note", note(service.Cases.Pause)},
		{"resolve", "note", note(service.Cases.Resolve)},
		{"close", "acceptance", note(service.Cases.Close)},
		{"reopen", "note", note(service.Cases.Reopen)},
		{"escalate", "note", note(func(c service.Cases, ctx context.Context, id ident.ID, v string) (service.Case, error) {
			return c.Escalate(ctx, id, 2, v)
		})},
		{"assign user", "owner_user", note(func(c service.Cases, ctx context.Context, id ident.ID, v string) (service.Case, error) {
			return c.Assign(ctx, id, service.Assignment{User: v})
		})},
		{"assign team", "owner_team", note(func(c service.Cases, ctx context.Context, id ident.ID, v string) (service.Case, error) {
			return c.Assign(ctx, id, service.Assignment{Team: v})
		})},
		{"list state", "state", list(func(v string) service.CaseFilter {
			return service.CaseFilter{States: []service.State{service.State(v)}}
		})},
		{"list type", "type", list(func(v string) service.CaseFilter { return service.CaseFilter{Types: []service.Type{service.Type(v)}} })},
		{"list priority", "priority", list(func(v string) service.CaseFilter { return service.CaseFilter{Priority: service.Priority(v)} })},
		{"list assigned", "owner_user", list(func(v string) service.CaseFilter { return service.CaseFilter{Assigned: service.Assignment{User: v}} })},
	}
}
