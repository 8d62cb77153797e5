package bench

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/bench/sample"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// testOptions are the smallest bench of one database.
func testOptions(t *testing.T, dialect string) Options {
	t.Helper()
	o := Options{Rows: minRows, Dialects: []string{dialect}, Duration: 100 * time.Millisecond, JSON: true, farCalls: 1, takes: 8}
	if dialect == Postgres {
		o.DSN = dbtest.Postgres(t).DSN()
	}
	full, err := o.withDefaults()
	require.NoError(t, err)
	return full
}

func eachDialect(t *testing.T, test func(t *testing.T, dialect string)) {
	t.Helper()
	for _, dialect := range []string{SQLite, Postgres} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()

			test(t, dialect)
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()

	eachDialect(t, func(t *testing.T, dialect string) {
		var out bytes.Buffer
		o := testOptions(t, dialect)
		o.Out = &out
		require.NoError(t, Run(t.Context(), o))
		var got [][2]string
		for lines := bufio.NewScanner(&out); lines.Scan(); {
			var r Result
			require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
			require.Equal(t, dialect, r.Dialect)
			require.Positive(t, r.OursNS)
			require.Positive(t, r.PeerNS)
			require.InEpsilon(t, float64(r.PeerNS)/float64(r.OursNS), r.Ratio, 1e-9)
			requireFar(t, &r, lines.Bytes())
			got = append(got, [2]string{r.Op, r.Peer})
		}
		var want [][2]string
		for _, op := range Ops() {
			peers := peersOf(dialect)
			if op == opImport && dialect == Postgres {
				peers = []string{"copy"}
			}
			for _, p := range peers {
				want = append(want, [2]string{op, p})
			}
		}
		require.Equal(t, want, got)
	})
}

// requireFar says which fields a line has of round trips and of what they cost.
func requireFar(t *testing.T, r *Result, line []byte) {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal(line, &fields))
	delayed := []string{"delayed_ours_ns", "delayed_peer_ns", "delayed_ratio"}
	if r.Dialect == SQLite {
		require.NotContains(t, fields, "trips")
	} else {
		require.Positive(t, r.Trips, r.Op)
		require.InDelta(t, float64(r.Trips), fields["trips"], 0)
	}
	if r.Peer != peerOneByOne {
		for _, f := range delayed {
			require.NotContains(t, fields, f)
		}
		return
	}
	require.GreaterOrEqual(t, r.DelayedOursNS, r.Trips*farDelay.Nanoseconds(), "%s: each trip is delayed", r.Op)
	require.Greater(t, r.DelayedPeerNS, farDelay.Nanoseconds())
	require.InEpsilon(t, float64(r.DelayedPeerNS)/float64(r.DelayedOursNS), r.DelayedRatio, 1e-9)
}

// fewRows is enough for the operations that write, and little to compare.
const fewRows = 200

// openTest opens a database with some customers, filled for some operations, with peers beside it.
func openTest(t *testing.T, dialect string, rows int, ops ...string) (*world, *Child) {
	t.Helper()
	o := testOptions(t, dialect)
	o.Rows, o.Ops = rows, ops
	w, err := openWorld(t.Context(), dialect, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.close()) })
	child := startPeers(t)
	o.Log = io.Discard
	require.NoError(t, w.fill(t.Context(), o))
	require.NoError(t, w.invite(child))
	return w, child
}

func TestImportsWriteTheSameRows(t *testing.T) {
	t.Parallel()

	eachDialect(t, func(t *testing.T, dialect string) {
		w, child := openTest(t, dialect, fewRows, opImport)
		c, err := w.imports(t.Context(), child)
		require.NoError(t, err)
		var wrote []map[string]int64
		for range 2 {
			for _, s := range c.sides {
				wrote = append(wrote, w.growth(t, func() error {
					d, err := s.turn(t.Context(), 0)
					require.Positive(t, d)
					return err
				}))
			}
		}
		require.Subset(t, slices.Collect(maps.Keys(wrote[0])), []string{"crm_customer", "crm_contact_point", "crm_customer_ext",
			"crm_subject_key", "crm_audit", "crm_event", "crm_dispatch"})
		for _, w := range wrote[1:] {
			require.Equal(t, wrote[0], w)
		}
	})
}

// growth returns how many rows each table got meanwhile.
func (w *world) growth(t *testing.T, during func() error) map[string]int64 {
	t.Helper()
	before, err := w.counts(t.Context(), sample.BigTenant)
	require.NoError(t, err)
	require.NoError(t, during())
	after, err := w.counts(t.Context(), sample.BigTenant)
	require.NoError(t, err)
	grown := map[string]int64{}
	for table, n := range after {
		if n != before[table] {
			grown[table] = n - before[table]
		}
	}
	return grown
}

// The listened and the peers' connection keep what sqlite.Open promises.
func TestSQLiteIsSetUpAlike(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "test.db")
	write, read, err := sqlite.OpenPools(t.Context(), path)
	require.NoError(t, err)
	theirs := sql.OpenDB(byName{write.Driver(), sqliteDSN(path)})
	for _, db := range []*sql.DB{write, read, theirs} {
		t.Cleanup(func() { require.NoError(t, db.Close()) })
	}
	for _, pragma := range []string{"journal_mode", "synchronous", "cache_size", "foreign_keys", "temp_store", "journal_size_limit", "mmap_size"} {
		want, got := "", ""
		require.NoError(t, write.QueryRow("PRAGMA "+pragma).Scan(&want))
		require.NoError(t, theirs.QueryRow("PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}

func TestSampleMeetsEachCustomerOnce(t *testing.T) {
	t.Parallel()

	w := &world{rows: 5000, people: sample.People{Seed: 1}}
	seen := map[int]bool{}
	for _, i := range w.sample(2000, 7) {
		require.False(t, seen[i])
		require.Equal(t, sample.BigTenant, w.people.Tenant(i))
		seen[i] = true
	}
	require.Len(t, seen, 2000)
}
