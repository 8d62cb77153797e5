package faults_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// strike is one way in which a statement fails.
type strike struct {
	name string
	err  error
	when dbtest.When
	kill bool
	ends []fault.Code // what the caller may get; nil as well
}

var sides = map[dbtest.When]string{dbtest.Before: "before", dbtest.After: "after", dbtest.LostReply: "lost reply"}

// strikes lists the ways for a database.
func strikes(t *testing.T, backend string) (out []strike) {
	t.Helper()
	add := func(name string, err error, ends ...fault.Code) {
		for _, when := range []dbtest.When{dbtest.Before, dbtest.After, dbtest.LostReply} {
			out = append(out, strike{name: name + " " + sides[when], err: err, when: when, ends: ends})
		}
	}
	if backend == "sqlite" {
		busy, full := sqliteErrors(t)
		add("busy", busy, fault.Retryable)
		add("disk full", full, fault.Unavailable)
		add("driver error", errors.New("injected"), fault.Internal)
	} else {
		add("40001", dbtest.PgError("40001"), fault.Retryable)
		add("40P01", dbtest.PgError("40P01"), fault.Retryable)
		add("40003", dbtest.PgError("40003"), fault.CommitUnknown)
	}
	gone := dbtest.LostConnection()
	if backend == "sqlite" {
		gone = sql.ErrConnDone
	}
	add("closed connection", gone, fault.Unavailable, fault.CommitUnknown)
	for i := range out {
		out[i].kill = out[i].when == dbtest.LostReply || errors.Is(out[i].err, gone)
	}
	if backend != "sqlite" {
		out = append(out, strike{
			name: "connection closed long ago", err: driver.ErrBadConn, kill: true, ends: []fault.Code{fault.Unavailable, fault.CommitUnknown},
		})
	}
	return out
}

// sqliteErrors provokes the driver's own errors for a locked database and a full disk.
func sqliteErrors(t *testing.T) (busy, full error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "errors.db")
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "CREATE TABLE t (x)")
	require.NoError(t, err)
	a, err := db.Conn(t.Context())
	require.NoError(t, err)
	b, err := db.Conn(t.Context())
	require.NoError(t, err)
	_, err = a.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	_, busy = b.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	var e *sqlite.Error
	require.ErrorAs(t, busy, &e)
	_, err = a.ExecContext(t.Context(), "ROLLBACK; PRAGMA max_page_count = 3")
	require.NoError(t, err)
	_, full = a.ExecContext(t.Context(), "INSERT INTO t VALUES (zeroblob(100000))")
	require.ErrorAs(t, full, &e)
	require.NoError(t, errors.Join(a.Close(), b.Close()))
	return busy, full
}

// shot is one injection: a way to fail, at the nth time that a step runs a statement.
type shot struct {
	strike
	statement string
	nth       int
}

func (s *shot) String() string { return fmt.Sprintf("%s at %s #%d", s.name, s.statement, s.nth) }

func (s *shot) rule() dbtest.Rule {
	return dbtest.Rule{Match: dbtest.ByName(s.statement), Nth: s.nth, When: s.when, Err: s.err, KillConn: s.kill}
}

// may tells whether an error is one that the shot may end in.
func (s *shot) may(err error) bool {
	if errors.Is(err, errHost) || errors.Is(err, context.Canceled) {
		return true // the host's own statements have no faults of ours
	}
	code := fault.CodeOf(err)
	return slices.Contains(s.ends, code) || s.kill && code == fault.Unavailable
}

// plan gives each pair of a statement and a strike to one of the steps that run the statement, the idlest one, and
// shuffles.
func plan(r *rand.Rand, seen map[string]map[string]int, kinds []strike) map[string][]*shot {
	at := map[string][]string{} // steps by statement
	for name, statements := range seen {
		for s := range statements {
			at[s] = append(at[s], name)
		}
	}
	out := map[string][]*shot{}
	names := make([]string, 0, len(at))
	for s := range at {
		names = append(names, s)
		slices.Sort(at[s])
	}
	slices.SortFunc(names, func(a, b string) int { // those with the least choice first
		if d := len(at[a]) - len(at[b]); d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
	for _, s := range names {
		for _, k := range kinds {
			idlest := slices.MinFunc(at[s], func(a, b string) int { return len(out[a]) - len(out[b]) })
			out[idlest] = append(out[idlest], &shot{strike: k, statement: s, nth: 1 + r.IntN(seen[idlest][s])})
		}
	}
	for _, step := range slices.Sorted(maps.Keys(out)) {
		list := out[step]
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return out
}
