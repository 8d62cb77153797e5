package script

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// sqliteFile opens connections to a file.
type sqliteFile string

func (f sqliteFile) Connect(context.Context) (driver.Conn, error) { return f.Driver().Open(string(f)) }
func (f sqliteFile) Driver() driver.Driver                        { return &sqlite.Driver{} }

// things are the same tables for both databases, with every type of column that the CRM's have.
const (
	postgresThings = `CREATE TABLE crm_thing (tenant_id text, id uuid, n bigint, small smallint, flag boolean, share float8, name text,
			at timestamptz, day date, doc jsonb, sealed bytea, words tsvector, PRIMARY KEY (tenant_id, id));
		CREATE TABLE crm_part (tenant_id text, thing uuid, no int, PRIMARY KEY (tenant_id, thing, no),
			FOREIGN KEY (tenant_id, thing) REFERENCES crm_thing);
		CREATE TABLE crm_other (id int)`
	sqliteThings = `CREATE TABLE crm_thing (tenant_id TEXT, id BLOB, n INTEGER, small INTEGER, flag INTEGER, share REAL, name TEXT,
			at INTEGER, day INTEGER, doc TEXT, sealed BLOB, words TEXT, PRIMARY KEY (tenant_id, id)) WITHOUT ROWID;
		CREATE TABLE crm_part (tenant_id TEXT, thing BLOB, no INTEGER, PRIMARY KEY (tenant_id, thing, no),
			FOREIGN KEY (tenant_id, thing) REFERENCES crm_thing) WITHOUT ROWID;
		CREATE TABLE crm_other (id INTEGER)`
)

// watched opens a database with the tables, and watches it.
func watched(t *testing.T, lite bool) (*sql.DB, Watcher) {
	t.Helper()
	var connector driver.Connector = sqliteFile("file:" + filepath.Join(t.TempDir(), "test.db"))
	tables, watch := sqliteThings, WatchSQLite
	if !lite {
		cfg, err := pgx.ParseConfig(dbtest.Postgres(t).Database(t))
		require.NoError(t, err)
		connector = stdlib.GetConnector(*cfg)
		tables, watch = postgresThings, WatchPostgres
	}
	db := sql.OpenDB(NewRecorder(connector))
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err := db.ExecContext(t.Context(), tables)
	require.NoError(t, err)
	w, err := watch(t.Context(), db)
	require.NoError(t, err)
	return db, w
}

func eachDatabase(t *testing.T, test func(t *testing.T, lite bool)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, true)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, false)
	})
}

