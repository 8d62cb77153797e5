package dbtest_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

// stand is a pool that can fail and a second one that tells the truth.
type stand struct {
	chaos *dbtest.Chaos
	db    *sql.DB
	truth *sql.DB
}

func (s stand) rows(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, s.truth.QueryRowContext(t.Context(), "SELECT count(*) FROM note").Scan(&n))
	return n
}

// onBoth runs a test on SQLite and on PostgreSQL, each with an empty table note.
func onBoth(t *testing.T, test func(t *testing.T, s stand)) {
	t.Helper()
	for name, connector := range map[string]func(t *testing.T) driver.Connector{
		"sqlite": sqliteConnector, "postgres": postgresConnector,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			base := connector(t)
			s := stand{chaos: dbtest.NewChaos(base), truth: sql.OpenDB(base)}
			s.db = s.chaos.DB()
			t.Cleanup(func() { require.NoError(t, errors.Join(s.db.Close(), s.truth.Close())) })
			_, err := s.truth.ExecContext(t.Context(), "CREATE TABLE note (id bigint PRIMARY KEY, body text)")
			require.NoError(t, err)
			test(t, s)
		})
	}
}

func sqliteConnector(t *testing.T) driver.Connector {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chaos.db")
	c, err := sqlite.NewConnector("file:" + path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	require.NoError(t, err)
	return c
}

func postgresConnector(t *testing.T) driver.Connector {
	t.Helper()
	config, err := pgx.ParseConfig(dbtest.Postgres(t).Database(t))
	require.NoError(t, err)
	return stdlib.GetConnector(*config)
}

const insert = "/*note.insert*/ INSERT INTO note (id, body) VALUES ($1, $2)"

func TestChaosStatement(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct {
		rule dbtest.Rule
		want int // rows after one insert of its own
	}{
		"before":          {dbtest.Rule{When: dbtest.Before}, 0},
		"before and kill": {dbtest.Rule{When: dbtest.Before, KillConn: true}, 0},
		"after":           {dbtest.Rule{When: dbtest.After}, 1},
		"lost reply":      {dbtest.Rule{When: dbtest.LostReply}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, s stand) {
				rule := tc.rule
				rule.Match, rule.Nth, rule.Err = dbtest.ByName("note.insert"), 2, dbtest.PgError("40001")
				fault := s.chaos.Inject(rule)
				require.NoError(t, run(t, s.db, 1), "the first is spared")
				err := run(t, s.db, 2)
				pg, ok := errors.AsType[*pgconn.PgError](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, "40001", pg.Code)
				require.NoError(t, run(t, s.db, 3), "the pool recovers")
				require.Equal(t, 2+tc.want, s.rows(t))
				require.Equal(t, 1, fault.Fired())
				require.Equal(t, 3, fault.Seen())
			})
		})
	}
}

func run(t *testing.T, db *sql.DB, id int) error {
	t.Helper()
	_, err := db.ExecContext(t.Context(), insert, id, "x")
	return err
}

func TestChaosCommit(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct {
		rule dbtest.Rule
		want int
	}{
		"before":     {dbtest.Rule{When: dbtest.Before}, 0},
		"killed":     {dbtest.Rule{When: dbtest.Before, KillConn: true}, 0},
		"after":      {dbtest.Rule{When: dbtest.After}, 1},
		"lost reply": {dbtest.Rule{When: dbtest.LostReply}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, s stand) {
				rule := tc.rule
				rule.Ops = []dbtest.Op{dbtest.OpCommit}
				s.chaos.Inject(rule)
				tx, err := s.db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				stmt, err := tx.PrepareContext(t.Context(), insert)
				require.NoError(t, err)
				_, err = stmt.ExecContext(t.Context(), 1, "x")
				require.NoError(t, err)
				require.EqualError(t, tx.Commit(), dbtest.LostConnection().Error())
				require.Equal(t, tc.want, s.rows(t))

				s.chaos.Clear()
				require.NoError(t, run(t, s.db, 2), "no lock is left behind")
			})
		})
	}
}

// A connection killed amid a transaction takes the transaction with it.
func TestChaosKillInTransaction(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s stand) {
		s.chaos.Inject(dbtest.Rule{Match: dbtest.ByName("note.insert"), Nth: 2, When: dbtest.LostReply})
		tx, err := s.db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = tx.ExecContext(t.Context(), insert, 1, "x")
		require.NoError(t, err)
		_, err = tx.ExecContext(t.Context(), insert, 2, "x")
		require.EqualError(t, err, dbtest.LostConnection().Error())
		require.Error(t, tx.Commit())
		require.Zero(t, s.rows(t))
		require.NoError(t, run(t, s.db, 1), "no lock is left behind")
	})
}

