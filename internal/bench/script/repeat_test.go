package script

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
)

func args(t *testing.T, values ...any) []Arg {
	t.Helper()
	out := make([]Arg, len(values))
	for i, v := range values {
		var err error
		out[i], err = Argument(v)
		require.NoError(t, err)
	}
	return out
}

func kinds(list []Arg) (out []string) {
	for _, a := range list {
		out = append(out, a.Kind)
	}
	return out
}

func things(columns ...string) *Table {
	return &Table{Name: "crm_thing", Columns: columns, key: []int{0}}
}

func TestScriptsHaveHoles(t *testing.T) {
	t.Parallel()

	now := time.Date(2026, 11, 21, 12, 0, 0, 1000, time.UTC)
	first, mine, given, other := ident.New(), ident.New(), ident.New(), ident.New()
	row := args(t,
		[16]byte(mine), mine[:], [16]byte(given), [16]byte(other), []byte("sixteen bytes..."), []byte{1},
		now, now.Add(time.Hour), now.Add(time.Millisecond), now.UnixMicro(), int64(7), nil, true, 1.5,
		"plain", `["c-000000000042"]`, mine.String()+"/warn", []string{"a"}, [][16]byte{other},
	)
	take := Take{Changes: []Change{{Table: things(make([]string, len(row))...), New: row}}, Minted: []ident.ID{first, mine}, Given: []ident.ID{given}, Now: now}
	b := &Builder{Fresh: true, Mark: "c-"}
	s, err := b.Script(take)
	require.NoError(t, err)
	steps := s.Variants[0]
	require.Equal(t, []string{"begin", "exec", "commit"}, []string{steps[0].Do, steps[1].Do, steps[2].Do})
	got := steps[1].Args
	require.Equal(t, []string{
		holeID, holeBlob, kindUUID, holeRandom, holeDigest, kindBytes,
		holeNow, holeNow, kindTime, holeMicros, kindInt, kindNull, kindBool, kindFloat,
		kindText, holeText, holeText, kindTexts, kindUUIDs,
	}, kinds(got))
	require.EqualValues(t, 1, got[0].Int, "the second id that was made")
	require.Equal(t, int64(3_600_000_000), got[7].Int, "an hour from now")
	require.Equal(t, []Arg{{Kind: holeID, Int: 1, Text: mine.String()}}, got[16].List)

	stale := &Builder{Mark: "c-"}
	s, err = stale.Script(take)
	require.NoError(t, err)
	for i, kind := range map[int]string{0: holeID, 3: kindUUID, 4: kindBytes, 15: kindText, 16: holeText} {
		require.Equal(t, kind, s.Variants[0][1].Args[i].Kind, i)
	}
	_, err = Argument(struct{}{})
	require.ErrorContains(t, err, "struct {}")
}

func TestVersionsGrow(t *testing.T) {
	t.Parallel()

	table := things("id", "version", "size", "name")
	update := func(version int64, name string) Take {
		return Take{Changes: []Change{{
			Table: table, Old: args(t, int64(1), version-1, int64(5), "before"), New: args(t, int64(1), version, int64(6), name),
		}}}
	}
	var b Builder
	s, err := b.Script(update(8, "A"), update(9, "B"))
	require.NoError(t, err)
	require.Equal(t, "UPDATE crm_thing SET version = $1, size = $2, name = $3 WHERE id = $4 AND version = $5", b.Texts()[0])
	for i, name := range []string{"A", "B"} {
		require.Equal(t, []Arg{
			{Kind: holeCount, Int: 10}, {Kind: kindInt, Int: 6}, {Kind: kindText, Text: name}, {Kind: kindInt, Int: 1}, {Kind: holeCount, Int: 9},
		}, s.Variants[i][1].Args)
	}
	_, err = b.Script(update(8, "A"), Take{})
	require.ErrorContains(t, err, "3 and 0 statements")
	_, err = b.Script(update(8, "A"), update(9, "before"))
	require.ErrorContains(t, err, "differ in statement 2")
}

