package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/plugintest"
)

func handlers(on plugin.EventFunc) *plugin.Plugin {
	ext := plugin.New(plugin.Info{ID: "com.example.notes", Namespace: "notes", Version: "1.0.0"})
	ext.Purpose(plugin.Purpose{ID: personal.Service, Basis: plugin.Agreement, Text: map[string]string{"en": "notes"}})
	ext.Reads("customer", personal.Service, "name")
	ext.Reads("customer", personal.Service, "language")
	ext.LogsInteractions()
	ext.Claims("notes.desk")
	ext.On(plugin.Subscription{Kind: "customer.created", Purpose: personal.Service, Project: []string{"name"}}, on)
	return ext
}

func ExampleNew() {
	ext := plugin.New(plugin.Info{ID: "com.example.hello", Namespace: "hello", Version: "0.1.0"})
	ext.Purpose(plugin.Purpose{ID: personal.Service, Basis: plugin.Agreement, Text: map[string]string{"en": "greeting new customers"}})
	ext.Reads("customer", personal.Service, "language")
	ext.LogsInteractions()
	ext.On(plugin.Subscription{Kind: "customer.created", Purpose: personal.Service, Project: []string{"language"}},
		func(ctx context.Context, h plugin.Host, e plugin.Event) error {
			_, err := h.Commit(ctx, plugin.Commit{
				Consumed: []ident.ID{e.ID}, // however often the event comes, the note is written once
				Writes: []plugin.Write{plugin.LogInteraction{
					Customer: e.Record.ID, Channel: personal.ByEmail, Direction: "internal",
					Subject: "greet in " + e.Data.Value("language").Text(),
				}},
			})
			return err
		})

	m := ext.Manifest()
	fmt.Println(m.Validate(), m.Name(), m.Reads[0].Fields, m.Writes)
	// Output: <nil> com.example.hello [language] [interaction]
}

func TestRecordsDoNotPrintThemselves(t *testing.T) {
	t.Parallel()

	r := plugin.NewRecord(ident.Ref{Entity: "customer", ID: ident.New()}, 3, map[string]plugin.Field{
		"name": {Class: personal.Name, Value: rule.Text("Ada Lovelace")}, "stage": {Class: personal.None, Value: rule.Text("lead")},
		"email": {Class: personal.Contact},
	}, "email")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		text := fmt.Sprintf(verb, r)
		require.NotContains(t, text, "Ada", verb)
		require.Contains(t, text, "lead", verb)
	}
	b, err := r.MarshalJSON()
	require.NoError(t, err)
	require.NotContains(t, string(b), "Ada")
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "rec", r)
	require.NotContains(t, log.String(), "Ada")

	require.Equal(t, "Ada Lovelace", r.Text("name").Reveal())
	require.Equal(t, personal.Masked, r.Text("email").State())
	require.Equal(t, personal.Absent, r.Text("absent").State())
	require.Equal(t, []string{"email"}, r.Hidden())
}

func TestEventOutcomes(t *testing.T) {
	t.Parallel()

	fails := map[string]error{
		"ok": nil, "again": errors.New("later"), "typed": &fault.Error{Code: fault.Conflict, Reason: "taken"}, "never": plugin.Reject("too_old"),
	}
	ext := handlers(func(_ context.Context, _ plugin.Host, e plugin.Event) error {
		if e.Facts["do"] == "panic" {
			panic("Ada")
		}
		return fails[e.Facts["do"]]
	})
	h := plugintest.NewHost(t, ext)
	deliver := func(do string) plugin.Ack {
		acks, err := ext.Deliver(t.Context(), []plugin.Delivery{{
			Event: plugin.Event{ID: ident.New(), Kind: "customer.created", Facts: map[string]string{"do": do}},
		}})
		require.NoError(t, err)
		require.Len(t, acks, 1)
		return acks[0]
	}
	require.Equal(t, plugin.OK, deliver("ok").Outcome)
	require.Equal(t, "internal", deliver("again").Code)
	require.Equal(t, "taken", deliver("typed").Code)
	require.Equal(t, plugin.Rejected, deliver("never").Outcome)
	require.Equal(t, "too_old", deliver("never").Code)
	require.Equal(t, "panic", deliver("panic").Code)
	require.Equal(t, plugin.Retry, deliver("panic").Outcome)
	require.Empty(t, h.Logs(), "no token, no log")
}

