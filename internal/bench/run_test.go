package bench

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// testOptions are the smallest bench of one database.
func testOptions(t *testing.T, dialect string) Options {
	t.Helper()
	o := Options{Rows: minRows, Dialects: []string{dialect}, Duration: 100 * time.Millisecond, JSON: true}
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

// openTest opens a filled database with peers beside it.
func openTest(t *testing.T, dialect string) (*world, *Child, []ident.ID) {
	t.Helper()
	o := testOptions(t, dialect)
	w, err := openWorld(t.Context(), dialect, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.close()) })
	child := startPeers(t)
	require.NoError(t, w.seed(t.Context(), o.Rows, io.Discard))
	busy, err := w.talk(t.Context(), io.Discard)
	require.NoError(t, err)
	_, err = child.ask(&request{Do: "open", Dialect: dialect, DSN: w.peerDSN})
	require.NoError(t, err)
	return w, child, busy
}

// A peer runs the statements our operation runs, each as often, and writes as many rows into each table.
func TestPeersDoWhatWeDo(t *testing.T) {
	t.Parallel()

	eachDialect(t, func(t *testing.T, dialect string) {
		w, child, busy := openTest(t, dialect)
		for _, name := range Ops()[:len(Ops())-1] {
			op, err := w.operation(t.Context(), name, busy)
			require.NoError(t, err)
			first, err := w.load(t.Context(), child, op)
			require.NoError(t, err)
			want := map[string]int{}
			for _, st := range first[0].Statements {
				if st.Text == "" {
					want[st.Do]++
				} else {
					want[st.Text]++
				}
			}
			require.NotEmpty(t, want)
			for i, peer := range peersOf(dialect) {
				// Script 0 comes round again when every script has had its turn.
				if i > 0 {
					_, err := child.ask(&request{Do: "turn", Op: name, Peer: peer, Calls: op.takes*op.again - 1})
					require.NoError(t, err)
				}
				rep, err := child.ask(&request{Do: "turn", Op: name, Peer: peer, Calls: 1, Trace: true})
				require.NoError(t, err, "%s %s", peer, name)
				require.Equal(t, want, rep.Ran, "%s %s", peer, name)
			}

			const calls = 6
			n := 0
			ours := w.growth(t, func() error {
				_, err := repeat(t.Context(), 0, func(ctx context.Context) error {
					for range calls {
						if err := op.ours(ctx, w.session(w.ours, bigTenant), n); err != nil {
							return err
						}
						n++
					}
					return nil
				})
				return err
			})
			theirs := w.growth(t, func() error {
				_, err := child.ask(&request{Do: "turn", Op: name, Peer: peersOf(dialect)[0], Calls: calls})
				return err
			})
			require.Equal(t, ours, theirs, name)
			if name == opInsert {
				require.EqualValues(t, calls, ours["crm_customer"])
				require.EqualValues(t, 2*calls, ours["crm_contact_point"])
			}
		}
	})
}

func TestImportsWriteTheSameRows(t *testing.T) {
	t.Parallel()

	eachDialect(t, func(t *testing.T, dialect string) {
		w, child, _ := openTest(t, dialect)
		sides, err := w.imports(t.Context(), child)
		require.NoError(t, err)
		var wrote []map[string]int64
		for range 2 {
			for _, s := range sides {
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
	before, err := w.counts(t.Context(), bigTenant)
	require.NoError(t, err)
	require.NoError(t, during())
	after, err := w.counts(t.Context(), bigTenant)
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
