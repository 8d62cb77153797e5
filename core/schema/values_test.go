package schema_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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

var (
	tier   = schema.NewKey[string]("tier")
	nick   = schema.NewKey[string]("custom.nick")
	born   = schema.NewKey[date.Date]("born")
	share  = schema.NewKey[float64]("share")
	budget = schema.NewKey[money.Amount]("budget")
	words  = schema.NewKey[[]string]("words")
	seen   = schema.NewKey[time.Time]("seen")
	boss   = schema.NewKey[ident.ID]("boss")
	vip    = schema.NewKey[bool]("vip")
	size   = schema.NewKey[int]("size")
)

func TestKeysComeBackThroughTheStore(t *testing.T) {
	t.Parallel()

	e := tenantEntity(t)
	id, at := ident.New(), time.Date(2026, 3, 29, 1, 2, 3, 456789000, time.UTC)
	var v schema.Values
	require.NoError(t, schema.Apply(e, &v, []schema.Set{
		tier.Set("gold"), nick.Set("Ädä"), born.Set(date.MustParse("1815-12-10")), share.Set(0.25), budget.Set(money.MustParse("-1.50 EUR")),
		words.Set([]string{"a", `"`}), seen.Set(at), boss.Set(id), vip.Set(false), size.Set(-7),
	}))
	raw := v.Encode()
	require.True(t, json.Valid(raw))
	got, err := e.Decode(raw)
	require.NoError(t, err)
	require.Equal(t, raw, got.Encode())
	check := func(want any, x any, ok bool) { t.Helper(); require.True(t, ok); require.Equal(t, want, x) }
	x1, ok := tier.Get(got)
	check("gold", x1, ok)
	x2, ok := born.Get(got)
	check(date.MustParse("1815-12-10"), x2, ok)
	x3, ok := share.Get(got)
	check(0.25, x3, ok)
	x4, ok := budget.Get(got)
	check(money.MustParse("-1.50 EUR"), x4, ok)
	x5, ok := words.Get(got)
	check([]string{"a", `"`}, x5, ok)
	x6, ok := seen.Get(got)
	check(at, x6, ok)
	x7, ok := boss.Get(got)
	check(id, x7, ok)
	x8, ok := vip.Get(got)
	check(false, x8, ok)
	x9, ok := size.Get(got)
	check(-7, x9, ok)
	_, ok = schema.NewKey[int]("tier").Get(got)
	require.False(t, ok)
	_, ok = schema.NewKey[int]("none").Get(got)
	require.False(t, ok)
}

func TestApplyRefusesAndChangesNothing(t *testing.T) {
	t.Parallel()

	e := tenantEntity(t)
	var v schema.Values
	require.NoError(t, schema.Apply(e, &v, []schema.Set{tier.Set("gold"), schema.NewSet("share", rule.Int(2))}))
	require.Equal(t, rule.Float(2), v.Get("share"))
	before := v.String()
	err := schema.Apply(e, &v, []schema.Set{
		schema.NewKey[string]("teir").Set("x"), schema.NewKey[int]("tier").Set(1), nick.Set("far too long"), {}, tier.Clear(),
	})
	var fields []string
	f := &fault.Error{}
	ok := errors.As(err, &f)
	require.True(t, ok)
	for _, x := range f.Violations {
		fields = append(fields, x.Field)
	}
	require.Equal(t, []string{"custom.teir", "custom.tier", "custom.nick", "custom[3]"}, fields)
	require.Contains(t, f.Message, `did you mean "custom.tier"?`)
	require.Equal(t, before, v.String())
	require.NoError(t, schema.Apply(e, &v, []schema.Set{tier.Set(""), share.Clear()}))
	require.True(t, v.IsZero())
	require.ErrorIs(t, schema.Apply(schema.Of[terms]("terms"), &v, []schema.Set{tier.Set("x")}), fault.ErrInvalid)
}