// What is written is one plain statement for each row, whatever became of the row on the way.
func TestRowsAreWrittenPlainly(t *testing.T) {
	t.Parallel()

	parent := &Table{Name: "parent", Columns: []string{"id", "n"}, key: []int{0}}
	child := &Table{Name: "child", Columns: []string{"id", "parent"}, key: []int{0}, after: []string{"parent"}}
	sink(map[string]*Table{"parent": parent, "child": child})
	row := func(a, b int64) []Arg { return args(t, a, b) }
	take := Take{Changes: []Change{
		{Table: child, New: row(1, 1)},
		{Table: child, New: row(2, 1)},
		{Table: parent, New: row(1, 5)},
		{Table: parent, Old: row(1, 5), New: row(1, 6)},
		{Table: parent, New: row(3, 7)},
		{Table: parent, Old: row(3, 7)},
		{Table: parent, Old: row(4, 7), New: row(4, 8)},
		{Table: parent, Old: row(5, 7), New: row(5, 8)},
		{Table: parent, Old: row(5, 8), New: row(5, 7)},
		{Table: child, Old: row(6, 1)},
	}}
	want := []Query{
		{Text: "INSERT INTO parent (id, n) VALUES ($1, $2)", Args: row(1, 6), Rows: 1},
		{Text: "UPDATE parent SET n = $1 WHERE id = $2", Args: row(8, 4), Rows: 1},
		{Text: "INSERT INTO child (id, parent) VALUES ($1, $2)", Args: row(1, 1), Rows: 1},
		{Text: "INSERT INTO child (id, parent) VALUES ($1, $2)", Args: row(2, 1), Rows: 1},
		{Text: "DELETE FROM child WHERE id = $1", Args: row(6, 0)[:1], Rows: 1},
	}
	require.Equal(t, want, new(Builder).plain(&take))
}

// SQLite's search index is written beside the row that refers to it.
func TestDocumentsAreWrittenBesideTheirRows(t *testing.T) {
	t.Parallel()

	table := things("id", "search", "name")
	b := &Builder{SQLite: true}
	insert := Take{Document: "ada", Changes: []Change{{Table: table, New: args(t, int64(1), int64(77), "Ada")}}}
	require.Equal(t, []Query{
		{Text: "INSERT INTO crm_thing_fts (tokens) VALUES (?)", Args: args(t, "ada"), Rows: 1},
		{Text: "INSERT INTO crm_thing (id, search, name) VALUES (?, last_insert_rowid(), ?)", Args: args(t, int64(1), "Ada"), Rows: 1},
	}, b.plain(&insert))
	update := Take{Document: "bea", Changes: []Change{{Table: table, Old: args(t, int64(1), int64(77), "Ada"), New: args(t, int64(1), int64(77), "Bea")}}}
	require.Equal(t, []Query{
		{Text: "UPDATE crm_thing SET name = ? WHERE id = ?", Args: args(t, "Bea", int64(1)), Rows: 1},
		{Text: "INSERT OR REPLACE INTO crm_thing_fts (rowid, tokens) VALUES (?, ?)", Args: args(t, int64(77), "bea"), Rows: 1},
	}, b.plain(&update))
}

func TestQueriesAreWrittenForTheirDatabase(t *testing.T) {
	t.Parallel()

	id, at := ident.New(), time.UnixMicro(5)
	const text = "SELECT 1 WHERE a = $1 AND b = $2 AND c = $1 AND d < $3"
	numbered, err := new(Builder).Query(text, 4, "t", id, at)
	require.NoError(t, err)
	require.Equal(t, Query{Text: text, Args: args(t, "t", [16]byte(id), at), Rows: 4}, numbered)
	inOrder, err := (&Builder{SQLite: true}).Query(text, 4, "t", id, at)
	require.NoError(t, err)
	require.Equal(t, Query{Text: "SELECT 1 WHERE a = ? AND b = ? AND c = ? AND d < ?", Args: args(t, "t", id[:], "t", int64(5)), Rows: 4}, inOrder)
	_, err = new(Builder).Query(text, 4, struct{}{})
	require.ErrorContains(t, err, "struct {}")
	require.True(t, slices.Equal(kinds(args(t, "t")), []string{kindText}))
}
