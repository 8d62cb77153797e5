package suite_test

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/service"
)

func complaint(id ident.ID) service.CaseDraft {
	return service.CaseDraft{Customer: id, Subject: "No power", Body: "since the morning"}
}

// about is a method that is called with a case, after verbs of others.
func about(name string, is nature, do func(ctx context.Context, s *crm.Session, c *service.Case) (any, error),
	before ...func(ctx context.Context, c service.Cases, id ident.ID) (service.Case, error),
) verb {
	return verb{name: name, is: is, arrange: func(w *world) call {
		c := must[service.Case](w)(w.s.Cases.Open(w.Context(), complaint(w.person().ID)))
		for _, prepare := range before {
			c = must[service.Case](w)(prepare(w.Context(), w.s.Cases, c.ID))
		}
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, s, &c) }
	}}
}

func paused(ctx context.Context, c service.Cases, id ident.ID) (service.Case, error) {
	return c.Pause(ctx, id, "asked back")
}

func resolved(ctx context.Context, c service.Cases, id ident.ID) (service.Case, error) {
	return c.Resolve(ctx, id, "new cable")
}

var caseVerbs = []verb{
	{name: "Cases.Open", is: writes, arrange: func(w *world) call {
		c := w.person()
		return func(ctx context.Context, s *crm.Session) (any, error) { return on(s.Cases.Open(ctx, complaint(c.ID))) }
	}},
	about("Cases.Load", batches, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Load(ctx, rowsOf(complaint(c.Customer), complaint(c.Customer)), nil))
	}),
	about("Cases.Get", reads, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Get(ctx, c.ID))
	}),
	about("Cases.Page", reads, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Page(ctx, service.CaseFilter{Customer: c.Customer, Query: few}))
	}),
	about("Cases.All", reads, func(ctx context.Context, s *crm.Session, _ *service.Case) (any, error) {
		return all(s.Cases.All(ctx, service.CaseFilter{Query: page.Query{Limit: 200}}))
	}),
	about("Cases.History", reads, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.History(ctx, c.ID))
	}),
	about("Cases.Update", writes, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Update(ctx, c.ID, c.Version, service.CaseUpdate{Subject: new("Still no power"), Priority: new(service.Urgent)}))
	}),
	about("Cases.Start", writes, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Start(ctx, c.ID))
	}),
	about("Cases.Reply", writes, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Reply(ctx, c.ID))
	}),
	about("Cases.Pause", writes, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Pause(ctx, c.ID, "asked back"))
	}),
	about("Cases.Resume", writes, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Resume(ctx, c.ID))
	}, paused),
	about("Cases.Assign", writes, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Assign(ctx, c.ID, service.Assignment{User: "u-4", Team: "emea"}))
	}),
	about("Cases.Escalate", writes, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Escalate(ctx, c.ID, 3, "waits too long"))
	}),
	about("Cases.Resolve", writes, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Resolve(ctx, c.ID, "new cable"))
	}),
	about("Cases.Close", writes, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Close(ctx, c.ID, "thanks"))
	}, resolved),
	about("Cases.Reopen", writes, func(ctx context.Context, s *crm.Session, c *service.Case) (any, error) {
		return on(s.Cases.Reopen(ctx, c.ID, "again"))
	}, resolved),
}
