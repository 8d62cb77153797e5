package personal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
)

func reveal(t require.TestingT, v any) string {
	b, err := json.Marshal(personal.Revealed(v))
	require.NoError(t, err)
	return string(b)
}

type point struct {
	Value personal.Text `json:"value"`
	Label string        `json:"label,omitempty"`
}

type base struct {
	ID     ident.ID `json:"id"`
	Hidden []string `json:"hidden,omitempty"`
}

type contact struct {
	base
	*point
	Given   personal.Text            `json:"given"`
	Middle  personal.Text            `json:"middle,omitempty"`
	Family  personal.Text            `json:"family,omitzero"`
	Points  []point                  `json:"points"`
	Byname  map[string]personal.Text `json:"by_name,omitempty"`
	Ptr     *personal.Text           `json:"ptr"`
	Any     any                      `json:"any"`
	Skipped personal.Text            `json:"-"`
	At      time.Time                `json:"at"`
	Values  values                   `json:"values"`
}

// values hides what it holds unless it is revealed on purpose.
type values map[string]string

func (values) MarshalJSON() ([]byte, error) { return []byte(`"[hidden]"`), nil }

func (v values) RevealJSON() any { return map[string]string(v) }

func TestRevealed(t *testing.T) {
	t.Parallel()

	given := personal.NewText(personal.Name, `Ada "L" <&> é`)
	c := contact{
		base:   base{ID: ident.MustParse("0190e6a2-7b1c-7def-8a34-0123456789ab"), Hidden: []string{"family"}},
		Given:  given,
		Family: personal.NewMasked(personal.Name),
		Points: []point{
			{Value: personal.NewSealed(personal.Contact, []byte("cba"), &opener{}), Label: "home"},
			{Value: personal.NewMasked(personal.Contact)},
			{},
		},
		Byname: map[string]personal.Text{"b": given, "a": personal.NewMasked(personal.Name)},
		Ptr:    &given,
		Any:    []any{given, &given, nil, 1.5, "x"},
		At:     time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC),
		Values: values{"tier": "gold"},
	}
	want := `{"id":"0190e6a2-7b1c-7def-8a34-0123456789ab","hidden":["family"],"given":"Ada \"L\" \u003c\u0026\u003e é","family":null,` +
		`"points":[{"value":"abc","label":"home"},{"value":null},{"value":""}],"by_name":{"a":null,"b":"Ada \"L\" \u003c\u0026\u003e é"},` +
		`"ptr":"Ada \"L\" \u003c\u0026\u003e é","any":["Ada \"L\" \u003c\u0026\u003e é","Ada \"L\" \u003c\u0026\u003e é",null,1.5,"x"],` +
		`"at":"2026-05-01T00:00:00Z","values":{"tier":"gold"}}`
	require.Equal(t, want, reveal(t, c))
	require.Equal(t, want, reveal(t, &c))
	require.Equal(t, `{"items":[`+want+`],"next":"n"}`, reveal(t, page.Page[contact]{Items: []contact{c}, Next: "n"}))

	c.point = &point{Value: personal.NewText(personal.Contact, "promoted")}
	require.Contains(t, reveal(t, c), `"value":"promoted"`)

	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(personal.Revealed(c)))
	require.Contains(t, raw.String(), "<&>", "the outer encoder decides on escaping")

	plain, err := json.Marshal(c)
	require.NoError(t, err)
	require.NotContains(t, string(plain), "Ada")
	require.NotContains(t, string(plain), "gold")
}

func TestRevealedAlone(t *testing.T) {
	t.Parallel()

	text := personal.NewText(personal.Name, "Ada")
	require.Equal(t, `"Ada"`, reveal(t, text))
	require.Equal(t, `"Ada"`, reveal(t, &text))
	require.Equal(t, `null`, reveal(t, personal.NewMasked(personal.Name)))
	require.Equal(t, `""`, reveal(t, personal.Text{}))
	require.Equal(t, `null`, reveal(t, nil))
	require.Equal(t, `null`, reveal(t, (*contact)(nil)))
	require.Equal(t, `["Ada"]`, reveal(t, [1]personal.Text{text}))
	require.JSONEq(t, `[{"x":"Ada"}]`, reveal(t, []map[string]any{{"x": text}}))
	require.JSONEq(t, `{"a":"b"}`, reveal(t, &values{"a": "b"}))
	require.Equal(t, `"Ada"`, reveal(t, personal.Revealed(text)), "revealing twice is revealing once")
}

func TestRevealedLogsClasses(t *testing.T) {
	t.Parallel()

	r := personal.Revealed(point{Value: personal.NewText(personal.Contact, "ada@example.org")})
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", r)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", r)
	fmt.Fprintf(&log, "%v %+v %#v", r, r, r)
	require.NotContains(t, log.String(), "example.org")
	require.Contains(t, log.String(), "[contact]")
}

type loop struct {
	Next *loop         `json:"next"`
	Name personal.Text `json:"name"`
}

type endless struct{}

func (e endless) RevealJSON() any { return e }

func TestRevealedFails(t *testing.T) {
	t.Parallel()

	broken := personal.NewSealed(personal.Contact, []byte("x"), &opener{err: errors.New("key destroyed")})
	_, err := json.Marshal(personal.Revealed(struct {
		Points []point `json:"points"`
	}{[]point{{}, {Value: broken}}}))
	require.ErrorContains(t, err, "points: [1]: value: personal: cannot open a sealed contact: key destroyed")

	l := &loop{Name: personal.NewText(personal.Name, "Ada")}
	l.Next = l
	_, err = personal.Revealed(l).MarshalJSON()
	require.ErrorContains(t, err, "holds itself")
	_, err = personal.Revealed(endless{}).MarshalJSON()
	require.ErrorContains(t, err, "holds itself")
	for _, v := range []any{math.NaN(), make(chan int), func() {}, map[float64]int{1: 1}, failing{}} {
		_, err := personal.Revealed([]any{v}).MarshalJSON()
		require.Error(t, err, "%T", v)
	}
}

type failing struct{}

func (failing) MarshalText() ([]byte, error) { return nil, errors.New("no text") }

func ExampleRevealed() {
	type customer struct {
		Given  personal.Text `json:"given"`
		Family personal.Text `json:"family"`
		Email  personal.Text `json:"email"`
	}
	ada := customer{
		Given: personal.NewText(personal.Name, "Ada"),
		Email: personal.NewMasked(personal.Contact), // this reader may not see it
	}

	plain, _ := json.Marshal(ada)
	fmt.Println(string(plain))
	revealed, _ := json.Marshal(personal.Revealed(ada))
	fmt.Println(string(revealed))
	// Output:
	// {"given":"[name]","family":"","email":"[contact]"}
	// {"given":"Ada","family":"","email":null}
}

func ExampleNewText() {
	name := personal.NewText(personal.Name, "Ada")
	fmt.Println(name, name.Reveal())
	// Output: [name] Ada
}

func ExampleNewMasked() {
	name := personal.NewMasked(personal.Name)
	_, err := name.Value()
	fmt.Println(name, err)
	// Output: [name] personal: the value is masked for this reader
}
