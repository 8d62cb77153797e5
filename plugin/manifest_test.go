package plugin_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
)

func full() plugin.Manifest {
	return plugin.Manifest{
		Contract: plugin.Contract, ID: "com.example.exhibition", Namespace: "exh", Version: "0.1.0", Title: "<Exhibitions>",
		Purposes: []plugin.Purpose{
			{ID: "exh.badges", Basis: plugin.Interest, Text: map[string]string{"en": "printing badges"}},
			{ID: personal.Sales, Basis: plugin.Agreement, Text: map[string]string{"en": "selling booths", "zh": "销售展位"}},
		},
		Reads: []plugin.Grant{
			{Entity: "customer", Purpose: personal.Sales, Fields: []string{"name", "lifecycle"}},
			{Entity: "customer", Purpose: "exh.badges", Fields: []string{"name"}},
		},
		Writes: []string{plugin.WriteInteraction},
		Claims: []string{"exh.booth"},
		Emits:  []plugin.Emission{{Kind: "exh.sold", Facts: []string{"hall", "booth"}}},
		Actions: []plugin.Action{{
			Name: "exh__sell", Purpose: personal.Sales, Timeout: plugin.Duration(5 * time.Second),
			Input: []plugin.Param{{Name: "booth", Type: rule.TypeText, Required: true}, {Name: "price", Type: rule.TypeMoney}},
		}},
		Events: []plugin.Subscription{{Kind: "customer.created", Purpose: personal.Sales, Project: []string{"name"}}},
	}
}

func TestCanonicalManifestIsOneEncoding(t *testing.T) {
	t.Parallel()

	m := full()
	require.NoError(t, m.Validate())
	b, err := m.Canonical()
	require.NoError(t, err)
	require.Contains(t, string(b), "<Exhibitions>")
	require.Contains(t, string(b), `"timeout":"5s"`)
	require.Contains(t, string(b), `"type":"money"`)

	shuffled := full()
	shuffled.Purposes[0], shuffled.Purposes[1] = shuffled.Purposes[1], shuffled.Purposes[0]
	shuffled.Reads[0], shuffled.Reads[1] = shuffled.Reads[1], shuffled.Reads[0]
	shuffled.Reads[1].Fields = []string{"lifecycle", "name"}
	shuffled.Emits[0].Facts = []string{"booth", "hall"}
	require.Equal(t, m.Digest(), shuffled.Digest())
	shuffled.Actions[0].Input[0].MaxLen = 7
	require.NotEqual(t, m.Digest(), shuffled.Digest())

	back, err := plugin.ParseManifest(b)
	require.NoError(t, err)
	again, err := back.Canonical()
	require.NoError(t, err)
	require.Equal(t, string(b), string(again))
}

func TestCanonicalDoesNotTouchTheManifest(t *testing.T) {
	t.Parallel()

	m := full()
	_, err := m.Canonical()
	require.NoError(t, err)
	require.Equal(t, full(), m)
}

