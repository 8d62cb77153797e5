package plugintest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
)

// World is a host under the suite of [Conform], with one tenant and the suite's extension.
type World interface {
	// Customer must store a customer of a name, with the event customer.created, and return its id.
	Customer(t *testing.T, name string) ident.ID
	// Invoke must run an action as a user who may do everything the suite's extension does.
	Invoke(ctx context.Context, action string, in map[string]any) (plugin.Values, error)
	// InvokeOnce must do what Invoke does, under an idempotency key.
	InvokeOnce(ctx context.Context, key, action string, in map[string]any) (plugin.Values, error)
	// Drain must deliver events until none is left, failed ones again and again.
	Drain(t *testing.T)
	// Notes must return the subjects of all logged interactions, in order.
	Notes(t *testing.T) []string
	// Disclosed must return what the extension was shown of a customer, in order.
	Disclosed(t *testing.T, customer ident.ID) []plugin.Disclosure
}

// Conform proves that a host keeps the promises of [plugin.Host], as the host in memory does. Open must return a
// new host with the extension for each test.
func Conform(t *testing.T, open func(t *testing.T, ext plugin.Extension) World) {
	t.Helper()
	for name, test := range map[string]func(c *check){
		"query": testQuery, "commit": testCommit, "claims": testClaims, "events": testEvents, "tokens": testTokens, "values": testValues,
		"projections": testProjections, "limits": testLimits, "once": testOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := newSubject()
			c := &check{T: t, s: s, w: open(t, s)}
			c.ada = c.w.Customer(t, "Ada")
			test(c)
		})
	}
}

// check is one test of the suite.
type check struct {
	*testing.T
	s   *subject
	w   World
	ada ident.ID
}

// subject is the suite's extension: its action runs a function of the test.
type subject struct {
	*plugin.Plugin
	run func(ctx context.Context, h plugin.Host, id ident.ID) error
	on  func(ctx context.Context, h plugin.Host, e plugin.Event) error

	mu      sync.Mutex
	created []plugin.Event
}

func newSubject() *subject {
	s := &subject{Plugin: plugin.New(plugin.Info{ID: "com.example.conform", Namespace: "conf", Version: "0.1.0"})}
	s.Purpose(plugin.Purpose{ID: personal.Sales, Basis: plugin.Agreement, Text: map[string]string{"en": "the suite of plugintest"}})
	s.Reads("customer", personal.Sales, "name")
	s.LogsInteractions()
	s.Plugin.Claims("conf.seat")
	s.Emits("conf.said", "word")
	s.Action(plugin.Action{Name: "conf__run", Purpose: personal.Sales, Roles: []string{"sales"}, Input: []plugin.Param{
		{Name: "list", Type: rule.TypeTexts},
	}, Output: []plugin.Param{
		{Name: "n", Type: rule.TypeInt},
	}}, func(ctx context.Context, h plugin.Host, r plugin.Request) (plugin.Reply, error) {
		return plugin.Reply{Output: plugin.Values{"n": rule.Int(1)}}, s.run(ctx, h, r.ID)
	})
	s.On(plugin.Subscription{Kind: "conf.said", Purpose: personal.Sales}, func(ctx context.Context, h plugin.Host, e plugin.Event) error {
		return s.on(ctx, h, e)
	})
	s.On(plugin.Subscription{Kind: "customer.created", Purpose: personal.Sales, Project: []string{"name"}},
		func(_ context.Context, _ plugin.Host, e plugin.Event) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.created = append(s.created, e)
			return nil
		})
	return s
}

// inside runs fn in the extension's action.
func (c *check) inside(fn func(ctx context.Context, h plugin.Host, id ident.ID)) {
	c.Helper()
	c.s.run = func(ctx context.Context, h plugin.Host, id ident.ID) error {
		fn(ctx, h, id)
		return nil
	}
	_, err := c.w.Invoke(c.Context(), "conf__run", nil)
	c.want("the action", err, nil)
}