func TestValuesOfRetiredFieldsAreKept(t *testing.T) {
	t.Parallel()

	e := tenantEntity(t)
	v, err := e.Decode([]byte(`{"zzz": [1, {"x": null}], "tier":"gold","old":  5, "size":"not a number", "vip":null}`))
	require.NoError(t, err)
	require.Equal(t, []string{"tier"}, v.Keys())
	require.JSONEq(t, `{"zzz":[1,{"x":null}],"tier":"gold","old":5,"size":"not a number","vip":null}`, string(v.Encode()))
	require.NoError(t, schema.Apply(e, &v, []schema.Set{size.Set(4), tier.Clear()}))
	require.JSONEq(t, `{"zzz":[1,{"x":null}],"old":5,"size":4,"vip":null}`, string(v.Encode()))
	for _, bad := range []string{"[1,2]", `{"a":}`, `{"a":1`, "nonsense"} {
		_, err := e.Decode([]byte(bad))
		require.ErrorIs(t, err, fault.ErrInternal)
		require.NotContains(t, err.Error(), "nonsense")
	}
	for _, none := range []string{"", "{}"} {
		v, err := e.Decode([]byte(none))
		require.NoError(t, err)
		require.True(t, v.IsZero())
		require.Equal(t, "{}", string(v.Encode()))
	}
}

func TestValuesNeverPrintWhatIsPersonal(t *testing.T) {
	t.Parallel()

	e := tenantEntity(t)
	var v schema.Values
	require.NoError(t, schema.Apply(e, &v, []schema.Set{tier.Set("gold"), nick.Set("Ada"), born.Set(date.MustParse("1815-12-10"))}))
	raw, err := json.Marshal(struct{ V schema.Values }{v})
	require.NoError(t, err)
	unread := schema.Values{}
	unread.Set("nick", rule.Text("Ada"))
	retired, err := e.Decode([]byte(`{"old":"Ada"}`))
	require.NoError(t, err)
	type hosts struct{ mine, old schema.Values } // fmt calls no method of what lies in an unexported field
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		s := fmt.Sprintf(verb, hosts{v, retired}) + fmt.Sprintf(verb, &hosts{v, retired})
		require.NotContains(t, s, "Ada", verb)
		require.NotContains(t, s, hex.EncodeToString([]byte("Ada")), verb)
	}
	for _, s := range []string{fmt.Sprint(v), fmt.Sprintf("%#v", v), fmt.Sprintf("%+v", record{Custom: v}), fmt.Sprintf("%v", nick.Set("Ada")),
		fmt.Sprintf("%#v", []schema.Set{nick.Set("Ada")}), fmt.Sprint(unread), string(raw), v.LogValue().String()} {
		require.NotContains(t, s, "Ada")
		require.NotContains(t, s, "1815")
	}
	require.JSONEq(t, `{"V":{"born":"[profile]","nick":"[name]","tier":"gold"}}`, string(raw))
	shown, err := json.Marshal(v.RevealJSON())
	require.NoError(t, err)
	require.JSONEq(t, `{"born":"1815-12-10","nick":"Ada","tier":"gold"}`, string(shown))
}

func TestCopiesOfValuesAreIndependent(t *testing.T) {
	t.Parallel()

	var a schema.Values
	a.Set("m", rule.Int(1))
	b, c := a, a
	b.Set("a", rule.Int(2))
	c.Set("z", rule.Int(3))
	b.Set("m", rule.Int(9))
	c.Delete("m")
	require.Equal(t, "[m]", fmt.Sprint(a.Keys()))
	require.Equal(t, rule.Int(1), a.Get("m"))
	require.Equal(t, "[a m]", fmt.Sprint(b.Keys()))
	require.Equal(t, "[z]", fmt.Sprint(c.Keys()))
}