func TestLaterEventsOfARecordWaitForAnEarlierOne(t *testing.T) {
	t.Parallel()

	var seen []string
	ext := handlers(func(_ context.Context, _ plugin.Host, e plugin.Event) error {
		seen = append(seen, e.Facts["n"])
		if e.Facts["n"] == "a1" {
			return errors.New("later")
		}
		return nil
	})
	plugintest.NewHost(t, ext)
	a, b := ident.Ref{Entity: "customer", ID: ident.New()}, ident.Ref{Entity: "customer", ID: ident.New()}
	var batch []plugin.Delivery
	for _, x := range []struct {
		n   string
		ref ident.Ref
	}{{"a1", a}, {"b1", b}, {"a2", a}, {"b2", b}} {
		batch = append(batch, plugin.Delivery{Event: plugin.Event{
			ID: ident.New(), Kind: "customer.created", Record: x.ref, Facts: map[string]string{"n": x.n},
		}})
	}
	acks, err := ext.Deliver(t.Context(), batch)
	require.NoError(t, err)
	require.Equal(t, []string{"a1", "b1", "b2"}, seen)
	require.Equal(t, "behind", acks[2].Code)
}

func TestNotStartedAndStopped(t *testing.T) {
	t.Parallel()

	ext := handlers(func(context.Context, plugin.Host, plugin.Event) error { return nil })
	down := &fault.Error{Code: fault.Unavailable, Reason: "not_started"}
	_, err := ext.Deliver(t.Context(), nil)
	require.ErrorIs(t, err, down)
	_, err = ext.Invoke(t.Context(), plugin.Call{})
	require.ErrorIs(t, err, down)
	require.NoError(t, ext.Stop(t.Context()))
	require.ErrorIs(t, plugin.New(plugin.Info{}).Start(t.Context(), nil), fault.ErrInvalid)
}

func TestStopWaitsForHandlers(t *testing.T) {
	t.Parallel()

	begun, finish := make(chan struct{}), make(chan struct{})
	ext := handlers(func(context.Context, plugin.Host, plugin.Event) error {
		close(begun)
		<-finish
		return nil
	})
	h := plugintest.NewHost(t, ext)
	h.Happen(event.Event{Kind: "customer.created", Record: h.Add("customer", nil)})
	done := make(chan error, 1)
	go func() { done <- h.Drain(context.Background()) }()
	<-begun
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, ext.Stop(gone), fault.ErrUnavailable)
	close(finish)
	require.NoError(t, ext.Stop(t.Context()))
	<-done
}

