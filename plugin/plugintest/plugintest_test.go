package plugintest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/plugintest"
)

// world is the host in memory under its own suite.
type world struct{ *plugintest.Host }

func (w world) Customer(_ *testing.T, name string) ident.ID {
	ref := w.Add("customer", map[string]plugin.Field{
		"name": {Class: personal.Name, Value: rule.Text(name)}, "family": {Class: personal.Name, Value: rule.Text("L")},
	})
	w.Happen(event.Event{Kind: "customer.created", Record: ref, Changed: []string{"family", "name"}})
	return ref.ID
}

func (w world) Disclosed(_ *testing.T, id ident.ID) []plugin.Disclosure {
	return slices.DeleteFunc(w.Host.Disclosed(), func(d plugin.Disclosure) bool { return d.Record.ID != id })
}

func (w world) Drain(t *testing.T) {
	t.Helper()
	for range 100 {
		if w.Host.Drain(t.Context()) == nil {
			return
		}
	}
	require.Fail(t, "events are left")
}

func (w world) Notes(*testing.T) []string {
	var out []string
	for _, i := range w.Interactions() {
		out = append(out, i.Subject)
	}
	return out
}

func TestHostInMemoryConforms(t *testing.T) {
	t.Parallel()

	plugintest.Conform(t, func(t *testing.T, ext plugin.Extension) plugintest.World {
		return world{plugintest.NewHost(t, ext)}
	})
}

func TestHost(t *testing.T) {
	t.Parallel()

	ext := plugin.New(plugin.Info{ID: "com.example.hello", Namespace: "hello", Version: "0.1.0"})
	ext.Purpose(plugin.Purpose{ID: personal.Service, Basis: plugin.Agreement, Text: map[string]string{"en": "greeting"}})
	ext.Reads("customer", personal.Service, "name")
	ext.Action(plugin.Action{
		Name: "hello__greet", Purpose: personal.Service, Input: []plugin.Param{{Name: "who", Type: rule.TypeID, Required: true}},
		Output: []plugin.Param{{Name: "text", Type: rule.TypeText}},
	}, func(ctx context.Context, h plugin.Host, r plugin.Request) (plugin.Reply, error) {
		got, err := h.Query(ctx, plugin.Query{Entity: "customer", IDs: []ident.ID{r.Input.ID("who")}})
		if err != nil || len(got.Items) == 0 {
			return plugin.Reply{}, err
		}
		h.Log(ctx, 0, "greeting", "who", got.Items[0])
		return plugin.Reply{Output: plugin.Values{"text": rule.Text("Hello " + got.Items[0].Text("name").Reveal())}}, nil
	})

	h := plugintest.NewHost(t, ext)
	ada := h.Add("customer", map[string]plugin.Field{"name": {Class: personal.Name, Value: rule.Text("Ada")}})
	out, err := h.Invoke(t.Context(), "hello__greet", map[string]any{"who": ada.ID})
	require.NoError(t, err)
	require.Equal(t, "Hello Ada", out.Text("text"))
	require.Len(t, h.Disclosed(), 1)
	require.Equal(t, []string{"name"}, h.Disclosed()[0].Fields)
	require.Equal(t, []string{fmt.Sprintf("INFO greeting who=%s name:[name]", ada)}, h.Logs())

	h.Remove(ada)
	out, err = h.Invoke(t.Context(), "hello__greet", map[string]any{"who": ada.ID})
	require.NoError(t, err)
	require.Empty(t, out.Text("text"))
}
