package suite_test

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
)

func yes(id ident.ID) privacy.ConsentDraft {
	return privacy.ConsentDraft{
		Subject: id, Purpose: privacy.Marketing, Channel: privacy.ByEmail, Notice: privacy.NoticeOf("newsletter-3", "Yes."), Act: privacy.Ticked,
		Evidence: "form 7",
	}
}

func no(id ident.ID) privacy.ChoiceDraft {
	return privacy.ChoiceDraft{Subject: id, Purpose: privacy.Marketing, Channel: privacy.ByEmail, Evidence: "by phone"}
}

// asked is a method that is called with a customer who has given consent, and with the consent.
func asked(name string, is nature, do func(ctx context.Context, s *crm.Session, c *privacy.Consent) (any, error)) verb {
	return verb{name: name, is: is, arrange: func(w *world) call {
		c := must[privacy.Consent](w)(w.s.Consents.Give(w.Context(), yes(w.person().ID)))
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, s, &c) }
	}}
}

var consentVerbs = []verb{
	of("Consents.Give", writes, func(ctx context.Context, s *crm.Session, c *customer.Customer) (any, error) {
		return on(s.Consents.Give(ctx, yes(c.ID)))
	}),
	asked("Consents.Refuse", writes, func(ctx context.Context, s *crm.Session, c *privacy.Consent) (any, error) {
		return on(s.Consents.Refuse(ctx, no(c.Subject)))
	}),
	asked("Consents.Withdraw", writes, func(ctx context.Context, s *crm.Session, c *privacy.Consent) (any, error) {
		return on(s.Consents.Withdraw(ctx, no(c.Subject)))
	}),
	asked("Consents.Object", writes, func(ctx context.Context, s *crm.Session, c *privacy.Consent) (any, error) {
		return on(s.Consents.Object(ctx, no(c.Subject)))
	}),
	{name: "Consents.Suppress", is: writes, arrange: func(w *world) call {
		address := w.next() + "@example.com"
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Consents.Suppress(ctx, privacy.ByEmail, address, privacy.Requested))
		}
	}},
	asked("Consents.Get", reads, func(ctx context.Context, s *crm.Session, c *privacy.Consent) (any, error) {
		return on(s.Consents.Get(ctx, c.ID))
	}),
	asked("Consents.History", reads, func(ctx context.Context, s *crm.Session, c *privacy.Consent) (any, error) {
		return on(s.Consents.History(ctx, c.Subject, few))
	}),
	asked("Consents.All", reads, func(ctx context.Context, s *crm.Session, c *privacy.Consent) (any, error) {
		return all(s.Consents.All(ctx, c.Subject, page.Query{Limit: 200}))
	}),
	asked("Consents.At", reads, func(ctx context.Context, s *crm.Session, c *privacy.Consent) (any, error) {
		return on(s.Consents.At(ctx, c.Subject, privacy.Marketing, privacy.ByEmail, time.Time{}))
	}),
	asked("Consents.Decide", reads, func(ctx context.Context, s *crm.Session, c *privacy.Consent) (any, error) {
		return on(s.Consents.Decide(ctx, privacy.Request{Subject: c.Subject, Purpose: privacy.Marketing, Channel: privacy.ByEmail}))
	}),
}

// delivered is a method that is called with the key of a message that was sent, and with whom it was sent to.
func delivered(name string, do func(ctx context.Context, s *crm.Session, key string, to ident.ID) (any, error)) verb {
	return verb{name: name, is: reads, arrange: func(w *world) call {
		c, key := must[privacy.Consent](w)(w.s.Consents.Give(w.Context(), yes(w.person().ID))), w.next()
		must[privacy.Decision](w)(w.s.Sends.Deliver(w.Context(), message(key, c.Subject), post))
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, s, key, c.Subject) }
	}}
}

func message(key string, to ident.ID) privacy.Send {
	return privacy.Send{Key: key, Subject: to, Purpose: privacy.Marketing, Channel: privacy.ByEmail}
}

// post is a transport that takes every message.
func post(context.Context, personal.Text) error { return nil }

var sendVerbs = []verb{
	{name: "Sends.Deliver", is: tends, alone: true, arrange: func(w *world) call {
		c, key := must[privacy.Consent](w)(w.s.Consents.Give(w.Context(), yes(w.person().ID))), w.next()
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Sends.Deliver(ctx, message(key, c.Subject), post))
		}
	}},
	delivered("Sends.ByKey", func(ctx context.Context, s *crm.Session, key string, _ ident.ID) (any, error) {
		return on(s.Sends.ByKey(ctx, key))
	}),
	delivered("Sends.Decisions", func(ctx context.Context, s *crm.Session, _ string, to ident.ID) (any, error) {
		return on(s.Sends.Decisions(ctx, to))
	}),
}