func TestAllow(t *testing.T) {
	t.Parallel()

	m := handlers(func(context.Context, plugin.Host, plugin.Event) error { return nil }).Manifest()
	q, err := m.AllowQuery(plugin.Query{Entity: "customer"}, personal.Service)
	require.NoError(t, err)
	require.Equal(t, []string{"language", "name"}, q.Fields)
	require.Equal(t, 50, q.Limit)

	granted := &fault.Error{Code: fault.Denied, Reason: "not_granted"}
	_, err = m.AllowQuery(plugin.Query{Entity: "customer"}, personal.Marketing)
	require.ErrorIs(t, err, granted)
	_, err = m.AllowQuery(plugin.Query{Entity: "customer", Limit: 201}, personal.Service)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorIs(t, m.AllowKeys([]claim.Key{{Namespace: "other", Key: "1"}}), granted)

	at := ident.New()
	for name, tc := range map[string]struct {
		c    plugin.Commit
		want error
	}{
		"another event": {plugin.Commit{Consumed: []ident.ID{ident.New()}}, &fault.Error{Code: fault.Denied, Reason: "not_current"}},
		"undeclared":    {plugin.Commit{Writes: []plugin.Write{plugin.Emit{Kind: "notes.said"}}}, granted},
		"no customer":   {plugin.Commit{Writes: []plugin.Write{plugin.LogInteraction{Channel: personal.ByEmail, Direction: "inbound"}}}, fault.ErrInvalid},
		"no such way":   {plugin.Commit{Writes: []plugin.Write{plugin.LogInteraction{Customer: at, Channel: "pigeon", Direction: "inbound"}}}, fault.ErrInvalid},
		"NUL":           {plugin.Commit{Writes: []plugin.Write{plugin.Put{Key: "a\x00"}}}, fault.ErrInvalid},
		"invalid UTF-8": {plugin.Commit{Writes: []plugin.Write{plugin.Put{Key: "a\xff"}}}, fault.ErrInvalid},
		"too large":     {plugin.Commit{Writes: []plugin.Write{plugin.Put{Key: "a", Value: make([]byte, plugin.MaxValue+1)}}}, fault.ErrInvalid},
		"too many":      {plugin.Commit{Writes: make([]plugin.Write, plugin.MaxWrites+1)}, fault.ErrInvalid},
		"nil":           {plugin.Commit{Writes: []plugin.Write{nil}}, fault.ErrInvalid},
		"good":          {plugin.Commit{Consumed: []ident.ID{at}, Writes: []plugin.Write{plugin.Put{Key: "a"}}}, nil},
	} {
		require.ErrorIs(t, m.AllowCommit(tc.c, at), tc.want, name)
	}
}

func TestActionInputIsChecked(t *testing.T) {
	t.Parallel()

	a := plugin.Action{Input: []plugin.Param{
		{Name: "text", Type: rule.TypeText, MaxLen: 3, Required: true}, {Name: "n", Type: rule.TypeFloat}, {Name: "list", Type: rule.TypeTexts},
	}}
	nan := 0.0
	nan /= nan
	for name, tc := range map[string]struct {
		in    map[string]any
		field string
	}{
		"good":      {map[string]any{"text": "äöü", "n": 1.5}, ""},
		"missing":   {map[string]any{}, "input.text"},
		"unknown":   {map[string]any{"text": "a", "more": 1}, "input.more"},
		"type":      {map[string]any{"text": 1}, "input.text"},
		"length":    {map[string]any{"text": "abcd"}, "input.text"},
		"NUL":       {map[string]any{"text": "\x00"}, "input.text"},
		"UTF-8":     {map[string]any{"text": "\xff"}, "input.text"},
		"NaN":       {map[string]any{"text": "a", "n": nan}, "input.n"},
		"in a list": {map[string]any{"text": "a", "list": []string{"b\x00"}}, "input.list"},
	} {
		in, err := plugin.ValuesOf(tc.in)
		require.NoError(t, err)
		err = a.CheckInput(in)
		if tc.field == "" {
			require.NoError(t, err, name)
			continue
		}
		var f *fault.Error
		require.ErrorAs(t, err, &f, name)
		require.Equal(t, tc.field, f.Field, name)
	}
	_, err := plugin.ValuesOf(map[string]any{"c": make(chan int)})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestThinCutsWhatIsNotRead(t *testing.T) {
	t.Parallel()

	m := handlers(func(context.Context, plugin.Host, plugin.Event) error { return nil }).Manifest()
	id := ident.New()
	e := m.Thin(event.Event{
		ID: id, Kind: "customer.created", Tenant: "acme", Record: ident.Ref{Entity: "customer", ID: id},
		Actor: ident.User("acme", "u-1"), Changed: []string{"family", "name"},
		Refs: []ident.Ref{{Entity: "opportunity", ID: id}, {Entity: "customer", ID: id}},
	})
	require.Equal(t, []string{"name"}, e.Changed)
	require.Equal(t, []ident.Ref{{Entity: "customer", ID: id}}, e.Refs)
	require.Equal(t, id, e.Record.ID)
	foreign := m.Thin(event.Event{Kind: "opportunity.moved", Record: ident.Ref{Entity: "opportunity", ID: id}})
	require.True(t, foreign.Record.ID.IsZero())
}
