package schema_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

type level string

// every has a field of each Go type that a record can have.
type every struct {
	schema.Meta
	Name   personal.Text `json:"name" crm:"class=name,required,max=20"`
	Level  level         `json:"level" crm:"class=none,enum=low|high,readonly"`
	Done   bool          `json:"done" crm:"class=none"`
	Count  int64         `json:"count" crm:"class=none"`
	Small  int8          `json:"small" crm:"class=none"`
	Bits   uint16        `json:"bits" crm:"class=none"`
	Rate   float32       `json:"rate" crm:"class=none"`
	Maybe  *int64        `json:"maybe" crm:"class=none"`
	Switch *bool         `json:"switch" crm:"class=none"`
	At     time.Time     `json:"at" crm:"class=none"`
	Day    date.Date     `json:"day" crm:"class=none"`
	Worth  money.Amount  `json:"worth" crm:"class=none"`
	Boss   ident.ID      `json:"boss" crm:"class=none,ref=every"`
	Tags   []string      `json:"tags" crm:"class=none"`
	Levels []level       `json:"levels" crm:"class=none"`
	Stay   time.Duration `json:"stay" crm:"class=none"`
	Ext    ident.Ext     `json:"ext" crm:"-,class=none"`
	Custom schema.Values `json:"custom" crm:"custom"`
}

type everyDraft struct {
	ID        ident.ID
	Name      string
	Level     level `crm:"-"`
	Done      bool
	Count     int64
	Small     int8
	Bits      uint16
	Rate      float32
	Maybe     *int64
	Switch    *bool
	At        time.Time
	Day       date.Date
	Worth     money.Amount
	Boss      ident.ID
	Tags      []string
	Levels    []level
	Stay      time.Duration
	Ext       ident.Ext `crm:"-"`
	OwnerUser string
	Custom    []schema.Set
	Hint      string `crm:"-"` // no field of a record
}

type extsDraft struct {
	Ext []ident.Ext `crm:"-"`
}

var (
	everyEntity = schema.Of[every]("every")
	everyPatch  = schema.PatchOf[every, everyDraft](everyEntity)
	customTier  = schema.Field{Name: "custom.tier", Type: rule.TypeText, Enum: []string{"gold"}}
	notation    = schema.Notation{Date: "02.01.2006", Currency: "EUR", System: "erp"}
)

func input(t testing.TB, name string) schema.Field {
	list := everyPatch.Inputs()
	i := slices.IndexFunc(list, func(f schema.Field) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("%s is no input", name)
	}
	return list[i]
}

func TestInputs(t *testing.T) {
	t.Parallel()

	var got []string
	for _, f := range everyPatch.Inputs() {
		require.False(t, f.ReadOnly)
		got = append(got, f.Name+":"+f.Type.String())
	}
	require.Equal(t, []string{
		"id:id", "name:text", "level:text", "done:bool", "count:int", "small:int", "bits:int", "rate:float", "maybe:int", "switch:bool", "at:time",
		"day:date", "worth:money", "boss:id", "tags:texts", "levels:texts", "ext:text", "owner_user:text",
	}, got)
	require.Equal(t, []string{"low", "high"}, input(t, "level").Enum)
	require.Equal(t, "every", input(t, "boss").Ref)
	require.True(t, input(t, "name").Required)
}

