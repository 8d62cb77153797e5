package faults_test

import (
	"context"
	"errors"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

func caseSteps() []step {
	on := func(name string, do func(ctx context.Context, c service.Cases, id ident.ID) error) step {
		return step{name: name, run: func(ctx context.Context, p *play) error { return do(ctx, p.once().Cases, p.id("case")) }}
	}
	open := func(what, name string) step {
		return step{name: "open a " + what, run: func(ctx context.Context, p *play) error {
			return second(p.once().Cases.Open(ctx, service.CaseDraft{
				ID: p.id(name), Customer: p.id("ada"), Type: service.Complaint, Priority: service.Urgent, Subject: "Late", Body: "Very late.",
			}))
		}}
	}
	return []step{
		open("case", "case"),
		on("start it", func(ctx context.Context, c service.Cases, id ident.ID) error { return second(c.Start(ctx, id)) }),
		on("reply", func(ctx context.Context, c service.Cases, id ident.ID) error { return second(c.Reply(ctx, id)) }),
		on("pause it", func(ctx context.Context, c service.Cases, id ident.ID) error {
			return second(c.Pause(ctx, id, "asked back"))
		}),
		on("resume it", func(ctx context.Context, c service.Cases, id ident.ID) error { return second(c.Resume(ctx, id)) }),
		on("escalate it", func(ctx context.Context, c service.Cases, id ident.ID) error {
			return second(c.Escalate(ctx, id, 2, "angry"))
		}),
		on("assign it", func(ctx context.Context, c service.Cases, id ident.ID) error {
			return second(c.Assign(ctx, id, service.Assignment{User: "u-9"}))
		}),
		on("write it anew", func(ctx context.Context, c service.Cases, id ident.ID) error {
			return second(c.Update(ctx, id, 0, service.CaseUpdate{Subject: ptr("Too late"), Priority: ptr(service.Normal)}))
		}),
		on("resolve it", func(ctx context.Context, c service.Cases, id ident.ID) error {
			return second(c.Resolve(ctx, id, "sent"))
		}),
		on("reopen the case", func(ctx context.Context, c service.Cases, id ident.ID) error {
			return second(c.Reopen(ctx, id, "broken"))
		}),
		on("resolve it again", func(ctx context.Context, c service.Cases, id ident.ID) error {
			return second(c.Resolve(ctx, id, "sent"))
		}),
		on("close it", func(ctx context.Context, c service.Cases, id ident.ID) error {
			return second(c.Close(ctx, id, "by telephone"))
		}),
		open("case that runs out of time", "late case"),
		{name: "read cases", run: func(ctx context.Context, p *play) error {
			_, err := p.s.Cases.Get(ctx, p.id("case"))
			return errors.Join(err, second(p.s.Cases.History(ctx, p.id("case"))), second(p.s.Cases.Page(ctx, service.CaseFilter{})))
		}},
	}
}

func consentSteps() []step {
	choice := func(p *play, name string) privacy.ChoiceDraft {
		return privacy.ChoiceDraft{ID: p.id(name), Subject: p.id("acme"), Purpose: privacy.Marketing, Channel: privacy.ByEmail, Evidence: "said so"}
	}
	give := func(name, record, subject string) step {
		return step{name: name, run: func(ctx context.Context, p *play) error {
			return second(p.once().Consents.Give(ctx, privacy.ConsentDraft{
				ID: p.id(record), Subject: p.id(subject), Purpose: privacy.Marketing, Channel: privacy.ByEmail,
				Notice: privacy.NoticeOf("n-1", "We write to you."), Act: privacy.Ticked, Evidence: "form 3",
			}))
		}}
	}
	suppress := func(name string, why privacy.Cause) step {
		return step{name: name, run: func(ctx context.Context, p *play) error {
			return second(p.once().Consents.Suppress(ctx, privacy.ByEmail, "nobody@example.com", why))
		}}
	}
	return []step{
		give("give consent", "yes", "ada"),
		give("give another consent", "other yes", "acme"),
		{name: "withdraw it", run: func(ctx context.Context, p *play) error {
			return second(p.once().Consents.Withdraw(ctx, choice(p, "no")))
		}},
		{name: "object", run: func(ctx context.Context, p *play) error {
			return second(p.once().Consents.Object(ctx, choice(p, "never")))
		}},
		suppress("suppress an address", privacy.Bounced),
		suppress("suppress it for more", privacy.Complained),
		{name: "repeat the key of a suppression", run: func(ctx context.Context, p *play) error {
			return second(p.s.Once("suppress an address").Consents.Suppress(ctx, privacy.ByEmail, "nobody@example.com", privacy.Bounced))
		}},
		{name: "read consents", run: func(ctx context.Context, p *play) error {
			c := p.s.Consents
			_, err := c.Get(ctx, p.id("yes"))
			return errors.Join(err, second(c.History(ctx, p.id("ada"), page.Query{})),
				second(c.At(ctx, p.id("ada"), privacy.Marketing, privacy.ByEmail, p.clock.Now())),
				second(c.Decide(ctx, privacy.Request{Subject: p.id("ada"), Purpose: privacy.Marketing, Channel: privacy.ByEmail})))
		}},
	}
}

// deliver sends one message and accepts the answers that say that nobody knows.
func deliver(ctx context.Context, p *play, key, to string) error {
	_, err := p.s.Sends.Deliver(ctx, privacy.Send{Key: key, Subject: p.id(to), Purpose: privacy.Marketing, Channel: privacy.ByEmail},
		func(context.Context, personal.Text) error { p.sent[key]++; return nil })
	var f *fault.Error
	if errors.As(err, &f) && (f.Reason == "under_way" || f.Reason == "unknown" || f.Reason == "unrecorded") {
		return nil
	}
	return err
}

func sendSteps() []step {
	return []step{
		{name: "deliver", sends: true, run: func(ctx context.Context, p *play) error { return deliver(ctx, p, "m-1", "ada") }},
		{name: "deliver again", sends: true, run: func(ctx context.Context, p *play) error { return deliver(ctx, p, "m-1", "ada") }},
		{name: "deliver to one who objects", run: func(ctx context.Context, p *play) error {
			return expect(deliver(ctx, p, "m-2", "acme"), fault.NoConsent)
		}},
		{name: "read sends", sends: true, run: func(ctx context.Context, p *play) error {
			_, err := p.s.Sends.ByKey(ctx, "m-1")
			return errors.Join(err, second(p.s.Sends.Decisions(ctx, p.id("ada"))))
		}},
	}
}

func booth(name string) claim.Key { return claim.Key{Namespace: "hall", Key: name} }

func claimSteps() []step {
	on := func(name string, do func(ctx context.Context, c claim.Claims, id ident.ID) error) step {
		return step{name: name, run: func(ctx context.Context, p *play) error { return do(ctx, p.once().Claims, p.id("claim")) }}
	}
	acquire := func(p *play, c claim.Claims, name string, keys ...claim.Key) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			return second(c.Acquire(ctx, claim.Request{ID: p.id(name), Keys: keys, Holder: ident.Ref{Entity: "customer", ID: p.id("acme")}, For: time.Hour}))
		}
	}
	return []step{
		{name: "acquire", run: func(ctx context.Context, p *play) error {
			return acquire(p, p.once().Claims, "claim", booth("A1"), booth("A2"))(ctx)
		}},
		{name: "a second buyer is refused", run: func(ctx context.Context, p *play) error {
			return expect(acquire(p, p.once().Claims, "refused claim", booth("A2"))(ctx), fault.Conflict)
		}},
		on("extend", func(ctx context.Context, c claim.Claims, id ident.ID) error {
			return second(c.Extend(ctx, id, 2*time.Hour))
		}),
		on("swap", func(ctx context.Context, c claim.Claims, id ident.ID) error {
			return second(c.Swap(ctx, id, []claim.Key{booth("A1"), booth("A3")}))
		}),
		on("commit", func(ctx context.Context, c claim.Claims, id ident.ID) error { return second(c.Commit(ctx, id)) }),
		{name: "acquire another", run: func(ctx context.Context, p *play) error {
			return acquire(p, p.once().Claims, "other claim", booth("A2"))(ctx)
		}},
		{name: "release it", run: func(ctx context.Context, p *play) error {
			return second(p.once().Claims.Release(ctx, p.id("other claim")))
		}},
		{name: "read claims", run: func(ctx context.Context, p *play) error {
			_, _, err := p.s.Claims.Of(ctx, booth("A1"))
			return errors.Join(err, second(p.s.Claims.Get(ctx, p.id("claim"))))
		}},
	}
}