// A faulty begin leaves no transaction behind, whichever side it fails on.
func TestChaosBegin(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s stand) {
		for _, when := range []dbtest.When{dbtest.Before, dbtest.LostReply} {
			s.chaos.Clear()
			s.chaos.Inject(dbtest.Rule{Ops: []dbtest.Op{dbtest.OpBegin}, When: when})
			_, err := s.db.BeginTx(t.Context(), nil)
			require.EqualError(t, err, dbtest.LostConnection().Error())
		}
		require.NoError(t, run(t, s.db, 1))
	})
}

// A write that returns rows has its effect before its reply is lost.
func TestChaosReturningRows(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s stand) {
		s.chaos.Inject(dbtest.Rule{Match: dbtest.ByName("note.pair"), When: dbtest.LostReply})
		rows, err := s.db.QueryContext(t.Context(), "/*note.pair*/ INSERT INTO note (id) VALUES (1), (2) RETURNING id")
		if err == nil {
			err = errors.Join(rows.Close(), rows.Err())
		}
		require.EqualError(t, err, dbtest.LostConnection().Error())
		require.Equal(t, 2, s.rows(t))
	})
}

// driver.ErrBadConn makes database/sql repeat a statement, which is why a driver
// must never report a lost reply that way.
func TestChaosBadConnRepeats(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s stand) {
		fault := s.chaos.Inject(dbtest.Rule{
			Match: dbtest.ByName("note.insert"), Nth: 1, When: dbtest.Before, Err: driver.ErrBadConn, KillConn: true,
		})
		require.NoError(t, run(t, s.db, 1))
		require.Equal(t, 2, fault.Seen())
	})
}

func TestChaosCoverage(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s stand) {
		var watched []string
		s.chaos.Watch(func(_ dbtest.Op, sql string) { watched = append(watched, dbtest.StatementName(sql)) })
		tx, err := s.db.BeginTx(t.Context(), &sql.TxOptions{})
		require.NoError(t, err)
		stmt, err := tx.PrepareContext(t.Context(), insert)
		require.NoError(t, err)
		for id := range 3 {
			_, err := stmt.ExecContext(t.Context(), id, "x")
			require.NoError(t, err)
		}
		require.NoError(t, tx.Commit())
		var n int
		require.NoError(t, s.db.QueryRowContext(t.Context(), "select count(*) from note").Scan(&n))
		require.Equal(t, 3, n)
		want := map[string]int{"BEGIN": 1, "note.insert": 3, "COMMIT": 1, "(SELECT)": 1}
		require.Equal(t, want, s.chaos.Coverage())
		require.Equal(t, []string{"BEGIN", "note.insert", "note.insert", "note.insert", "note.insert", "COMMIT", "(SELECT)"}, watched)
		var out bytes.Buffer
		s.chaos.Report(&out)
		require.Len(t, strings.Split(strings.TrimSpace(out.String()), "\n"), 4)
	})
}

// What a driver can do, it can do through the wrapper.
func TestChaosForwards(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s stand) {
		conn, err := s.db.Conn(t.Context())
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close()) }()
		require.NoError(t, conn.PingContext(t.Context()))
		require.NoError(t, conn.Raw(func(dc any) error {
			inner, ok := dc.(interface{ Unwrap() driver.Conn })
			require.True(t, ok)
			require.NotSame(t, dc, inner.Unwrap())
			return nil
		}))
		require.Equal(t, s.truth.Driver(), s.db.Driver())
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_, got := s.db.ExecContext(cancelled, insert, 1, "x")
		_, want := s.truth.ExecContext(cancelled, insert, 1, "x")
		require.Equal(t, want, got)
	})
}

func TestStatementName(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]string{
		"/*a.b*/ SELECT 1":        "a.b",
		" /* a.b */\nSELECT 1":    "a.b",
		"select 1":                "(SELECT)",
		"SAVEPOINT x":             "(SAVEPOINT)",
		"COMMIT":                  "COMMIT",
		"/* open SELECT":          "(/*)",
		"":                        "()",
		"INSERT/*later*/ INTO x ": "(INSERT/*LATER*/)",
	} {
		require.Equal(t, want, dbtest.StatementName(text), text)
	}
}
