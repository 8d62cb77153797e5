package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/rapport-crm/rapport/core/ident"
)

func TestScriptsHaveHoles(t *testing.T) {
	t.Parallel()

	now := time.Date(2026, 11, 21, 12, 0, 0, 1000, time.UTC)
	mine, other := ident.New(), ident.New()
	take := Take{Minted: []ident.ID{ident.New(), mine}, Now: now, Statements: []Statement{
		{Do: "begin"},
		{Do: "exec", Text: "INSERT", Rows: 1, Args: named(
			[]byte("sixteen bytes..."), nil, true, int64(7), 1.5, "plain", "c-000000000042", [16]byte(mine), mine[:], [16]byte(other), []byte{1}, now, now.UnixMicro(), now.Add(time.Hour),
			[]string{"a"}, [][16]byte{other},
		)},
		{Do: "commit"},
	}}
	var x texts
	s, err := x.script([]Take{take}, true)
	require.NoError(t, err)
	require.Equal(t, []string{"INSERT"}, x.list)
	var kinds []string
	for _, a := range s.Variants[0][1].Args {
		kinds = append(kinds, a.Kind)
	}
	require.Equal(t, []string{
		holeDigest, kindNull, kindBool, kindInt, kindFloat, kindText, holeMark, holeID, holeBlob, kindUUID, kindBytes, holeNow, holeMicros, kindTime,
		kindTexts, kindUUIDs,
	}, kinds)
	require.EqualValues(t, 1, s.Variants[0][1].Args[7].Int, "the second id that was made")

	s, err = x.script([]Take{take}, false)
	require.NoError(t, err)
	require.Equal(t, kindText, s.Variants[0][1].Args[6].Kind)

	_, err = x.script([]Take{{Statements: []Statement{{Do: "exec", Text: "X", Args: named(struct{}{})}}}}, false)
	require.ErrorContains(t, err, "struct {}")
	_, err = x.script([]Take{{Statements: []Statement{{Do: "rollback"}}}}, false)
	require.ErrorContains(t, err, "rolled back")
}

func TestVersionsGrow(t *testing.T) {
	t.Parallel()

	update := func(to, from int64, name string) Take {
		return Take{Statements: []Statement{{Do: "exec", Text: "UPDATE", Rows: 1, Args: named(to, from, int64(5), name)}}}
	}
	var x texts
	s, err := x.script([]Take{update(8, 7, "A"), update(9, 8, "B")}, false)
	require.NoError(t, err)
	for i, name := range []string{"A", "B"} {
		require.Equal(t, []Arg{
			{Kind: holeCount, Int: 10}, {Kind: holeCount, Int: 9}, {Kind: kindInt, Int: 5}, {Kind: kindText, Text: name},
		}, s.Variants[i][0].Args)
	}
	_, err = x.script([]Take{update(8, 7, "A"), {}}, false)
	require.ErrorContains(t, err, "1 and 0 statements")
}

func named(values ...any) []driver.NamedValue {
	out := make([]driver.NamedValue, len(values))
	for i, v := range values {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return out
}

// program compiles the peers once.
var program = sync.OnceValues(func() (string, error) {
	return BuildPeers(context.Background(), "", peersDir)
})

// The peers do again what was recorded, with new ids, times, marks and versions.
func TestPeersRepeatWhatWasRecorded(t *testing.T) {
	t.Parallel()

	dsn := sqliteDSN(filepath.Join(t.TempDir(), "test.db"))
	r := NewRecorder(byName{&sqlite.Driver{}, dsn})
	db := sql.OpenDB(r)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err := db.ExecContext(t.Context(), `CREATE TABLE things (id BLOB PRIMARY KEY, ext TEXT UNIQUE, version INTEGER, at INTEGER) WITHOUT ROWID`)
	require.NoError(t, err)

	id, now := ident.New(), time.Now().UTC().Truncate(time.Microsecond)
	var x texts
	insert := Take{Minted: []ident.ID{id}, Now: now, Statements: record(t, r, db,
		statement{`/*t.insert*/ INSERT INTO things VALUES (?, ?, ?, ?)`, []any{id[:], "c-000000000001", 1, now.UnixMicro()}})}
	inserts, err := x.script([]Take{insert}, true)
	require.NoError(t, err)
	var updates []Take
	for v := range 2 {
		updates = append(updates, Take{Statements: record(t, r, db,
			statement{`/*t.read*/ SELECT id, ext FROM things WHERE version > ?`, []any{0}},
			statement{`/*t.update*/ UPDATE things SET version = ? WHERE version = ? AND id = ?`, []any{v + 2, v + 1, id[:]}})})
	}
	growing, err := x.script(updates, false)
	require.NoError(t, err)

	child := startPeers(t)
	for _, req := range []*request{
		{Do: "open", Dialect: SQLite, DSN: dsn},
		{Do: "load", Op: "insert", Scripts: []Script{inserts}, Texts: x.list, Mark: markWord},
		{Do: "load", Op: "update", Scripts: []Script{growing}, Texts: x.list},
	} {
		_, err := child.ask(req)
		require.NoError(t, err)
	}
	rep, err := child.ask(&request{Do: "turn", Op: "update", Peer: "sql", Calls: 5, Trace: true})
	require.NoError(t, err)
	require.Equal(t, 5, rep.Calls)
	require.Positive(t, rep.P50NS)
	require.Equal(t, map[string]int{"begin": 5, "commit": 5, updates[0].Statements[1].Text: 5, updates[0].Statements[2].Text: 5}, rep.Ran)
	var version, rows, ids, exts int
	require.NoError(t, db.QueryRow(`SELECT version FROM things`).Scan(&version))
	require.Equal(t, 8, version)

	_, err = child.ask(&request{Do: "turn", Op: "insert", Peer: "sql", Calls: 10})
	require.NoError(t, err)
	require.NoError(t, db.QueryRow(`SELECT count(*), count(DISTINCT id), count(DISTINCT ext) FROM things WHERE at >= ?`, now.UnixMicro()).
		Scan(&rows, &ids, &exts))
	require.Equal(t, [3]int{11, 11, 11}, [3]int{rows, ids, exts})

	_, err = child.ask(&request{Do: "turn", Op: "update", Peer: "sql", Calls: 1})
	require.ErrorContains(t, err, "11 rows read, want 1", "a peer that reads other rows is found out")
}

type statement struct {
	text string
	args []any
}

// record runs statements in one transaction and returns what the recorder saw.
func record(t *testing.T, r *Recorder, db *sql.DB, statements ...statement) []Statement {
	t.Helper()
	log, err := r.Record(func() error {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			return err
		}
		for _, s := range statements {
			if !writes(s.text) {
				rows, err := tx.QueryContext(t.Context(), s.text, s.args...)
				if err != nil {
					return err
				}
				if err := rows.Close(); err != nil { // unread rows count, too
					return err
				}
				if err := rows.Err(); err != nil {
					return err
				}
			} else if _, err := tx.ExecContext(t.Context(), s.text, s.args...); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
	require.NoError(t, err)
	return log
}

func startPeers(t *testing.T) *Child {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	child, err := StartChild(context.WithoutCancel(t.Context()), path) // it is closed after the test's context has ended
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, child.Close()) })
	return child
}
