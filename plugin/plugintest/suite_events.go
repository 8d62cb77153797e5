package plugintest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/plugin"
)

func testEvents(c *check) {
	about := ident.Ref{Entity: "customer", ID: c.ada}
	c.inside(func(ctx context.Context, h plugin.Host, _ ident.ID) {
		for i := range 4 {
			_, err := h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{
				plugin.Emit{Kind: "conf.said", About: about, Facts: map[string]string{"word": fmt.Sprint(i)}},
			}})
			c.want("emit", err, nil)
		}
	})
	fails := 2
	var ids []ident.ID
	c.s.on = func(ctx context.Context, h plugin.Host, e plugin.Event) error {
		switch word := e.Facts["word"]; {
		case word == "1" && fails > 0: // takes effect, and fails to say so
			fails--
			ids = append(ids, e.ID)
			_, err := h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{e.ID}, Writes: []plugin.Write{c.note(word)}})
			c.want("commit", err, nil)
			return errors.New("again")
		case word == "2":
			return plugin.Reject("no_two")
		default:
			c.equal("about", e.Refs, []ident.Ref{about})
			_, err := h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{e.ID}, Writes: []plugin.Write{c.note(word)}})
			return err
		}
	}
	c.w.Drain(c.T)
	c.equal("notes", c.w.Notes(c.T), []string{"0", "1", "3"})
	c.equal("failures left", fails, 0)
	c.equal("one id", len(slices.Compact(ids)), 1)
}

func testTokens(c *check) {
	var kept plugin.Host
	c.inside(func(_ context.Context, h plugin.Host, _ ident.ID) { kept = h })
	void := because(fault.Denied, "token")
	ctx := c.Context()
	_, err := kept.Query(ctx, plugin.Query{Entity: "customer"})
	c.want("query", err, void)
	_, err = kept.Commit(ctx, plugin.Commit{})
	c.want("commit", err, void)
	_, _, err = kept.Get(ctx, "k")
	c.want("get", err, void)
	_, err = kept.Claims().Release(ctx, c.ada)
	c.want("release", err, void)
	kept.Log(ctx, 0, "nobody hears this")
}

func testValues(c *check) {
	c.inside(func(ctx context.Context, h plugin.Host, _ ident.ID) {
		for _, v := range []string{"one", "two", ""} {
			_, err := h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{plugin.Put{Key: "k", Value: []byte(v)}}})
			c.want("put", err, nil)
			got, ok, err := h.Get(ctx, "k")
			c.want("get", err, nil)
			c.equal("value", fmt.Sprint(string(got), ok), fmt.Sprint(v, v != ""))
		}
		_, _, err := h.Get(ctx, "")
		c.want("no key", err, fault.ErrInvalid)
	})
}

// testProjections proves that an event brings what is declared of its record and no more, and that the ledger says so.
func testProjections(c *check) {
	c.w.Drain(c.T)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.equal("events", len(c.s.created), 1)
	for _, e := range c.s.created {
		c.equal("record", e.Record, ident.Ref{Entity: "customer", ID: c.ada})
		c.equal("fields", e.Data.Names(), []string{"name"})
		c.equal("name", e.Data.Text("name").Reveal(), "Ada")
		for _, f := range e.Changed {
			c.equal("what changed", f, "name")
		}
		shown := c.w.Disclosed(c.T, c.ada)
		c.equal("lines of the ledger", len(shown), 1)
		for _, d := range shown {
			c.equal("plugin, purpose, fields, cause", fmt.Sprint(d.Plugin, d.Purpose, d.Fields, d.Cause),
				fmt.Sprint("com.example.conform", personal.Sales, []string{"name"}, e.ID))
		}
	}
}

// testLimits proves that an extension that calls without end is stopped, for that call.
func testLimits(c *check) {
	c.inside(func(ctx context.Context, h plugin.Host, _ ident.ID) {
		for range plugin.MaxCalls {
			_, _, err := h.Get(ctx, "k")
			c.want("get", err, nil)
		}
		_, _, err := h.Get(ctx, "k")
		c.want("one call too many", err, because(fault.LimitExceeded, "calls"))
		_, err = h.Query(ctx, plugin.Query{Entity: "customer"})
		c.want("another one", err, because(fault.LimitExceeded, "calls"))
	})
	c.inside(func(ctx context.Context, h plugin.Host, _ ident.ID) {
		_, _, err := h.Get(ctx, "k")
		c.want("the next action", err, nil)
	})
}

// testOnce proves that an idempotency key holds the input of a call.
func testOnce(c *check) {
	var ids []ident.ID
	c.s.run = func(_ context.Context, _ plugin.Host, id ident.ID) error {
		ids = append(ids, id)
		return nil
	}
	in := func(list ...string) map[string]any { return map[string]any{"list": list} }
	for range 2 {
		_, err := c.w.InvokeOnce(c.Context(), "k", "conf__run", in("a", "b"))
		c.want("the call", err, nil)
	}
	_, err := c.w.InvokeOnce(c.Context(), "other", "conf__run", in("a", "b"))
	c.want("another key", err, nil)
	c.equal("calls", len(ids), 3)
	if len(ids) == 3 {
		c.equal("same key, same id", ids[0] == ids[1], true)
		c.equal("other key, other id", ids[0] == ids[2], false)
	}
	for _, other := range []map[string]any{in("a b"), in("b", "a"), in(), nil} {
		_, err = c.w.InvokeOnce(c.Context(), "k", "conf__run", other)
		c.want("other input", err, because(fault.Conflict, "once"))
	}
	c.equal("calls after all", len(ids), 3)
}