func TestDefinitionFaults(t *testing.T) {
	t.Parallel()

	good := schema.Definition{Entity: "customer", Key: "tier", Type: rule.TypeText, Class: personal.None}
	require.NoError(t, good.Validate())
	for field, change := range map[string]func(d *schema.Definition){
		"entity":   func(d *schema.Definition) { d.Entity = "No" },
		"key":      func(d *schema.Definition) { d.Key = "in" },
		"type":     func(d *schema.Definition) { d.Type = rule.TypeNone },
		"label":    func(d *schema.Definition) { d.Label = "a\x00" },
		"class":    func(d *schema.Definition) { d.Class = personal.Health },
		"max_len":  func(d *schema.Definition) { d.MaxLen = -1 },
		"enum":     func(d *schema.Definition) { d.Type, d.Enum = rule.TypeInt, []string{"1"} },
		"enum[1]":  func(d *schema.Definition) { d.Enum = []string{"a", "a"} },
		"sortable": func(d *schema.Definition) { d.Type, d.Sortable = rule.TypeTexts, true },
	} {
		d := good
		change(&d)
		f := &fault.Error{}
		ok := errors.As(d.Validate(), &f)
		require.True(t, ok, field)
		require.Equal(t, field, f.Field)
	}
	for _, typ := range []rule.Type{rule.TypeBool, rule.TypeInt, rule.TypeFloat, rule.TypeTime, rule.TypeDate, rule.TypeMoney, rule.TypeID} {
		d := good
		d.Type, d.MaxLen, d.Enum = typ, 4, []string{"a"}
		f := &fault.Error{}
		require.ErrorAs(t, d.Validate(), &f)
		require.Len(t, f.Violations, 2, typ)
		require.Equal(t, "max_len", f.Violations[0].Field)
		require.Equal(t, "enum", f.Violations[1].Field)
	}
	for _, label := range []string{" ", "\u00a0\u2003", "\u200b", "a\u202eb", "a\u2066b\u2069", "a\nb"} {
		d := good
		d.Label = label
		require.ErrorIs(t, d.Validate(), fault.ErrInvalid, "%q", label)
	}
	for _, label := range []string{"", "Größe", "会员等级", "می\u200cخواهم", "דרגה"} {
		d := good
		d.Label = label
		require.NoError(t, d.Validate(), "%q", label)
	}
	for _, key := range []string{"", "Tier", "1a", "a.b", "a-b", strings.Repeat("a", 41), "tier\n", "日"} {
		d := good
		d.Key = key
		require.ErrorIs(t, d.Validate(), fault.ErrInvalid, key)
	}
	_, err := base.With(schema.Field{Name: "x", Type: rule.TypeInt, Class: personal.None}, schema.Field{Name: "custom.x", Type: rule.TypeInt, Class: personal.None})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = base.With(schema.Field{Name: "expo.size", Type: rule.TypeInt, Class: personal.None, Origin: schema.Plugin})
	require.NoError(t, err)
	_, err = schema.Of[terms]("terms").With(good.Field())
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func FuzzDecode(f *testing.F) {
	e := tenantEntity(f)
	for _, s := range []string{`{"tier":"gold","size":1}`, `{"budget":{"c":"EUR","m":1}}`, `{"budget":5,"budget":{"c":"EUR","m":2}}`, `{"words":[1]}`, `{"a":{}}`, `{"tier":"a","tier":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := e.Decode(raw)
		if err != nil {
			return
		}
		out := v.Encode()
		require.True(t, json.Valid(out), "%s", out)
		again, err := e.Decode(out)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again.Encode()))
	})
}

func ExampleNewKey() {
	tier := schema.NewKey[string]("tier")
	customers, err := base.With(schema.Field{Name: "tier", Type: rule.TypeText, Class: personal.None, Enum: []string{"gold", "silver"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var v schema.Values
	fmt.Println(schema.Apply(customers, &v, []schema.Set{tier.Set("bronze")}))
	fmt.Println(schema.Apply(customers, &v, []schema.Set{tier.Set("gold")}))
	fmt.Println(tier.Get(v))
	// Output:
	// invalid: custom.tier: want one of gold, silver
	// <nil>
	// gold true
}

// One database keeps the sign of zero, the other does not.
func TestZeroHasNoSign(t *testing.T) {
	t.Parallel()

	minus := math.Copysign(0, -1)
	require.False(t, math.Signbit(rule.Float(minus).Float()))
	var v schema.Values
	v.Set("size", rule.Float(minus))
	require.False(t, math.Signbit(v.Get("size").Float()))

	var rec every
	require.NoError(t, everyPatch.Apply(everyEntity, &rec, &everyDraft{Rate: float32(minus)}))
	require.False(t, math.Signbit(float64(rec.Rate)))
	rec.Rate = 1
	require.NoError(t, everyPatch.Apply(everyEntity, &rec, &everyDraft{Rate: 2.5}))
	require.InDelta(t, 2.5, rec.Rate, 0)
}
