package transfer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/privacy"
)

func TestReaderOfObjects(t *testing.T) {
	t.Parallel()

	const notObject = "want one JSON object on each line"
	lines := func(n int) string { return strings.Repeat(`{"a":"x"}`+"\n", n) }
	for name, tt := range map[string]struct {
		text   string
		format transfer.Format
		want   []string
		blank  int
	}{
		"plain":            {text: `{"a":"1","b":"2"}` + "\n" + `{"b":"4","a":"3"}` + "\n", want: []string{"1: 1|2", "2: 3|4"}},
		"no line end":      {text: `{"a":"1"}`, want: []string{"1: 1"}},
		"mark and CRLF":    {text: "\ufeff{\"a\":\"1\"}\r\n{\"a\":\"2\"}\r\n", want: []string{"1: 1", "2: 2"}},
		"blank lines":      {text: "\n{\"a\":\"1\"}\n \r\n\n{\"a\":\"2\"}\n\n", want: []string{"2: 1", "5: 2"}, blank: 4},
		"kinds of values":  {text: `{"a":-12.50,"b":true,"c":null,"d":["x",1,false],"e":"ä\n\"😀","f":[]}`, want: []string{"1: -12.50|true||x|1|false|ä\n\"😀|"}},
		"missing members":  {text: `{"a":"1"}` + "\n" + `{"b":"2"}` + "\n{}", want: []string{"1: 1|", "2: |2", "3: |"}},
		"names with space": {text: `{" a ":"1"}`, want: []string{"1: 1"}},
		"no object": {text: `{"a":"1"}` + "\n[1]\n\"a\"\nx,y\n" + `{"a":"2"}`, want: []string{
			"1: 1", "line 2: " + notObject, "line 3: " + notObject, "line 4: " + notObject, "5: 2",
		}},
		"cut off": {text: `{"a":"1"}` + "\n" + `{"a":"1` + "\n" + `{"a":` + "\n" + `{"a":"2"}`, want: []string{
			"1: 1", "line 2: is not JSON from byte 6 on: " + notObject, "line 3: is not JSON from byte 6 on: " + notObject, "4: 2",
		}},
		"two on a line":  {text: `{"a":"1"}` + "\n" + `{"a":"1"}{"a":"2"}` + "\n", want: []string{"1: 1", "line 2: goes on after its object: " + notObject}},
		"nested":         {text: `{"a":{"b":"1"}}`, want: []string{"line 1, a: is an object: want text, a number, true, false, null or a list of these"}},
		"lists of lists": {text: `{"a":[[1]],"b":[{"x":1}],"c":["x|y"]}`, want: slices.Repeat([]string{"is a list with an element"}, 3)},
		"there twice":    {text: `{"a":"1","a":"2"}`, want: []string{"line 1, a: is there twice"}},
		"not UTF-8":      {text: "{\"a\":\"1\",\"b\":\"x\"}\n{\"a\":\"Gr\xfc\xdfe\",\"b\":[\"\xff\"]}\n", want: []string{"1: 1|x", "line 2, a: is not valid UTF-8", "line 2, b: is not valid UTF-8"}},
		"NUL":            {text: `{"a":"x\u0000"}`, want: []string{"line 1, a: holds a NUL byte"}},
		"half a pair":    {text: `{"a":"\ud83d"}` + "\n" + `{"a":"\uFFFD\ud83d\ude00\ufffd"}` + "\n{\"a\":\"\ufffd\"}", want: []string{"line 1, a: holds half a character", "2: �😀�", "3: �"}},
		"odd names":      {text: "{\"a\":\"1\"}\n{\"\":1}\n{\"\\u0000\":1}\n{\"\xff\":1}", want: append([]string{"1: 1"}, slices.Repeat([]string{"has a member whose name is blank or not valid UTF-8"}, 3)...)},
		"large": {text: `{"a":"1234"}` + "\n" + `{"a":"12345"}` + "\n" + `{"a":"` + strings.Repeat("x", 50) + "\"}\n" + `{"a":"1"}`, format: transfer.Format{MaxField: 4, MaxRow: 30}, want: []string{
			"1: 1234", "line 2, a: " + largeField, "line 3: has more than 30 bytes: want one JSON object on each line, or raise Format.MaxRow", "4: 1",
		}},
		"late members": {text: lines(150_000) + `{"a":"y","b":"z"}`, want: append(slices.Repeat([]string{": x"}, 150_000),
			"line 150001, b: is in none of the first objects of the file: add it to the first one, with null where it has no value")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			tt.format.NDJSON = true
			got, rd, err := read(t, io.MultiReader(strings.NewReader(tt.text)), tt.format)
			require.NoError(t, err)
			require.Len(t, got, len(tt.want), "%.300q", got)
			for i := range got {
				require.Contains(t, got[i], tt.want[i])
			}
			require.Equal(t, tt.blank, rd.Blank())
		})
	}
}

