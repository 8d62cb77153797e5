package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestIDsAreInOrderAndOfVersion7(t *testing.T) {
	t.Parallel()

	var m minter
	before := uint64(time.Now().UnixMilli()) //nolint:gosec // after 1970
	var last [16]byte
	for range 10_000 {
		id := m.next()
		if bytes.Compare(id[:], last[:]) <= 0 {
			t.Fatalf("%x does not follow %x", id, last)
		}
		if id[6]>>4 != 7 || id[8]>>6 != 2 {
			t.Fatalf("%x is not of version 7", id)
		}
		last = id
	}
	var ms uint64
	for _, b := range last[:6] {
		ms = ms<<8 | uint64(b)
	}
	if ms < before || ms > before+10_000 {
		t.Fatalf("%d milliseconds, began at %d", ms, before)
	}
}

func TestMarksAreReplaced(t *testing.T) {
	t.Parallel()

	with := func(n int64) string { return markText("c-", n+1) }
	for in, want := range map[string]string{
		"":                                    "",
		"c-000000000041":                      "c-000000000042",
		`{"ext":["c-000000000041","c-12"]}`:   `{"ext":["c-000000000042","c-12"]}`,
		"abc-000000000009 c-000000000009 c-x": "abc-000000000010 c-000000000010 c-x",
	} {
		if got := remark(in, "c-", with); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// New rows refer to each other as the sample's do, and share nothing with it.
func TestSampleIsRenewed(t *testing.T) {
	t.Parallel()

	var m minter
	a, b := m.next(), m.next()
	digest := bytes.Repeat([]byte{0x11}, 16)
	l := &bulkLoad{to: "new", mark: "c-", began: time.Now().UnixMilli(), sample: []*table{
		{name: "parents", columns: []string{"tenant_id", "id", "ext"}, rows: [][]any{{"old", a, "c-000000000001"}, {"old", b, "c-000000000002"}}},
		{name: "children", columns: []string{"tenant_id", "parent", "blob", "digest", "n"}, rows: [][]any{{"old", a, a[:], digest, int64(7)}}},
	}}
	first, second := l.renew(), l.renew()
	parents, child := first[0].rows, first[1].rows[0]
	id, ok := parents[0][1].([16]byte)
	switch {
	case parents[0][0] != "new" || child[0] != "new":
		t.Error("the tenant is the old one")
	case !ok || id == a || id[6]>>4 != 7:
		t.Errorf("%x is no new id", id)
	case child[1] != any(id) || !bytes.Equal(child[2].([]byte), id[:]):
		t.Error("the child lost its parent")
	case bytes.Equal(child[3].([]byte), digest) || child[4] != int64(7):
		t.Error("digests must be new, numbers not")
	}
	seen := map[any]bool{}
	for _, rows := range [][][]any{l.sample[0].rows, first[0].rows, second[0].rows} {
		for _, row := range rows {
			if seen[row[1]] || seen[row[2]] {
				t.Errorf("%v is there twice", row)
			}
			seen[row[1]], seen[row[2]] = true, true
		}
	}
}

func TestTablesFollowThoseTheyReferTo(t *testing.T) {
	t.Parallel()

	got := ordered([]string{"a", "b", "c"}, map[string][]string{"a": {"c"}, "c": {"b", "c"}, "x": {"a"}})
	if !slices.Equal(got, []string{"b", "c", "a"}) {
		t.Error(got)
	}
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	in := `{"do":"turn"}{"do":"open","dialect":"oracle"}{"do":"open","dialect":"sqlite","dsn":":memory:"}
		{"do":"turn","op":"x"}{"do":"import"}{"do":"dance"}
		{"do":"load","op":"x","texts":["SELECT 1"],"scripts":[{"variants":[[{"do":"query","rows":2}]]}]}
		{"do":"turn","op":"x","peer":"sql"}{"do":"turn","op":"x","peer":"sql","far":true}{"do":"turn","op":"x","peer":"pgx"}
		{"do":"close"}{"do":"never read"}`
	if err := serve(t.Context(), strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []string{
		"no database is open", "unknown dialect", `{}`, "no scripts", "no sample", "unknown request", `{}`, "1 rows read, want 2", "no proxy",
		"no peer", `{}`,
	} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Fatalf("answer %d is not %q: %s", i, want, lines)
		}
	}
}

// A run fills its holes with what is new in it, and with the same wherever it is meant.
func TestHolesAreFilled(t *testing.T) {
	t.Parallel()

	const old = "01a22366-b7d0-771e-8a5c-c34b6e30a179"
	fill := func(kind string, n int64) arg { return arg{Kind: kind, Int: n} }
	s := &server{}
	o := compile(&request{Mark: "c-", Texts: []string{"x"}, Scripts: []script{{Variants: [][]step{{{Do: "exec", Args: []arg{
		fill(holeID, 1), fill(holeBlob, 1), fill(holeNow, 5), fill(holeMicros, 0), fill(holeCount, 7), fill(holeRandom, 0), fill(holeDigest, 0),
		{Kind: holeText, Text: "c-000000000001 " + old, List: []arg{{Kind: holeID, Int: 1, Text: old}}}, {Kind: kindText, Text: "c-000000000001"},
	}}}}}}})
	var runs [2][]any
	for i := range runs {
		steps, err := s.prepare(o)
		if err != nil {
			t.Fatal(err)
		}
		runs[i] = slices.Clone(steps[0].args)
	}
	for i, a := range runs {
		id := a[0].([16]byte)
		text := fmt.Sprintf("c-%012d %x-%x-%x-%x-%x", firstMark+i+1, id[:4], id[4:6], id[6:8], id[8:10], id[10:])
		switch {
		case !bytes.Equal(a[1].([]byte), id[:]):
			t.Errorf("%x is another id than %x", a[1], id)
		case a[2].(time.Time).UnixMicro() != a[3].(int64)+5:
			t.Errorf("%v is not 5 µs after %v", a[2], a[3])
		case a[4] != int64(7+i):
			t.Errorf("run %d counts %v", i, a[4])
		case a[7] != text:
			t.Errorf("%v, want %s", a[7], text)
		case a[8] != "c-000000000001":
			t.Errorf("%v has no hole", a[8])
		}
	}
	for _, at := range []int{0, 5} {
		if runs[0][at] == runs[1][at] {
			t.Errorf("value %d is the same in both runs", at)
		}
	}
	if bytes.Equal(runs[0][6].([]byte), runs[1][6].([]byte)) {
		t.Error("the digest is the same in both runs")
	}
	o.programs[0].variants[0][0].holes[0].Kind = "none"
	if _, err := s.prepare(o); err == nil {
		t.Error("an unknown hole is filled")
	}
}