func TestManifestValidate(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct {
		change func(m *plugin.Manifest)
		field  string
	}{
		"contract":             {func(m *plugin.Manifest) { m.Contract = 2 }, "contract"},
		"id":                   {func(m *plugin.Manifest) { m.ID = "exhibition" }, "id"},
		"namespace":            {func(m *plugin.Manifest) { m.Namespace = "Exh_" }, "namespace"},
		"version":              {func(m *plugin.Manifest) { m.Version = "1" }, "version"},
		"title":                {func(m *plugin.Manifest) { m.Title = "a\x00" }, "title"},
		"foreign purpose":      {func(m *plugin.Manifest) { m.Purposes[0].ID = "acme.badges" }, "purposes[0].id"},
		"operations":           {func(m *plugin.Manifest) { m.Purposes[0].ID = personal.Operations }, "purposes[0].id"},
		"basis":                {func(m *plugin.Manifest) { m.Purposes[0].Basis = "" }, "purposes[0].basis"},
		"no words":             {func(m *plugin.Manifest) { m.Purposes[0].Text = nil }, "purposes[0].text"},
		"undeclared purpose":   {func(m *plugin.Manifest) { m.Reads[0].Purpose = personal.Billing }, "reads[0].purpose"},
		"field":                {func(m *plugin.Manifest) { m.Reads[0].Fields = []string{"a b"} }, "reads[0].fields"},
		"field twice":          {func(m *plugin.Manifest) { m.Reads[0].Fields = []string{"a", "a"} }, "reads[0].fields"},
		"write":                {func(m *plugin.Manifest) { m.Writes = []string{"customer"} }, "writes"},
		"foreign claims":       {func(m *plugin.Manifest) { m.Claims = []string{"acme.booth"} }, "claims[0]"},
		"foreign event":        {func(m *plugin.Manifest) { m.Emits[0].Kind = "customer.created" }, "emits[0].kind"},
		"action without space": {func(m *plugin.Manifest) { m.Actions[0].Name = "sell" }, "actions[0].name"},
		"action twice":         {func(m *plugin.Manifest) { m.Actions = append(m.Actions, m.Actions[0]) }, "actions"},
		"timeout":              {func(m *plugin.Manifest) { m.Actions[0].Timeout = plugin.Duration(time.Hour) }, "actions[0].timeout"},
		"type":                 {func(m *plugin.Manifest) { m.Actions[0].Input[0].Type = rule.TypeNone }, "actions[0].input.booth"},
		"class":                {func(m *plugin.Manifest) { m.Actions[0].Input[0].Class = "secret" }, "actions[0].input.booth"},
		"event kind":           {func(m *plugin.Manifest) { m.Events[0].Kind = "created" }, "events[0].kind"},
		"unread projection":    {func(m *plugin.Manifest) { m.Events[0].Project = []string{"family"} }, "events[0].project"},
		"too many":             {func(m *plugin.Manifest) { m.Claims = make([]string, 300) }, "claims"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m := full()
			tc.change(&m)
			var f *fault.Error
			require.ErrorAs(t, m.Validate(), &f)
			require.Equal(t, fault.Invalid, f.Code)
			var fields []string
			for _, v := range f.Violations {
				fields = append(fields, v.Field)
			}
			require.Contains(t, fields, tc.field)
		})
	}
}

func TestParseManifestIsStrict(t *testing.T) {
	t.Parallel()

	b, err := full().Canonical()
	require.NoError(t, err)
	for name, text := range map[string]string{
		"unknown member":        strings.Replace(string(b), `{"contract"`, `{"egress":["*"],"contract"`, 1),
		"unknown in a param":    strings.Replace(string(b), `"name":"booth"`, `"name":"booth","secret":true`, 1),
		"unknown type":          strings.Replace(string(b), `"type":"money"`, `"type":"gold"`, 1),
		"more behind":           string(b) + "{}",
		"not JSON":              "plugin",
		"empty":                 "",
		"longer than may cross": string(b) + strings.Repeat(" ", plugin.MaxManifest),
	} {
		_, err := plugin.ParseManifest([]byte(text))
		require.ErrorIs(t, err, fault.ErrInvalid, name)
	}
}

func FuzzParseManifest(f *testing.F) {
	b, err := full().Canonical()
	require.NoError(f, err)
	f.Add(b)
	f.Add([]byte(`{"contract":1,"actions":[{"input":[{"type":"int"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := plugin.ParseManifest(data)
		if err != nil {
			require.Equal(t, fault.Invalid, fault.CodeOf(err))
			return
		}
		b, err := m.Canonical()
		require.NoError(t, err)
		again, err := plugin.ParseManifest(b)
		require.NoError(t, err)
		require.Equal(t, m.Digest(), again.Digest())
	})
}

func TestDurationRefusesNonsense(t *testing.T) {
	t.Parallel()

	var d plugin.Duration
	require.Error(t, json.Unmarshal([]byte(`"soon"`), &d))
}
