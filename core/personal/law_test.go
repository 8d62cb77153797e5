package personal_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rapport-crm/rapport/core/personal"
)

// shape is one record twice: with T a Text for Revealed, with T a string for encoding/json, which is the oracle.
type shape[T any] struct {
	embedded[T]
	*Deep[T]
	A     T               `json:"a"`
	B     []T             `json:"b,omitempty"`
	C     map[string]T    `json:"c"`
	D     map[int8][]T    `json:"d,omitempty"`
	E     *T              `json:"e,omitempty"`
	F     any             `json:"f"`
	G     [2]T            `json:"g"`
	H     []*embedded[T]  `json:"h"`
	Time  time.Time       `json:"time,omitzero"`
	Bytes []byte          `json:"bytes"`
	Raw   json.RawMessage `json:"raw,omitempty"`
	Num   json.Number     `json:"num"`
	Int   int64           `json:"int,string"`
	Flag  *bool           `json:"flag,string"`
	Float float32         `json:"float,omitempty"`
	Uint  uint16          `json:",omitempty"`
	Dash  string          `json:"-,"` //nolint:staticcheck // the name is a dash
	Temp  celsius         `json:"temp"`
	Bare  string
}

type embedded[T any] struct {
	X    T        `json:"x"`
	Same string   `json:"same"`
	Cold *celsius `json:"cold,omitzero"`
}

// Deep has a field of the same name at the same depth, so that neither is written.
type Deep[T any] struct {
	Y    T      `json:"y"`
	Same string `json:"same"`
	Bare string // hidden by the shallower one
}

type celsius float64

func (c *celsius) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `"%.1f°"`, float64(*c)), nil
}

func (c *celsius) IsZero() bool { return c == nil || *c == 7 }

func draw(t *rapid.T) *shape[string] {
	str := rapid.StringN(0, 8, -1)
	text := func(label string) string { return rapid.String().Draw(t, label) }
	s := &shape[string]{A: text("a"), Temp: celsius(rapid.IntRange(6, 8).Draw(t, "temp"))}
	s.X, s.embedded.Same = text("x"), str.Draw(t, "same")
	if rapid.Bool().Draw(t, "deep") {
		s.Deep = &Deep[string]{Y: text("y"), Same: "s", Bare: "b"}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "n") {
		if s.C == nil {
			s.C, s.D = map[string]string{}, map[int8][]string{}
		}
		s.B = append(s.B, text("b"))
		s.C[str.Draw(t, "key")+string(rune('a'+i))] = text("c")
		s.D[int8(i-1)] = []string{text("d"), text("d")}
		e, c := text("e"), celsius(i+6)
		s.E, s.F = &e, map[string]any{"z": text("f"), "y": []any{i, nil}}
		s.H = append(s.H, nil, &embedded[string]{X: text("h"), Cold: &c})
		s.Bytes, s.Raw = []byte(str.Draw(t, "bytes")), json.RawMessage(`{"k": [1, 2]}`)
		s.Flag, s.Time = new(i == 0), time.Unix(int64(i), 0).UTC()
	}
	s.G = [2]string{text("g"), text("g")}
	s.Num = json.Number(rapid.SampledFrom([]string{"", "1", "-2.5e3"}).Draw(t, "num"))
	s.Int, s.Float = rapid.Int64().Draw(t, "int"), rapid.Float32().Draw(t, "float")
	s.Uint, s.Dash, s.Bare = rapid.Uint16().Draw(t, "uint"), str.Draw(t, "dash"), str.Draw(t, "bare")
	return s
}

func TestRevealedIsPlainJSON(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		want := draw(t)
		b, err := json.Marshal(want)
		require.NoError(t, err)
		require.Equal(t, string(b), reveal(t, want), "without Texts Revealed changes nothing")
		require.Equal(t, string(b), reveal(t, asTexts(want)))
	})
}

func asText(s string) personal.Text { return personal.NewText(personal.Name, s) }

func asTextList(in []string) (out []personal.Text) {
	for _, s := range in {
		out = append(out, asText(s))
	}
	return out
}

func asTexts(in *shape[string]) *shape[personal.Text] {
	out := &shape[personal.Text]{
		A: asText(in.A), B: asTextList(in.B), G: [2]personal.Text{asText(in.G[0]), asText(in.G[1])},
		Time: in.Time, Bytes: in.Bytes, Raw: in.Raw, Num: in.Num, Int: in.Int, Flag: in.Flag, Float: in.Float,
		Uint: in.Uint, Dash: in.Dash, Temp: in.Temp, Bare: in.Bare,
	}
	out.X, out.embedded.Same = asText(in.X), in.embedded.Same
	if in.Deep != nil {
		out.Deep = &Deep[personal.Text]{Y: asText(in.Y), Same: in.Deep.Same, Bare: in.Deep.Bare}
	}
	if in.C != nil {
		out.C, out.D = map[string]personal.Text{}, map[int8][]personal.Text{}
		out.E = new(asText(*in.E))
		f := in.F.(map[string]any)
		out.F = map[string]any{"y": f["y"], "z": asText(f["z"].(string))}
	}
	for k, s := range in.C {
		out.C[k] = asText(s)
	}
	for k, list := range in.D {
		out.D[k] = asTextList(list)
	}
	for _, h := range in.H {
		if h == nil {
			out.H = append(out.H, nil)
			continue
		}
		out.H = append(out.H, &embedded[personal.Text]{X: asText(h.X), Same: h.Same, Cold: h.Cold})
	}
	return out
}