func TestParse(t *testing.T) {
	t.Parallel()

	const id = "0190e6a2-7b1c-7def-8a34-0123456789ab"
	var got everyDraft
	for name, text := range map[string]string{
		"id": id, "name": "Ada", "level": "high", "done": "Yes", "count": "-7", "small": "-128", "bits": "65535", "rate": "1.5e0", "maybe": "0", "switch": "no",
		"at": "2026-03-02T10:00:00+01:00", "day": "31.12.2026", "worth": "-1200.50", "boss": id, "tags": " a|| b |", "levels": "low|high", "ext": "K-1", "owner_user": "",
	} {
		require.NoError(t, everyPatch.Parse(&got, input(t, name), text, notation), name)
	}
	require.NoError(t, everyPatch.Parse(&got, customTier, "gold", notation))
	require.NoError(t, everyPatch.Parse(&got, customTier, "", notation))
	require.Equal(t, everyDraft{
		ID: ident.MustParse(id), Name: "Ada", Level: "high", Done: true, Count: -7, Small: -128, Bits: 65535, Rate: 1.5, Maybe: new(int64(0)), Switch: new(false),
		At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Day: date.MustParse("2026-12-31"), Worth: money.MustParse("-1200.50 EUR"), Boss: ident.MustParse(id),
		Tags: []string{"a", "b"}, Levels: []level{"low", "high"}, Ext: ident.Ext{System: "erp", ID: "K-1"}, Custom: []schema.Set{schema.NewSet("custom.tier", rule.Text("gold"))},
	}, got)

	exts := schema.PatchOf[every, extsDraft](everyEntity)
	var list extsDraft
	require.NoError(t, exts.Parse(&list, exts.Inputs()[0], "1", notation))
	require.NoError(t, exts.Parse(&list, exts.Inputs()[0], "2", notation))
	require.Equal(t, []ident.Ext{{System: "erp", ID: "1"}, {System: "erp", ID: "2"}}, list.Ext)
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		texts []string
		want  string
	}{
		"id":     {[]string{"x", "0190e6a27b1c7def8a340123456789ab"}, "want an id like"},
		"level":  {[]string{"middle", "High"}, "want one of low, high"},
		"done":   {[]string{"ja", "2"}, "want true or false"},
		"count":  {[]string{"1.5", "9223372036854775808", "1_000", "0x10", "1 000"}, "want a whole number"},
		"small":  {[]string{"128", "-129"}, "is too large a number"},
		"bits":   {[]string{"65536", "-1"}, "is too large a number"},
		"rate":   {[]string{"NaN", "Inf", "1e999", "0x1p4", "1,5"}, "want a number"},
		"maybe":  {[]string{"x"}, "want a whole number"},
		"at":     {[]string{"2026-03-02", "0001-01-01T00:00:00Z"}, "want an instant"},
		"day":    {[]string{"2026-12-31", "31.02.2026", "01.01.0001"}, "want a date like 31.12.2026"},
		"worth":  {[]string{"1.234", "1,5", "1 EUR", "1e3"}, `want an amount in "EUR"`},
		"boss":   {[]string{"erp/1"}, "want an id like"},
		"secret": {[]string{"abc"}, "cannot be filled from text"},
	} {
		for _, text := range tt.texts {
			f := schema.Field{Name: name}
			if name != "secret" {
				f = input(t, name)
			}
			err := everyPatch.Parse(new(everyDraft), f, text, notation)
			x, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok, "%s %s", name, text)
			require.Equal(t, fault.Invalid, x.Code)
			require.Equal(t, name, x.Field)
			require.True(t, strings.HasPrefix(x.Message, tt.want), x.Message)
		}
	}
	require.ErrorContains(t, everyPatch.Parse(new(everyDraft), input(t, "ext"), "1", schema.Notation{}), "ext: wants the name of the system")
	require.ErrorContains(t, everyPatch.Parse(new(everyDraft), input(t, "worth"), "1", schema.Notation{}), `worth: want an amount`)
	require.ErrorContains(t, everyPatch.Parse(new(everyDraft), input(t, "day"), "31.12.2026", schema.Notation{}), "want a date like 2026-12-31")
	require.ErrorContains(t, everyPatch.Parse(new(everyDraft), customTier, "Gold", notation), "custom.tier: want one of gold")
}

// FuzzParse holds that any text is a value or a fault of its field, that a fault does not hold the text, and that a value
// is what its own text is read as.
func FuzzParse(f *testing.F) {
	for i, s := range []string{"Ada", "high", "yes", "-7", "1.5", "2026-03-02T10:00:00+01:00", "31.12.2026", "-1200.50", "0190e6a2-7b1c-7def-8a34-0123456789ab", "a|b", "\x00\xff", "9223372036854775807"} {
		f.Add(s, uint8(i))
	}
	inputs := append(everyPatch.Inputs(), customTier, schema.Field{Name: "custom.x", Type: rule.TypeNone})
	f.Fuzz(func(t *testing.T, s string, which uint8) {
		in := inputs[int(which)%len(inputs)]
		var d everyDraft
		err := everyPatch.Parse(&d, in, s, notation)
		if err != nil {
			x, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok)
			require.Equal(t, in.Name, x.Field)
			if clean, _ := errors.AsType[*fault.Error](everyPatch.Parse(&d, in, s+"\u2603", notation)); clean != nil {
				require.NotContains(t, clean.Message, "\u2603", "what was written is no part of a fault")
			}
			return
		}
		var again everyDraft
		v, err := schema.ParseValue(in, s, notation)
		if in.Name == schema.FieldExt || v.IsBlank() {
			return
		}
		require.NoError(t, err)
		require.NoError(t, everyPatch.Parse(&again, in, written(v), notation), "%s", written(v))
		require.Equal(t, d, again)
	})
}

// written is the text of a value in the notation of these tests.
func written(v rule.Value) string {
	switch v.Type() {
	case rule.TypeDate:
		return time.Unix(int64(v.Date().Days())*24*60*60, 0).UTC().Format(notation.Date)
	case rule.TypeMoney:
		return v.Money().Decimal()
	case rule.TypeTime:
		return v.Time().Format(time.RFC3339Nano)
	case rule.TypeTexts:
		return strings.Join(v.Texts(), "|")
	}
	return v.String()
}
