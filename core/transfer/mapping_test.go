package transfer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

func TestParseMapping(t *testing.T) {
	t.Parallel()

	m, err := transfer.ParseMapping([]byte("\ufeff" + `{"entity": "customer", "columns": {"ext": "No."}, "ignore": ["x"], "without_ids": false}`))
	require.NoError(t, err)
	require.Equal(t, transfer.Mapping{Entity: "customer", Columns: map[string]string{"ext": "No."}, Ignore: []string{"x"}}, m)

	for name, tt := range map[string]struct{ text, want string }{
		"empty":           {"", "is not JSON"},
		"no JSON":         {"{\n\"entity\":\n customer}", "line 3"},
		"too short":       {`{"entity": "customer"`, "is not JSON: line 1"},
		"two values":      {`{} {}`, "is not JSON"},
		"a list":          {`[]`, "want an object"},
		"unknown member":  {`{"colums": {}}`, `colums: is no member of a mapping; did you mean "columns"?`},
		"other case":      {`{"Entity": "customer"}`, `did you mean "entity"?`},
		"far off":         {`{"x": 1}`, "want one of entity, kind, system"},
		"doubled member":  {`{"entity": "a", "entity": "b"}`, "entity: is there twice"},
		"doubled column":  {`{"columns": {"name": "A", "name": "B"}}`, "columns.name: is there twice"},
		"wrong type":      {`{"columns": ["a"]}`, "columns: want an object of text, have array"},
		"number":          {`{"constants": {"country": 1}}`, "constants: want text, have number"},
		"null is nothing": {`{"entity": null, "date": 5}`, "date: want text"},
		"large":           {`{"entity": "` + strings.Repeat("x", 1<<20) + `"}`, "more than"},
		"nested":          {strings.Repeat("[", 20000), "is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := transfer.ParseMapping([]byte(tt.text))
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func FuzzParseMapping(f *testing.F) {
	f.Add(`{"entity": "customer", "columns": {"ext": "No."}}`)
	f.Add(`{"columns": {"a": {"b": [1, {}]}}}`)
	f.Fuzz(func(t *testing.T, s string) {
		_, err := transfer.ParseMapping([]byte(s))
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
	})
}

// contact is a kind of record with a little of everything.
type contact struct {
	schema.Meta
	Kind    string        `json:"kind" crm:"class=none,enum=person|group"`
	Given   personal.Text `json:"given" crm:"class=name,required"`
	Family  personal.Text `json:"family" crm:"class=name"`
	Country string        `json:"country" crm:"class=none"`
	Boss    ident.ID      `json:"boss" crm:"class=none,ref=customer"`
	Ext     ident.Ext     `json:"ext" crm:"-,class=none"`
	Custom  schema.Values `json:"custom" crm:"custom"`
}

type contactDraft struct {
	ID      ident.ID
	Kind    string
	Given   string
	Family  string
	Country string
	Boss    ident.ID
	Ext     ident.Ext `crm:"-"`
	Custom  []schema.Set
}

var (
	contactKind  = &work.Kind{Entity: schema.Of[contact]("contact")}
	contactPatch = schema.PatchOf[contact, contactDraft](contactKind.Entity)
)

// form is what a row can hold for a contact of a tenant with custom fields.
func form() transfer.Form {
	f := transfer.RowsOf(contactKind, contactPatch).Form
	f.Fields = append(f.Fields, custom...)
	return f
}

// good is a mapping of contacts that other cases change.
func good() transfer.Mapping {
	return transfer.Mapping{
		Entity: "contact", System: "shop",
		Columns: map[string]string{"ext": "No.", "given": "First name", "country": "Land", "custom.tier": "Tier"},
	}
}

var custom = []transfer.Field{
	field("tier", rule.TypeText, "gold", "silver"), field("limit", rule.TypeMoney), field("since", rule.TypeDate), field("at", rule.TypeTime),
	field("visits", rule.TypeInt), field("rate", rule.TypeFloat), field("vip", rule.TypeBool), field("tags", rule.TypeTexts), field("ref", rule.TypeID),
}

func field(key string, t rule.Type, enum ...string) transfer.Field {
	return transfer.Field{Field: schema.Field{Name: "custom." + key, Type: t, Enum: enum}, Synonyms: []string{key}}
}

func TestValidateMapping(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		change func(m *transfer.Mapping)
		want   string
	}{
		"good":               {func(*transfer.Mapping) {}, ""},
		"another entity":     {func(m *transfer.Mapping) { m.Entity = "lead" }, `entity: want "contact", have "lead"`},
		"required":           {func(m *transfer.Mapping) { delete(m.Columns, "given") }, "columns.given: must be filled: contact needs it"},
		"required constant":  {func(m *transfer.Mapping) { delete(m.Columns, "given"); m.Constants = map[string]string{"given": "Ada"} }, ""},
		"no columns":         {func(m *transfer.Mapping) { m.Columns = nil }, "columns: must name at least one column"},
		"unknown field":      {func(m *transfer.Mapping) { m.Columns["familiy"] = "x" }, `columns.familiy: is no field of contact that can be imported; did you mean "family"?`},
		"unknown custom":     {func(m *transfer.Mapping) { m.Columns["custom.teir"] = "x" }, `did you mean "custom.tier"?`},
		"unknown constant":   {func(m *transfer.Mapping) { m.Constants = map[string]string{"county": "DE"} }, `constants.county: is no field of contact that can be imported; did you mean "country"?`},
		"own ids":            {func(m *transfer.Mapping) { delete(m.Columns, "ext"); m.Columns["id"] = "x" }, ""},
		"own id and none":    {func(m *transfer.Mapping) { delete(m.Columns, "ext"); m.Columns["id"], m.WithoutIDs = "x", true }, "a column fills id, so rows have ids"},
		"constant own id":    {func(m *transfer.Mapping) { m.Constants = map[string]string{"id": "1"} }, "cannot be the same in every row"},
		"kind":               {func(m *transfer.Mapping) { m.Kind = "person" }, ""},
		"currency by column": {func(m *transfer.Mapping) { m.Columns["custom.limit"], m.Columns["currency"] = "x", "y" }, ""},
		"history":            {func(m *transfer.Mapping) { m.History = true }, "history: contact has no history to import"},
		"customers":          {func(m *transfer.Mapping) { m.Customers = "crm" }, ""},
		"malformed system":   {func(m *transfer.Mapping) { m.Customers = strings.Repeat("x", 65) }, "customers: "},
		"label of nothing":   {func(m *transfer.Mapping) { m.Columns["given.work"] = "x" }, "columns.given.work: is no field"},
		"filled twice":       {func(m *transfer.Mapping) { m.Constants = map[string]string{"given": "Ada"} }, "constants.given: a column fills this field already"},
		"constant id":        {func(m *transfer.Mapping) { m.Constants = map[string]string{"ext": "1"} }, "cannot be the same in every row"},
		"no ids":             {func(m *transfer.Mapping) { delete(m.Columns, "ext") }, `or set "without_ids": true`},
		"without ids":        {func(m *transfer.Mapping) { delete(m.Columns, "ext"); m.WithoutIDs = true }, ""},
		"ids and none":       {func(m *transfer.Mapping) { m.WithoutIDs = true }, "a column fills ext, so rows have ids"},
		"no system":          {func(m *transfer.Mapping) { m.System = "" }, "system: must not be empty"},
		"date":               {func(m *transfer.Mapping) { m.Date = "DD.MM.YYYY" }, ""},
		"date of Go":         {func(m *transfer.Mapping) { m.Date = "2 Jan 2006" }, ""},
		"short date":         {func(m *transfer.Mapping) { m.Date = "m/d/yyyy" }, ""},
		"year of two":        {func(m *transfer.Mapping) { m.Date = "M/D/YY" }, "date: want year, month and day"},
		"date without year":  {func(m *transfer.Mapping) { m.Date = "DD.MM." }, "date: want year, month and day"},
		"date that is none":  {func(m *transfer.Mapping) { m.Date = "iso" }, "date: want year, month and day"},
		"currency missing":   {func(m *transfer.Mapping) { m.Columns["custom.limit"] = "x" }, "currency: must be set: custom.limit holds amounts"},
		"currency unknown":   {func(m *transfer.Mapping) { m.Currency = "euro" }, "currency: want an ISO 4217 code"},
		"delimiter":          {func(m *transfer.Mapping) { m.Delimiter = "x" }, "delimiter: want"},
		"values":             {func(m *transfer.Mapping) { m.Values = map[string]map[string]string{"custom.tier": {"A": "gold"}} }, ""},
		"values of nothing":  {func(m *transfer.Mapping) { m.Values = map[string]map[string]string{"family": {"D": "DE"}} }, "values.family: no column fills this field"},
		"values unknown":     {func(m *transfer.Mapping) { m.Values = map[string]map[string]string{"tier": {"A": "B"}} }, "values.tier: is no field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m := good()
			tt.change(&m)
			err := m.Validate(form())
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fault.ErrInvalid)
			f, _ := err.(*fault.Error) //nolint:errorlint // returned bare
			var all []string
			for _, v := range f.Violations {
				all = append(all, v.Field+": "+v.Message)
			}
			require.Contains(t, strings.Join(all, "\n"), tt.want)
		})
	}
}

