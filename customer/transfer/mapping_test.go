package transfer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer/transfer"
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

// good is a mapping of persons that other cases change.
func good() transfer.Mapping {
	return transfer.Mapping{
		Entity: "customer", Kind: "person", System: "shop",
		Columns: map[string]string{"ext": "No.", "given": "First name", "email": "E-mail", "phone.work": "Phone", "custom.tier": "Tier"},
	}
}

var custom = []schema.Field{
	{Name: "given", Type: rule.TypeText}, {Name: "custom.tier", Type: rule.TypeText, Enum: []string{"gold", "silver"}},
	{Name: "custom.limit", Type: rule.TypeMoney}, {Name: "custom.since", Type: rule.TypeDate}, {Name: "custom.at", Type: rule.TypeTime},
	{Name: "custom.visits", Type: rule.TypeInt}, {Name: "custom.rate", Type: rule.TypeFloat}, {Name: "custom.vip", Type: rule.TypeBool},
	{Name: "custom.tags", Type: rule.TypeTexts, Class: personal.None}, {Name: "custom.ref", Type: rule.TypeID},
}

func TestValidateMapping(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		change func(m *transfer.Mapping)
		want   string
	}{
		"good":              {func(*transfer.Mapping) {}, ""},
		"another entity":    {func(m *transfer.Mapping) { m.Entity = "lead" }, `entity: want "customer", have "lead"`},
		"no columns":        {func(m *transfer.Mapping) { m.Columns = nil }, "columns: must name at least one column"},
		"unknown field":     {func(m *transfer.Mapping) { m.Columns["familiy"] = "x" }, `columns.familiy: is no field of customer that can be imported; did you mean "family"?`},
		"unknown custom":    {func(m *transfer.Mapping) { m.Columns["custom.teir"] = "x" }, `did you mean "custom.tier"?`},
		"unknown constant":  {func(m *transfer.Mapping) { m.Constants = map[string]string{"county": "DE"} }, `constants.county: is no field of customer that can be imported; did you mean "country"?`},
		"filled twice":      {func(m *transfer.Mapping) { m.Constants = map[string]string{"given": "Ada"} }, "constants.given: a column fills this field already"},
		"constant id":       {func(m *transfer.Mapping) { m.Constants = map[string]string{"ext": "1"} }, "cannot be the same in every row"},
		"no ids":            {func(m *transfer.Mapping) { delete(m.Columns, "ext") }, `or set "without_ids": true`},
		"without ids":       {func(m *transfer.Mapping) { delete(m.Columns, "ext"); m.WithoutIDs = true }, ""},
		"ids and none":      {func(m *transfer.Mapping) { m.WithoutIDs = true }, "a column fills ext, so rows have ids"},
		"no system":         {func(m *transfer.Mapping) { m.System = "" }, "system: must not be empty"},
		"date":              {func(m *transfer.Mapping) { m.Date = "DD.MM.YYYY" }, ""},
		"date of Go":        {func(m *transfer.Mapping) { m.Date = "2 Jan 2006" }, ""},
		"short date":        {func(m *transfer.Mapping) { m.Date = "m/d/yyyy" }, ""},
		"year of two":       {func(m *transfer.Mapping) { m.Date = "M/D/YY" }, "date: want year, month and day"},
		"date without year": {func(m *transfer.Mapping) { m.Date = "DD.MM." }, "date: want year, month and day"},
		"date that is none": {func(m *transfer.Mapping) { m.Date = "iso" }, "date: want year, month and day"},
		"currency missing":  {func(m *transfer.Mapping) { m.Columns["custom.limit"] = "x" }, "currency: must be set: custom.limit holds amounts"},
		"currency unknown":  {func(m *transfer.Mapping) { m.Currency = "euro" }, "currency: want an ISO 4217 code"},
		"delimiter":         {func(m *transfer.Mapping) { m.Delimiter = "x" }, "delimiter: want"},
		"no kind":           {func(m *transfer.Mapping) { m.Kind = "" }, "kind: want person, organization or group, or a column for it"},
		"unknown kind":      {func(m *transfer.Mapping) { m.Kind = "company" }, "kind: want person, organization or group"},
		"kind twice":        {func(m *transfer.Mapping) { m.Columns["kind"] = "x" }, "kind: is told twice"},
		"kind by column":    {func(m *transfer.Mapping) { m.Kind, m.Columns["kind"] = "", "x" }, ""},
		"given of a group":  {func(m *transfer.Mapping) { m.Kind = "group" }, "columns.given: only a person has given and family names: use name"},
		"values":            {func(m *transfer.Mapping) { m.Values = map[string]map[string]string{"custom.tier": {"A": "gold"}} }, ""},
		"values of nothing": {func(m *transfer.Mapping) { m.Values = map[string]map[string]string{"country": {"D": "DE"}} }, "values.country: no column fills this field"},
		"values unknown":    {func(m *transfer.Mapping) { m.Values = map[string]map[string]string{"tier": {"A": "B"}} }, "values.tier: is no field"},
		"history":           {func(m *transfer.Mapping) { m.History = true }, "history: is for opportunities only"},
		"customers":         {func(m *transfer.Mapping) { m.Customers = "x" }, "customers: is for opportunities only"},
		"labels":            {func(m *transfer.Mapping) { m.Columns["phone."] = "x" }, "columns.phone.: is no field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m := good()
			tt.change(&m)
			err := transfer.CheckCustomers(m, custom)
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
		"near":            {"No.,First nam,E-mail,Phone,Tier,Printed", `columns.given: the file has no column "First name"; did you mean "First nam"?`},
		"case":            {"No.,first name,E-mail,Phone,Tier,Printed", `did you mean "first name"?`},
		"ignored":         {"No.,First name,E-mail,Phone,Tier", `ignore: the file has no column "Printed"`},
		"other delimiter": {"No.;First name;E-mail;Phone;Tier;Printed", `but one column only: should the mapping say "delimiter": ";"?`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := transfer.OpenTable(strings.NewReader(tt.header+"\n"), m, transfer.CustomerTarget(m, custom), transfer.Format{})
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestValues(t *testing.T) {
	t.Parallel()

	m := transfer.Mapping{
		Entity: "customer", Kind: "person", WithoutIDs: true, Date: "DD.MM.YYYY", Currency: "EUR",
		Columns: map[string]string{}, Values: map[string]map[string]string{"custom.tier": {"A": "gold"}, "custom.vip": {"X": "yes"}},
	}
	var header []string
	for _, f := range custom[1:] {
		m.Columns[f.Name] = strings.TrimPrefix(f.Name, "custom.")
		header = append(header, m.Columns[f.Name])
	}
	read := func(row string) *transfer.Record {
		tab, err := transfer.OpenTable(strings.NewReader(strings.Join(header, ",")+"\n"+row+"\n"), m, transfer.CustomerTarget(m, custom), transfer.Format{})
		require.NoError(t, err)
		for rec, err := range tab.Records() {
			require.NoError(t, err)
			return rec
		}
		require.Fail(t, "no record")
		return nil
	}
	rec := read("A,1200.50,31.12.2026,2026-03-02T09:00:00+01:00,-7,12.5,X,a | b|,0190e6a2-7b1c-7def-8a34-0123456789ab")
	require.Empty(t, rec.Faults)
	got := map[string]string{}
	for _, s := range rec.Custom() {
		got[s.Key()] = s.Value().String()
	}
	require.Empty(t, rec.Faults)
	require.Len(t, got, 9)
	require.Equal(t, "gold", got["tier"])
	require.Equal(t, date.MustParse("2026-12-31"), rec.Value("custom.since").Date())
	require.Equal(t, int64(120050), rec.Value("custom.limit").Money().Minor)
	require.Equal(t, []string{"a", "b"}, rec.Value("custom.tags").Texts())
	require.True(t, rec.Value("custom.vip").Bool())

	require.Empty(t, read("gold,,,,,,,,").Faults)
	for layout, s := range map[string]string{"M/D/YYYY": "3/2/2026", "d.m.yyyy": "2.3.2026", "DD.MM.YYYY": "02.03.2026", "2 Jan 2006": "2 Mar 2026"} {
		m.Date = layout
		require.Equal(t, date.MustParse("2026-03-02"), read(",,"+s+",,,,,,").Value("custom.since").Date(), layout)
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
			require.Len(t, rec.Faults, 1, s)
			require.Equal(t, header[column], rec.Faults[0].Field)
			require.Equal(t, 2, rec.Faults[0].Row)
			require.NotContains(t, rec.Faults[0].Message, s, "a fault does not tell what stands in the file")
		}
	}
}
