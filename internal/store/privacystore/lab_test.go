package privacystore_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store/privacystore"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

const tenant = "acme"

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// lab is one database with the privacy office on it, and customers who exist by decree.
type lab struct {
	*dbtest.Lab
	office   *privacy.Module
	people   *people
	scope    work.Scope // a user of marketing
	consents privacy.Consents
	sends    privacy.Sends
	ada      ident.ID // a customer with an address
}

func each(t *testing.T, fn func(t *testing.T, l *lab)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) { fn(t, newLab(t, b)) })
}

func newLab(t testing.TB, b dbtest.Backend) *lab {
	t.Helper()
	l := &lab{Lab: dbtest.NewLab(t, b, dbtest.Entities(privacy.Kinds())...), people: &people{sets: map[ident.ID][]ident.ID{}, mail: map[ident.ID]string{}}}
	l.Keys = keys.NewRing(keys.NewMemory(), privacystore.Keys(b.DB), l.Now)
	l.office = l.newOffice(l.Engine)
	l.Engine.Subjects = l.people
	l.scope = work.Scope{Principal: ident.User(tenant, "u-1", "marketing", "service"), Purpose: privacy.Marketing}
	l.consents, l.sends = l.office.Consents(&l.scope), l.office.Sends(&l.scope)
	l.ada = l.people.add("ada@example.org")
	return l
}

func (l *lab) newOffice(e *work.Engine) *privacy.Module {
	return privacy.New(privacy.Config{Engine: e, Store: privacystore.New(l.DB, l.Keys), Keys: l.Keys, Addresses: l.people})
}

// on returns the façades on a unit.
func (l *lab) on(u work.Unit) (privacy.Consents, privacy.Sends) {
	s := l.scope
	s.Unit = u
	return l.office.Consents(&s), l.office.Sends(&s)
}

func (l *lab) yes() privacy.ConsentDraft {
	return privacy.ConsentDraft{
		Subject: l.ada, Channel: privacy.ByEmail, Notice: privacy.NoticeOf("newsletter-1", "We write once a month."),
		Act: privacy.Ticked, Evidence: "form /signup from 203.0.113.7",
	}
}

func (l *lab) no() privacy.ChoiceDraft {
	return privacy.ChoiceDraft{Subject: l.ada, Channel: privacy.ByEmail, Evidence: "said so on the telephone"}
}

func (l *lab) give(t *testing.T) privacy.Consent {
	t.Helper()
	c, err := l.consents.Give(t.Context(), l.yes())
	require.NoError(t, err)
	return c
}

func (l *lab) decide(t *testing.T) privacy.Decision {
	t.Helper()
	d, err := l.consents.Decide(t.Context(), privacy.Request{Subject: l.ada, Channel: privacy.ByEmail})
	require.NoError(t, err)
	return d
}

// mail is a send to ada under a key.
func (l *lab) mail(key string) privacy.Send {
	return privacy.Send{Key: key, Subject: l.ada, Channel: privacy.ByEmail}
}

// outbox collects what was handed to a transport.
type outbox struct {
	mu   sync.Mutex
	sent []string
}

func (o *outbox) take(_ context.Context, to personal.Text) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, to.Reveal())
	return nil
}

func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.sent)
}

// people stand in for the customers.
type people struct {
	mu   sync.Mutex
	sets map[ident.ID][]ident.ID
	mail map[ident.ID]string
}

func (p *people) add(mail string) ident.ID {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := ident.New()
	p.sets[id], p.mail[id] = []ident.ID{id}, mail
	return id
}

// merge makes loser part of survivor; unmerge takes every set apart again.
func (p *people) merge(survivor, loser ident.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set := slices.Concat(p.sets[survivor], p.sets[loser])
	p.sets[survivor], p.sets[loser] = set, set
}

func (p *people) unmerge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.sets {
		p.sets[id] = []ident.ID{id}
	}
}

func (p *people) Resolve(_ context.Context, s work.Scope, id ident.ID, _ work.Action) ([]ident.ID, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ids, ok := p.sets[id]; ok && s.Principal.Tenant == tenant {
		return ids, nil
	}
	return nil, fault.New(fault.NotFound, "no such customer")
}

func (p *people) Address(_ context.Context, _ work.Scope, id ident.ID, ch personal.Channel) func(ctx context.Context) (personal.Text, error) {
	return func(context.Context) (personal.Text, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if ch != privacy.ByEmail {
			return personal.Text{}, nil
		}
		return personal.NewText(personal.Contact, p.mail[id]), nil
	}
}

func (p *people) Normalize(_ context.Context, _ work.Scope, _ personal.Channel, address string) (string, error) {
	if !strings.Contains(address, "@") {
		return "", fault.Field("address", "want an e-mail address")
	}
	return strings.ToLower(address), nil
}

func requireReason(t *testing.T, err error, code fault.Code, reason string) *fault.Error {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, code, f.Code, "%v", err)
	require.Equal(t, reason, f.Reason, "%v", err)
	return f
}