func TestColumnsMustBeThere(t *testing.T) {
	t.Parallel()

	m := good()
	m.Ignore = []string{"Printed"}
	for name, tt := range map[string]struct{ header, want string }{
		"near":            {"No.,First nam,Land,Tier,Printed", `columns.given: the file has no column "First name"; did you mean "First nam"?`},
		"case":            {"No.,first name,Land,Tier,Printed", `did you mean "first name"?`},
		"ignored":         {"No.,First name,Land,Tier", `ignore: the file has no column "Printed"`},
		"other delimiter": {"No.;First name;Land;Tier;Printed", `but one column only: should the mapping say "delimiter": ";"?`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := transfer.OpenTable(strings.NewReader(tt.header+"\n"), m, form(), transfer.Format{})
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestValues(t *testing.T) {
	t.Parallel()

	m := transfer.Mapping{
		Entity: "contact", Kind: "person", WithoutIDs: true, Date: "DD.MM.YYYY", Currency: "EUR",
		Columns: map[string]string{}, Constants: map[string]string{"given": "Ada"}, Values: map[string]map[string]string{"custom.tier": {"A": "gold"}, "custom.vip": {"X": "yes"}},
	}
	var header []string
	for _, f := range custom {
		m.Columns[f.Name] = strings.TrimPrefix(f.Name, "custom.")
		header = append(header, m.Columns[f.Name])
	}
	read := func(row string) *transfer.Record {
		tab, err := transfer.OpenTable(strings.NewReader(strings.Join(header, ",")+"\n"+row+"\n"), m, form(), transfer.Format{})
		require.NoError(t, err)
		for rec, err := range tab.Records() {
			require.NoError(t, err)
			return rec
		}
		require.Fail(t, "no record")
		return nil
	}
	rec := read("A,1200.50,31.12.2026,2026-03-02T09:00:00+01:00,-7,12.5,X,a | b|,0190e6a2-7b1c-7def-8a34-0123456789ab")
	require.NoError(t, rec.Err())
	got := map[string]rule.Value{}
	for _, s := range rec.Custom() {
		got[s.Key()] = s.Value()
	}
	require.NoError(t, rec.Err())
	require.Len(t, got, 9)
	require.Equal(t, "gold", got["tier"].Text())
	require.Equal(t, date.MustParse("2026-12-31"), got["since"].Date())
	require.Equal(t, int64(120050), got["limit"].Money().Minor)
	require.Equal(t, []string{"a", "b"}, got["tags"].Texts())
	require.True(t, got["vip"].Bool())

	require.NoError(t, read("gold,,,,,,,,").Err())
	for layout, s := range map[string]string{"M/D/YYYY": "3/2/2026", "d.m.yyyy": "2.3.2026", "DD.MM.YYYY": "02.03.2026", "2 Jan 2006": "2 Mar 2026"} {
		m.Date = layout
		require.Equal(t, date.MustParse("2026-03-02"), read(",," + s + ",,,,,,").Custom()[0].Value().Date(), layout)
	}
	m.Date = "DD.MM.YYYY"
	for column, bad := range map[int][]string{
		0: {"Gold"}, 1: {"1,5", "1.234", "x", "1e3", "NaN"}, 2: {"2026-12-31", "31.02.2026", "01.01.0001"}, 3: {"2027-03-02", "0001-01-01T00:00:00Z"},
		4: {"1.5", "9223372036854775808"}, 5: {"NaN", "Inf", "1e999", "x", "0x1p4", "1_000"}, 6: {"ja", "2"}, 8: {"x"},
	} {
		for _, s := range bad {
			cells := make([]string, 9)
			cells[column] = `"` + s + `"`
			rec := read(strings.Join(cells, ","))
			require.Empty(t, rec.Custom(), s)
			f, ok := errors.AsType[*fault.Error](rec.Err())
			require.True(t, ok, s)
			require.Len(t, f.Violations, 1, s)
			require.Equal(t, header[column], f.Field)
			require.Equal(t, 2, rec.Line)
			require.NotContains(t, f.Error(), s, "a fault does not repeat what stands in the file")
		}
	}
}

func TestByHeader(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		text, want string
		unmapped   []string
		change     func(m *transfer.Mapping)
	}{
		"names":            {text: "ext,given,family\n1,Ada,King\n", want: "ext=1 given=Ada family=King"},
		"labels":           {text: "EXTERNAL-ID,Given , country\n1,Ada,GB\n", want: "ext=1 given=Ada country=GB"},
		"custom fields":    {text: "ext,given,Tier,custom.VISITS\n1,Ada,gold,7\n", want: "ext=1 given=Ada custom.tier=gold custom.visits=7"},
		"unknown":          {text: "ext,given,Remarks\n1,Ada,x\n", want: "ext=1 given=Ada", unmapped: []string{"Remarks"}},
		"the first wins":   {text: "ext,Given,given\n1,Ada,Bo\n", want: "ext=1 given=Ada", unmapped: []string{"given"}},
		"semicolons":       {text: "\ufeffext;given;family\r\n1;\"a;b\";\"1,5\"\r\n", want: "ext=1 given=a;b family=1,5"},
		"tabs":             {text: "ext\tgiven\n1\tAda\n", want: "ext=1 given=Ada"},
		"commas in quotes": {text: "\"given, or not, of,it\"|ext|given\n1|2|3\n", want: "ext=2 given=3", unmapped: []string{"given, or not, of,it"}},
		"one column":       {text: "given\nAda\n", want: "given=Ada", change: func(m *transfer.Mapping) { m.WithoutIDs = true }},
		"columns go before": {text: "ext,given,Vorname\n1,x,Ada\n", want: "ext=1 given=Ada", unmapped: []string{"given"}, change: func(m *transfer.Mapping) {
			m.Columns = map[string]string{"given": "Vorname"}
		}},
		"ignored": {text: "ext,given,family\n1,Ada,x\n", want: "ext=1 given=Ada", change: func(m *transfer.Mapping) { m.Ignore = []string{"family"} }},
		"constants": {text: "ext,given,country\n1,Ada,GB\n", want: "ext=1 given=Ada country=DE", unmapped: []string{"country"}, change: func(m *transfer.Mapping) {
			m.Constants = map[string]string{"country": "DE"}
		}},
		"without ids": {text: "ext,given\n1,Ada\n", want: "given=Ada", unmapped: []string{"ext"}, change: func(m *transfer.Mapping) { m.WithoutIDs = true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m := transfer.Mapping{Entity: "contact", System: "shop", ByHeader: true}
			if tt.change != nil {
				tt.change(&m)
			}
			tab, err := transfer.OpenTable(strings.NewReader(tt.text), m, form(), transfer.Format{})
			require.NoError(t, err)
			require.Equal(t, tt.unmapped, tab.Unmapped())
			for rec, err := range tab.Records() {
				require.NoError(t, err)
				require.NoError(t, rec.Err())
				got := map[string]string{}
				for _, f := range rec.Fields() {
					got[f.Name] = rec.Text(f.Name)
				}
				want := map[string]string{}
				for _, pair := range strings.Fields(tt.want) {
					field, value, _ := strings.Cut(pair, "=")
					want[field] = value
				}
				require.Equal(t, want, got)
			}
		})
	}
}

func TestByHeaderRefused(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]string{
		"No.,Vorname\n1,Ada\n": "columns: no column has the name of a field of contact; want one of id, kind, given",
		"ext,family\n1,King\n": "columns.given: must be filled: contact needs it",
		"given\nAda\n":         `or set "without_ids": true`,
		"given,limit,ext\n\n":  "currency: must be set: custom.limit holds amounts",
	} {
		_, err := transfer.OpenTable(strings.NewReader(text), transfer.Mapping{Entity: "contact", System: "shop", ByHeader: true}, form(), transfer.Format{})
		require.ErrorIs(t, err, fault.ErrInvalid)
		f, _ := errors.AsType[*fault.Error](err)
		var all []string
		for _, v := range f.Violations {
			all = append(all, v.Field+": "+v.Message)
		}
		require.Contains(t, strings.Join(all, "\n"), want)
	}
}