func TestObjectsRefused(t *testing.T) {
	t.Parallel()

	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf(`"m%d":1`, i)
	}
	for text, want := range map[string]string{
		"":                                  "begins with no JSON object",
		"\n\n":                              "begins with no JSON object",
		"a,b\n1,2\n":                        "begins with no JSON object",
		"{}\n{}":                            "begins with no JSON object",
		"[{\"a\":1}]":                       "begins with no JSON object",
		"\xff\xfe{\x00":                     "UTF-16",
		"{" + strings.Join(many, ",") + "}": "more than 1000 members",
		"\n\r\n" + `{"a":"` + strings.Repeat("x", transfer.DefaultMaxRow) + "\"}\n": "line 3 is too long: want one JSON object on each line, the first within 1048576 bytes",
	} {
		_, err := transfer.NewReader(strings.NewReader(text), transfer.Format{NDJSON: true})
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "header: ")
		require.ErrorContains(t, err, want)
	}
	broken := errors.New("disk on fire")
	_, err := transfer.NewReader(iotest.ErrReader(broken), transfer.Format{NDJSON: true})
	require.ErrorIs(t, err, broken)
	rd, err := transfer.NewReader(io.MultiReader(strings.NewReader("{\"a\":1}\n{\"a\":"), iotest.ErrReader(broken)), transfer.Format{NDJSON: true})
	require.NoError(t, err)
	rows := 0
	for _, err := range rd.Rows() {
		if err != nil {
			require.ErrorIs(t, err, broken)
			break
		}
		rows++
	}
	require.Equal(t, 1, rows, "half a row is no row")
}

// FuzzObjects holds the reader of objects against encoding/json: every line comes out, and one without a fault holds what
// encoding/json reads there.
func FuzzObjects(f *testing.F) {
	for _, s := range []string{`{"a":"1"}`, "{\"a\":[1,\"x\"]}\r\n\n{\"a\":null,\"b\":1e9}", "{\"a\":\"\\ud800\"}\n{", "{\"a\":\"\xff\"}\n\x00", `{"a":1,"a":2}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rd, err := transfer.NewReader(strings.NewReader(text), transfer.Format{NDJSON: true})
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
		seen := 0
		for row, err := range rd.Rows() {
			require.NoError(t, err)
			seen++
			require.NotEmpty(t, strings.TrimSpace(lines[row.Line-1]))
			if len(row.Faults()) > 0 {
				continue
			}
			var want map[string]any
			require.NoError(t, json.Unmarshal([]byte(lines[row.Line-1]), &want))
			for name, v := range want {
				if s, ok := v.(string); ok {
					require.Equal(t, s, row.Get(strings.TrimSpace(name)))
				}
			}
		}
		for _, line := range lines {
			if strings.TrimSpace(line) != "" {
				seen--
			}
		}
		require.Zero(t, seen, "every line comes out")
	})
}

// objectsOf writes rows of a CSV file as objects.
func objectsOf(t *testing.T, header string, rows []string) string {
	t.Helper()
	rd, err := transfer.NewReader(strings.NewReader(header+"\n"+strings.Join(rows, "\n")), transfer.Format{Delimiter: ';'})
	require.NoError(t, err)
	var out strings.Builder
	for row, err := range rd.Rows() {
		require.NoError(t, err)
		require.Empty(t, row.Faults())
		object := map[string]string{}
		for _, name := range rd.Header() {
			if v := row.Get(name); v != "" {
				object[name] = v
			}
		}
		line, err := json.Marshal(object)
		require.NoError(t, err)
		out.Write(append(line, '\n'))
	}
	return out.String()
}

// The same rows become the same records, whichever form the file has, and a run that stops half-way and is repeated leaves
// each of them once.
func TestRepeatedAfterAStop(t *testing.T) {
	t.Parallel()

	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			each(t, k.kind, func(t *testing.T, b bundle) {
				m, header, good := k.mapping, k.header, slices.Clone(k.good)
				m.Entity, m.Columns = k.kind, maps.Clone(m.Columns)
				if m.WithoutIDs { // a kind without external ids: rows bring their own
					m.WithoutIDs, m.System, m.Columns["id"] = false, "shop", "Id"
					header += ";Id"
					for i := range good {
						good[i] += ";" + b.filled("NOBODY")
					}
				}
				text := b.filled(objectsOf(t, header, good))
				ctx, stop := context.WithCancel(t.Context())
				o := &transfer.Options{Batch: 1, Format: transfer.Format{NDJSON: true}, Progress: func(work.LoadReport) { stop() }}
				rep, err := transfer.Import(ctx, k.target(b.Session), strings.NewReader(text), m, o)
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, 1, rep.Created, "%v", rep.Faults)
				require.Equal(t, []int{1}, b.count(t, k.table))

				o = &transfer.Options{Format: o.Format}
				rep, err = transfer.Import(t.Context(), k.target(b.Session), strings.NewReader(text), m, o)
				require.NoError(t, err)
				require.Equal(t, [3]int{len(good), len(good) - 1, 1}, [3]int{rep.Rows, rep.Created, rep.Unchanged + len(rep.Faults)}, "%v", rep.Faults)
				for _, f := range rep.Faults {
					require.Equal(t, 1, f.Line)
					require.True(t, work.IsTaken(f.Err), "%v", f.Err)
				}
				got, err := k.list(t.Context(), b.For(privacy.Operations))
				require.NoError(t, err)
				require.Equal(t, sorted(k.want), sorted(got))
			})
		})
	}
}
