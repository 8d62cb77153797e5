package schema_test

import (
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

type kind string

type point struct {
	Channel string        `crm:"channel,class=none,enum=email|sms,required"`
	Value   personal.Text `crm:"value,class=contact,max=20"`
	Tags    []string      `crm:"tags,class=none"`
}

type terms struct {
	Days int       `crm:"days,class=none"`
	From date.Date `crm:"from,class=none"`
}

type record struct {
	schema.Meta
	Kind   kind              `crm:"kind,class=none,enum=person|firm"`
	Name   personal.Text     `crm:"name,class=name,max=10,sort,required"`
	Card   personal.Text     `crm:"card,class=financial"`
	Amount money.Amount      `crm:"amount,class=none,sort"`
	Score  float64           `crm:"score,class=behaviour"`
	Limit  *int              `crm:"limit,class=none"`
	Note   *string           `crm:"note,class=none"`
	Tags   []string          `crm:"tags,class=none,max=5"`
	Ext    []ident.Ext       `crm:"ext,class=none"`
	Facts  map[string]string `crm:"facts,class=none"`
	Took   time.Duration     `crm:"took,class=none"`
	Points []point           `crm:"points"`
	Terms  terms             `crm:"terms"`
	Custom schema.Values     `json:"custom,omitzero" crm:"custom"`
}

var base = schema.Of[record]("record")

func tenantEntity(t testing.TB) *schema.Entity {
	t.Helper()
	e, err := base.With(
		schema.Field{Name: "tier", Type: rule.TypeText, Class: personal.None, Enum: []string{"gold", "silver"}, Sortable: true},
		schema.Field{Name: "custom.nick", Type: rule.TypeText, Class: personal.Name, MaxLen: 5},
		schema.Field{Name: "born", Type: rule.TypeDate, Class: personal.Profile},
		schema.Field{Name: "share", Type: rule.TypeFloat, Class: personal.None},
		schema.Field{Name: "budget", Type: rule.TypeMoney, Class: personal.None},
		schema.Field{Name: "words", Type: rule.TypeTexts, Class: personal.None},
		schema.Field{Name: "seen", Type: rule.TypeTime, Class: personal.None},
		schema.Field{Name: "boss", Type: rule.TypeID, Class: personal.None},
		schema.Field{Name: "vip", Type: rule.TypeBool, Class: personal.None},
		schema.Field{Name: "size", Type: rule.TypeInt, Class: personal.None},
	)
	require.NoError(t, err)
	return e
}

func sample() record {
	limit, note := 5, ""
	return record{
		Kind: "person", Name: personal.NewText(personal.Name, "Ada"), Amount: money.MustParse("10.00 EUR"), Limit: &limit, Note: &note,
		Tags: []string{"a"}, Ext: []ident.Ext{{System: "erp", ID: "1"}}, Facts: map[string]string{"a": "b"},
		Points: []point{{Channel: "email", Value: personal.NewText(personal.Contact, "a@b.example"), Tags: []string{"work"}}},
		Terms:  terms{Days: 30},
	}
}

func TestRecordReadsEveryType(t *testing.T) {
	t.Parallel()

	r := sample()
	rec := base.Record(&r)
	for name, want := range map[string]rule.Value{
		"kind": rule.Text("person"), "name": rule.Text("Ada"), "card": rule.Blank, "amount": rule.Money(r.Amount), "score": rule.Float(0),
		"limit": rule.Int(5), "note": rule.Blank, "tags": rule.Texts([]string{"a"}), "terms.days": rule.Int(30), "terms.from": rule.Blank,
		"ext": rule.Blank, "points": rule.Blank, "points.value": rule.Blank, "nothing": rule.Blank, "owner_user": rule.Blank,
	} {
		require.Equal(t, want, rec.Field(name), name)
	}
	for slot, f := range base.Env(nil).Fields {
		require.Equal(t, rec.Field(f.Name), rec.Value(slot), f.Name)
	}
	require.Equal(t, rule.Blank, rec.Value(-1))
	require.Equal(t, rule.Blank, rec.Value(1000))
	r.Name = personal.NewMasked(personal.Name)
	require.Equal(t, rule.Blank, rec.Field("name"))
	require.Panics(t, func() { base.Record(r) })
	require.Panics(t, func() { base.Record((*record)(nil)) })
}

func TestDiffNamesEachFieldOnce(t *testing.T) {
	t.Parallel()

	e := tenantEntity(t)
	for name, c := range map[string]struct {
		change func(r *record)
		want   []string
	}{
		"nothing":         {func(*record) {}, nil},
		"same text":       {func(r *record) { r.Name = personal.NewText(personal.Name, "Ada") }, nil},
		"text":            {func(r *record) { r.Name = personal.NewText(personal.Name, "Eve") }, []string{"name"}},
		"nanoseconds":     {func(r *record) { r.CreatedAt = time.Unix(0, 999) }, []string{"created_at"}},
		"empty lists":     {func(r *record) { r.Tags, r.Ext = nil, nil }, []string{"ext", "tags"}},
		"through pointer": {func(r *record) { *r.Limit = 6 }, []string{"limit"}},
		"pointer":         {func(r *record) { r.Limit = nil }, []string{"limit"}},
		"in element":      {func(r *record) { r.Points[0].Channel = "sms" }, []string{"points.channel"}},
		"deep":            {func(r *record) { r.Points[0].Tags[0] = "home" }, []string{"points.tags"}},
		"element more":    {func(r *record) { r.Points = append(r.Points, point{Channel: "sms"}) }, []string{"points", "points.channel"}},
		"inline struct":   {func(r *record) { r.Terms.Days = 1 }, []string{"terms.days"}},
		"map":             {func(r *record) { r.Facts["a"] = "c" }, []string{"facts"}},
		"custom":          {func(r *record) { r.Custom.Set("tier", rule.Text("gold")); r.Custom.Set("nick", rule.Text("A")) }, []string{"custom.nick", "custom.tier"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			before := sample()
			after := schema.Copy(e, &before)
			c.change(after)
			require.Equal(t, c.want, e.Diff(&before, after))
			require.Equal(t, c.want, e.Diff(after, &before))
			r := sample()
			require.Empty(t, e.Diff(&before, &r), "the original is untouched")
		})
	}
}

func TestFilled(t *testing.T) {
	t.Parallel()

	r := sample()
	r.ID, r.CreatedAt, r.OwnerUser = ident.New(), time.Now(), "u1"
	r.Custom.Set("tier", rule.Text("gold"))
	require.Equal(t, []string{"amount", "custom.tier", "ext", "facts", "kind", "limit", "name", "note", "owner_user", "points", "points.channel",
		"points.tags", "points.value", "tags", "terms.days"}, base.Filled(&r))
	require.Empty(t, base.Filled(&record{}))
}

func TestHide(t *testing.T) {
	t.Parallel()

	e, r := tenantEntity(t), sample()
	require.NoError(t, schema.Apply(e, &r.Custom, []schema.Set{schema.NewSet("tier", rule.Text("gold")), schema.NewSet("nick", rule.Text("A"))}))
	hidden := map[string]bool{"points.value": true, "custom.tier": true, "amount": true, "terms.days": true, "tags": true}
	e.Hiding(func(f string, c personal.Class) bool { return hidden[f] || c.Sensitive() }).Apply(&r)
	require.Equal(t, []string{"amount", "card", "custom.tier", "points.value", "tags", "terms.days"}, r.Hidden)
	require.Equal(t, personal.Masked, r.Points[0].Value.State())
	require.Equal(t, personal.Masked, r.Card.State(), "masked although absent: nobody can tell")
	require.Equal(t, "email", r.Points[0].Channel)
	require.True(t, r.Amount.IsZero() && r.Tags == nil && r.Terms.Days == 0)
	require.Equal(t, []string{"nick"}, r.Custom.Keys())

	whole := sample()
	e.Hiding(func(f string, _ personal.Class) bool { return f == "points" }).Apply(&whole)
	require.Nil(t, whole.Points)
	require.Equal(t, []string{"points"}, whole.Hidden)

	seen := sample()
	require.True(t, e.Hiding(func(string, personal.Class) bool { return false }).IsZero())
	e.Hiding(func(string, personal.Class) bool { return false }).Apply(&seen)
	require.Nil(t, seen.Hidden)
}

func TestCopySharesNothing(t *testing.T) {
	t.Parallel()

	r := sample()
	want, err := json.Marshal(r)
	require.NoError(t, err)
	c := schema.Copy(base, &r)
	*c.Limit, c.Tags[0], c.Ext[0].ID, c.Facts["a"], c.Points[0].Tags[0], c.Points[0].Channel = 9, "x", "9", "x", "x", "x"
	c.Custom.Set("tier", rule.Text("gold"))
	got, err := json.Marshal(r)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestCopyReachesBehindPointersAndMaps(t *testing.T) {
	t.Parallel()

	type part struct{ Tags []string }
	type whole struct {
		schema.Meta

		Parts map[string]part `json:"-" crm:"-,class=none"`
		Part  *part           `json:"-" crm:"-,class=none"`
	}
	r := whole{Parts: map[string]part{"a": {[]string{"x"}}}, Part: &part{[]string{"y"}}}
	c := schema.Copy(schema.Of[whole]("whole"), &r)
	require.Equal(t, r, *c)
	c.Parts["a"].Tags[0], c.Part.Tags[0] = "other", "other"
	require.Equal(t, "x", r.Parts["a"].Tags[0])
	require.Equal(t, "y", r.Part.Tags[0])
}

func TestValidateFindsEveryBreach(t *testing.T) {
	t.Parallel()

	e, r := tenantEntity(t), sample()
	require.NoError(t, e.Validate(&r))
	r.Kind, r.Name, r.Score = "cat", personal.NewText(personal.Name, "a name of more than ten"), math.NaN()
	r.Tags = []string{"too long"}
	r.Points = append(r.Points, point{Value: personal.NewText(personal.Contact, "x\x00y")})
	r.Amount.Currency = "XQZ"
	r.CreatedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	r.Custom.Set("tier", rule.Text("bronze"))
	r.Custom.Set("nick", rule.Text("secret name"))
	r.Custom.Set("size", rule.Text("five"))
	f := &fault.Error{}
	ok := errors.As(e.Validate(&r), &f)
	require.True(t, ok)
	var fields []string
	for _, v := range f.Violations {
		fields = append(fields, v.Field)
		require.NotContains(t, v.Message, "secret")
	}
	require.ElementsMatch(t, []string{"kind", "name", "score", "tags", "points[1].channel", "points[1].value", "amount.currency", "created_at",
		"custom.tier", "custom.nick", "custom.size"}, fields)

	r = sample()
	r.Amount = money.Amount{Minor: 5}
	require.ErrorIs(t, e.Validate(&r), fault.ErrInvalid, "an amount without a currency would be lost")
}

func TestCheckWord(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"a", "0", "no-budget", "v1.2_x", strings.Repeat("x", 64)} {
		require.NoError(t, schema.CheckWord("f", s), "%q", s)
	}
	for _, s := range []string{"", "-a", ".a", "A", "a b", "a\n", "é", strings.Repeat("x", 65)} {
		var f *fault.Error
		require.ErrorAs(t, schema.CheckWord("f", s), &f, "%q", s)
		require.Equal(t, "f", f.Field)
	}
}

func TestCheckText(t *testing.T) {
	t.Parallel()

	require.NoError(t, schema.CheckText("f", "line\n\ttext 日本", 15))
	for _, bad := range []string{"\x00", "\x07", "\x7f", "\xff", strings.Repeat("é", 16)} {
		err := schema.CheckText("f", bad, 15)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.NotContains(t, err.Error(), bad)
	}
	require.Error(t, schema.CheckText("f", strings.Repeat("a", schema.DefaultMaxLen+1), 0))
}

func TestOfPanicsOnProgrammersErrors(t *testing.T) {
	t.Parallel()

	for name, of := range map[string]func(){
		"no tag": func() { schema.Of[struct{ A string }]("x") },
		"no class": func() {
			schema.Of[struct {
				A string `crm:"a"`
			}]("x")
		},
		"bad class": func() {
			schema.Of[struct {
				A string `crm:"a,class=secret"`
			}]("x")
		},
		"bad option": func() {
			schema.Of[struct {
				A string `crm:"a,class=none,sorted"`
			}]("x")
		},
		"bad max": func() {
			schema.Of[struct {
				A string `crm:"a,class=none,max=x"`
			}]("x")
		},
		"bad name": func() {
			schema.Of[struct {
				A string `crm:"A b,class=none"`
			}]("x")
		},
		"twice": func() {
			schema.Of[struct {
				A string `crm:"a,class=none"`
				B string `crm:"a,class=none"`
			}]("x")
		},
		"personal gap": func() {
			schema.Of[struct {
				A string `crm:"-,class=name"`
			}]("x")
		},
		"entity name": func() { schema.Of[record]("No Name") },
		"no struct":   func() { schema.Of[int]("x") },
		"custom name": func() {
			schema.Of[struct {
				A schema.Values `crm:"a"`
			}]("x")
		},
	} {
		require.Panics(t, of, name)
	}
}

func TestFieldsAndEnv(t *testing.T) {
	t.Parallel()

	e := tenantEntity(t)
	f, ok := e.Field("points.value")
	require.True(t, ok)
	require.Equal(t, schema.Field{Name: "points.value", Type: rule.TypeText, Label: "Value", Class: personal.Contact, Origin: schema.Core, MaxLen: 20, Many: true}, f)
	f, ok = e.Field("custom.tier")
	require.True(t, ok && f.Origin == schema.Tenant && f.Sortable && f.MaxLen == schema.DefaultCustom)
	require.Equal(t, []string{"amount", "created_at", "custom.tier", "id", "name", "updated_at"}, e.SortFields())
	require.True(t, e.Sensitive())
	require.Same(t, e.Env(nil), e.Env(map[string]rule.Type{}))
	require.NotEqual(t, base.Env(nil).Print, e.Env(nil).Print)
	require.Equal(t, e.Env(nil).Print, tenantEntity(t).Env(nil).Print)
	x, y := e.Env(map[string]rule.Type{"a": rule.TypeInt}), e.Env(map[string]rule.Type{"a": rule.TypeText})
	require.NotEqual(t, x.Print, y.Print)
	for _, f := range e.Env(nil).Fields {
		require.False(t, strings.HasPrefix(f.Name, "points"))
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()

	r, err := schema.NewRegistry(base)
	require.NoError(t, err)
	require.ErrorIs(t, r.Add(base), fault.ErrConflict)
	require.ErrorIs(t, r.Add(nil), fault.ErrInvalid)
	got, err := r.Entity("record")
	require.NoError(t, err)
	require.Same(t, base, got)
	_, err = r.Entity("recrod")
	require.ErrorContains(t, err, `did you mean "record"?`)
	require.Equal(t, []string{"record"}, r.Names())
}

func BenchmarkEntity(b *testing.B) {
	e := tenantEntity(b)
	r := sample()
	c := schema.Copy(e, &r)
	h := e.Hiding(func(f string, c personal.Class) bool { return c.Sensitive() || f == "points" })
	for name, f := range map[string]func(){
		"hide":   func() { h.Apply(c) },
		"diff":   func() { e.Diff(&r, c) },
		"copy":   func() { schema.Copy(e, &r) },
		"record": func() { e.Record(&r).Field("amount") },
		"check":  func() { _ = e.Validate(&r) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

func Example() {
	type Booth struct {
		schema.Meta
		Title  string        `crm:"title,class=none,max=80,required,sort"`
		Holder personal.Text `crm:"holder,class=name,max=120"`
		Custom schema.Values `crm:"custom"`
	}
	booths := schema.Of[Booth]("booth")
	before := Booth{Title: "A 12", Holder: personal.NewText(personal.Name, "Ada")}
	after := schema.Copy(booths, &before)
	after.Title = ""
	after.Holder = personal.NewText(personal.Name, "Grace")
	fmt.Println(booths.Diff(&before, after))
	fmt.Println(booths.Validate(after))
	// Output:
	// [holder title]
	// invalid: title: must not be blank
}