// Every value of a changed row is seen, as the peers will bind it.
func TestChangesAreSeen(t *testing.T) { //nolint:paralleltest // eachDatabase says
	eachDatabase(t, func(t *testing.T, lite bool) {
		db, w := watched(t, lite)
		id, at := ident.New(), time.Date(2026, 11, 28, 12, 0, 0, 123456000, time.UTC)
		const insert = `INSERT INTO crm_thing VALUES ('t', $1, 9007199254740993, 2, $2, 0.5, 'Ada', $3, $4, '{"a": [1]}', $5, $6)`
		values := []any{[16]byte(id), true, at, "2026-11-28", []byte{0, 255}, "'ada'"}
		bound := []any{"t", [16]byte(id), int64(9007199254740993), int64(2), true, 0.5, "Ada", at, "2026-11-28", `{"a": [1]}`, []byte{0, 255}, "'ada'"}
		if lite {
			values = []any{id[:], 1, at.UnixMicro(), 20785, []byte{0, 255}, "'ada'"}
			bound = []any{"t", id[:], int64(9007199254740993), int64(2), int64(1), 0.5, "Ada", at.UnixMicro(), int64(20785), `{"a": [1]}`, []byte{0, 255}, "'ada'"}
		}
		_, err := db.ExecContext(t.Context(), "INSERT INTO crm_other VALUES (1)")
		require.NoError(t, err)
		changes, err := w.Watch(t.Context(), func() error {
			for _, s := range []struct {
				text string
				args []any
			}{
				{insert, values},
				{"INSERT INTO crm_other VALUES (2)", nil},
				{"INSERT INTO crm_part VALUES ('t', $1, 1), ('t', $1, 2)", values[:1]},
				{"UPDATE crm_thing SET name = NULL", nil},
				{"DELETE FROM crm_part WHERE no = 2", nil},
			} {
				if _, err := db.ExecContext(t.Context(), s.text, s.args...); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, err)
		full := args(t, bound...)
		bound[6] = nil
		part := func(no int64) []Arg { return args(t, "t", bound[1], no) }
		want := []struct {
			table    string
			old, new []Arg
		}{
			{"crm_thing", nil, full},
			{"crm_part", nil, part(1)},
			{"crm_part", nil, part(2)},
			{"crm_thing", full, args(t, bound...)},
			{"crm_part", part(2), nil},
		}
		require.Len(t, changes, len(want))
		for i, c := range changes {
			require.Equal(t, want[i].table, c.Table.Name)
			require.Equal(t, want[i].old, c.Old, i)
			require.Equal(t, want[i].new, c.New, i)
		}
		b := Builder{SQLite: lite}
		var texts []string
		for _, q := range b.plain(&Take{Changes: changes}) {
			texts = append(texts, strings.Fields(q.Text)[2])
		}
		require.Equal(t, []string{"crm_thing", "crm_part"}, texts)
	})
}

func TestWatchingEnds(t *testing.T) { //nolint:paralleltest // eachDatabase says
	eachDatabase(t, func(t *testing.T, lite bool) {
		db, w := watched(t, lite)
		write := func() error {
			_, err := db.ExecContext(t.Context(), "INSERT INTO crm_thing (tenant_id, id) SELECT 't', $1", ident.New().String())
			return err
		}
		broken := errors.New("broken")
		_, err := w.Watch(t.Context(), func() error { return broken })
		require.ErrorIs(t, err, broken)
		require.NoError(t, write())
		changes, err := w.Watch(t.Context(), func() error { return nil })
		require.NoError(t, err)
		require.Empty(t, changes, "what was written before")

		require.NoError(t, w.Close(t.Context()))
		if lite {
			_, err = db.ExecContext(t.Context(), "DELETE FROM crm_thing")
			require.NoError(t, err)
			changes, err = w.Watch(t.Context(), write)
			require.NoError(t, err)
			require.Empty(t, changes)
			return
		}
		require.NoError(t, write())
		var left int
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_class WHERE relname LIKE 'bench%'`).Scan(&left))
		require.Zero(t, left)
	})
}

// Searches and SQLite's index say their words in statements alone.
func TestWordsAreFound(t *testing.T) {
	t.Parallel()

	say := func(text string, values ...any) Statement {
		s := Statement{Text: text}
		for i, v := range values {
			s.Args = append(s.Args, driver.NamedValue{Ordinal: i + 1, Value: v})
		}
		return s
	}
	log := []Statement{
		say("/*x.insert*/ INSERT INTO crm_customer (a) VALUES (?)", "no"),
		say("/*x.find*/ SELECT 1 FROM crm_customer_fts f WHERE f.crm_customer_fts MATCH ? AND b = ?", "tenant", "found"),
		say("/*x.put*/ INSERT OR REPLACE INTO crm_customer_fts (rowid, tokens) SELECT search, ? FROM crm_customer WHERE id = ?", "written", []byte{1}),
	}
	require.Equal(t, "written", Document(log))
	require.Equal(t, "found", Words(log, "tenant"))
	require.Equal(t, "asked", Words([]Statement{say("SELECT 1 WHERE search @@ $2::tsquery AND t = $1", "tenant", "asked")}, "tenant"))
	require.Empty(t, Document(log[:1]))
	require.Empty(t, Words(log[:1], "tenant"))
}

func TestInsertsAreTakenApart(t *testing.T) {
	t.Parallel()

	value := func(n int64) driver.NamedValue { return driver.NamedValue{Value: n} }
	log := []Statement{
		{Text: "/*x.a*/ SELECT 1"},
		{Text: "/*x.a*/ INSERT INTO a (x, y) VALUES (?, ?), (?, ?)", Args: []driver.NamedValue{value(1), value(2), value(3), value(4)}},
		{Text: "/*x.b*/ INSERT INTO b (z) VALUES (?)", Args: []driver.NamedValue{value(5)}},
		{Text: "/*x.a*/ INSERT INTO a (x, y) VALUES (?, ?)", Args: []driver.NamedValue{value(6), value(7)}},
	}
	tables, err := Inserted(log)
	require.NoError(t, err)
	row := func(values ...any) []Arg { return args(t, values...) }
	require.Equal(t, []Rows{
		{Table: "a", Columns: []string{"x", "y"}, Rows: [][]Arg{row(int64(1), int64(2)), row(int64(3), int64(4)), row(int64(6), int64(7))}},
		{Table: "b", Columns: []string{"z"}, Rows: [][]Arg{row(int64(5))}},
	}, tables)
	_, err = Inserted([]Statement{{Text: "/*x.a*/ UPDATE a SET x = 1"}})
	require.ErrorContains(t, err, "UPDATE a")
}