// want fails the test unless err is like want; a nil want wants no error.
func (c *check) want(what string, err, want error) {
	c.Helper()
	if !errors.Is(err, want) {
		c.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func (c *check) equal(what string, got, want any) {
	c.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		c.Errorf("%s: got %s, want %s", what, g, w)
	}
}

func (c *check) note(subject string) plugin.Write {
	return plugin.LogInteraction{Customer: c.ada, Channel: personal.InPerson, Direction: "internal", Subject: subject}
}

func because(code fault.Code, reason string) error { return &fault.Error{Code: code, Reason: reason} }

func testQuery(c *check) {
	c.inside(func(ctx context.Context, h plugin.Host, _ ident.ID) {
		got, err := h.Query(ctx, plugin.Query{Entity: "customer", IDs: []ident.ID{c.ada, ident.New()}})
		c.want("query by ids", err, nil)
		c.equal("records", len(got.Items), 1)
		for _, r := range got.Items {
			c.equal("fields", r.Names(), []string{"name"})
			c.equal("name", r.Text("name").Reveal(), "Ada")
		}
		got, err = h.Query(ctx, plugin.Query{Entity: "customer"})
		c.want("query of all", err, nil)
		c.equal("all records", len(got.Items), 1)
		got, err = h.Query(ctx, plugin.Query{Entity: "customer", IDs: []ident.ID{}})
		c.want("query of none", err, nil)
		c.equal("no records", len(got.Items), 0)
		got, err = h.Query(ctx, plugin.Query{Entity: "customer", IDs: []ident.ID{c.ada}, Fields: []string{}})
		c.want("query of ids only", err, nil)
		for _, r := range got.Items {
			c.equal("ids only", len(r.Names()), 0)
		}
		_, err = h.Query(ctx, plugin.Query{Entity: "customer", Fields: []string{"family"}})
		c.want("an undeclared field", err, because(fault.Denied, "not_granted"))
		_, err = h.Query(ctx, plugin.Query{Entity: "case"})
		c.want("an undeclared entity", err, because(fault.Denied, "not_granted"))
		_, err = h.Query(ctx, plugin.Query{Entity: "customer", Limit: plugin.MaxRecords + 1})
		c.want("a page too long", err, fault.ErrInvalid)
		_, err = h.Query(ctx, plugin.Query{Entity: "customer", IDs: []ident.ID{c.ada}, Where: page.Where{Expr: "true"}})
		c.want("ids and a condition", err, fault.ErrInvalid)
	})
}

func testCommit(c *check) {
	c.inside(func(ctx context.Context, h plugin.Host, id ident.ID) {
		missing := plugin.LogInteraction{Customer: ident.New(), Channel: personal.InPerson, Direction: "internal"}
		_, err := h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{id}, Writes: []plugin.Write{c.note("a"), missing}})
		c.want("a missing customer", err, fault.ErrNotFound)
		for _, again := range []bool{false, true, true} {
			done, err := h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{id}, Writes: []plugin.Write{c.note("b"), plugin.Put{Key: "k"}}})
			c.want("commit", err, nil)
			c.equal("again", done.Again, again)
			c.equal("ids", len(done.IDs), map[bool]int{false: 2, true: 0}[again])
		}
		_, err = h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{ident.New()}})
		c.want("what is not being handled", err, because(fault.Denied, "not_current"))
		_, err = h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{plugin.Emit{Kind: "conf.other"}}})
		c.want("an undeclared event", err, because(fault.Denied, "not_granted"))
		_, err = h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{plugin.LogInteraction{Customer: c.ada}}})
		c.want("a malformed write", err, fault.ErrInvalid)
		_, err = h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{plugin.Emit{Kind: "conf.said", About: ident.Ref{Entity: "no entity", ID: id}}}})
		c.want("a malformed reference", err, fault.ErrInvalid)
		_, err = h.Commit(ctx, plugin.Commit{Writes: slices.Repeat([]plugin.Write{plugin.Put{Key: "k"}}, plugin.MaxWrites+1)})
		c.want("too many writes", err, fault.ErrInvalid)
	})
	c.equal("notes", c.w.Notes(c.T), []string{"b"})
}

func testClaims(c *check) {
	seat := func(n string) []claim.Key { return []claim.Key{{Namespace: "conf.seat", Key: n}} }
	holder := ident.Ref{Entity: "customer", ID: c.ada}
	c.inside(func(ctx context.Context, h plugin.Host, _ ident.ID) {
		first, err := h.Claims().Acquire(ctx, claim.Request{Keys: seat("1"), Holder: holder, For: time.Hour})
		c.want("acquire", err, nil)
		_, err = h.Claims().Acquire(ctx, claim.Request{Keys: append(seat("2"), seat("1")...), Holder: holder, For: time.Hour})
		c.want("a taken key", err, because(fault.Conflict, "taken"))
		var f *fault.Error
		if errors.As(err, &f) {
			c.equal("the key", f.Field, "conf.seat/1")
		}
		_, held, err := h.Claims().Of(ctx, seat("2")[0])
		c.want("of", err, nil)
		c.equal("all or none", held, false)
		_, err = h.Claims().Acquire(ctx, claim.Request{Keys: []claim.Key{{Namespace: "other", Key: "1"}}, Holder: holder, For: time.Hour})
		c.want("another namespace", err, because(fault.Denied, "not_granted"))
		_, err = h.Claims().Acquire(ctx, claim.Request{Keys: seat("3"), Holder: holder})
		c.want("no time", err, fault.ErrInvalid)

		commit := plugin.Commit{Writes: []plugin.Write{plugin.CommitClaim{ID: first.ID}, c.note("sold")}}
		_, err = h.Commit(ctx, commit)
		c.want("commit a claim", err, nil)
		_, err = h.Commit(ctx, commit)
		c.want("commit it twice", err, because(fault.Conflict, "committed"))
		now, held, err := h.Claims().Of(ctx, seat("1")[0])
		c.want("of", err, nil)
		c.equal("held, state, holder", fmt.Sprint(held, now.State, now.Holder == holder), fmt.Sprint(true, claim.StateCommitted, true))
		_, err = h.Claims().Commit(ctx, ident.New())
		c.want("no such claim", err, fault.ErrNotFound)
		_, err = h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{plugin.ReleaseClaim{ID: first.ID}}})
		c.want("release", err, nil)
		_, held, err = h.Claims().Of(ctx, seat("1")[0])
		c.want("of", err, nil)
		c.equal("free", held, false)
		_, err = h.Claims().Commit(ctx, first.ID)
		c.want("commit what was released", err, because(fault.Conflict, "released"))
	})
	c.equal("notes", c.w.Notes(c.T), []string{"sold"})
}
