package bench

import (
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/internal/bench/sample"
	"github.com/rapport-crm/rapport/internal/bench/script"
)

// row is a row of a table as it is stored: values by column.
type row struct {
	table  string
	values map[string]any
}

// snapshot is every row of every tenant, by what it holds, and every id.
type snapshot struct {
	rows map[string]row
	ids  map[string]bool
}

func (w *world) snapshot(t *testing.T) snapshot {
	t.Helper()
	out := snapshot{map[string]row{}, map[string]bool{}}
	for name, table := range w.tables {
		rows, err := w.raw.QueryContext(t.Context(), "SELECT * FROM "+name)
		require.NoError(t, err)
		for rows.Next() {
			values := make([]any, len(table.Columns))
			into := make([]any, len(values))
			for i := range values {
				into[i] = &values[i]
			}
			require.NoError(t, rows.Scan(into...))
			r := row{name, map[string]any{}}
			for i, c := range table.Columns {
				v := plainly(values[i])
				if id, ok := v.(string); ok && len(id) == lengthOfID && anID.MatchString(id) {
					out.ids[id] = true
				}
				values[i], r.values[c] = v, v
			}
			out.rows[fmt.Sprintln(name, values)] = r
		}
		require.NoError(t, rows.Err())
	}
	return out
}

// plainly gives times and ids one form on both databases: microseconds, and text.
func plainly(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UnixMicro()
	case []byte:
		if len(v) == len(ident.ID{}) {
			return ident.ID(v).String()
		}
		return hex.EncodeToString(v)
	}
	return v
}

// remains are the rows that one run left. They are made alike where runs may differ: in ids that are new, in the
// present, in external ids, and in versions, which grow.
type remains struct {
	rows  []row
	known map[string]bool   // ids that were there before
	now   int64             // the instant of the decision
	older int64             // how many versions older the record was in another run
	ids   map[string]string // that are new, and what they are called
	loose bool              // what no two runs of ours have in common is left out: sealed bytes, and time spent
}

// run returns what fn leaves.
func (w *world) run(t *testing.T, fn func() error) *remains {
	t.Helper()
	before := w.snapshot(t)
	require.NoError(t, fn())
	r := &remains{known: before.ids}
	for key, row := range w.snapshot(t).rows {
		if _, ok := before.rows[key]; ok {
			continue
		}
		r.rows = append(r.rows, row)
		if row.table == "crm_audit" {
			require.Zero(t, r.now, "one run, one decision")
			r.now = row.values["at"].(int64)
		}
	}
	return r
}

// lengthOfID is that of an id as text. Only texts of that length are matched: most of a snapshot is something else.
const lengthOfID = 36

var (
	anID   = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	aMark  = regexp.MustCompile(sample.Mark + `\d{12}`)
	sealed = regexp.MustCompile(`^[0-9a-f]{40,}$`)
)

// alike returns the rows as text, in order. New ids are numbered as they come, so that references count.
func (r *remains) alike(older int64) []string {
	r.older, r.ids = older, nil
	slices.SortFunc(r.rows, func(a, b row) int { return strings.Compare(r.text(a), r.text(b)) })
	r.ids = map[string]string{}
	out := make([]string, len(r.rows))
	for i, row := range r.rows {
		out[i] = r.text(row)
	}
	return out
}

func (r *remains) text(row row) string {
	columns := make([]string, 0, len(row.values))
	for c := range row.values {
		columns = append(columns, c)
	}
	slices.Sort(columns)
	text := row.table
	for _, c := range columns {
		text += fmt.Sprintf(" %s=%v", c, r.value(c, row.values[c]))
	}
	return text
}

func (r *remains) value(column string, v any) any {
	switch v := v.(type) {
	case int64:
		if d := v - r.now; d%1e6 == 0 && v > 1e15 {
			return fmt.Sprintf("now+%ds", d/1e6)
		}
		switch {
		case column == "version":
			return v - r.older
		case column == "search":
			return "<document>"
		case column == "spent" && r.loose:
			return "<spent>"
		}
	case string:
		if r.loose && sealed.MatchString(v) {
			return fmt.Sprintf("<%d bytes>", len(v)/2)
		}
		return aMark.ReplaceAllString(anID.ReplaceAllStringFunc(v, r.id), "<mark>")
	}
	return v
}

func (r *remains) id(id string) string {
	switch {
	case r.known[id]:
		return id
	case r.ids == nil:
		return "<id>"
	case r.ids[id] == "":
		r.ids[id] = fmt.Sprintf("<id %d>", len(r.ids))
	}
	return r.ids[id]
}

// A peer leaves the rows that our operation leaves for the same input: the same in each table, with the same values.
// Those of ours are seen through the pool of a host, too, whichever way they take there.
func TestPeersLeaveTheSameRows(t *testing.T) {
	t.Parallel()

	eachDialect(t, func(t *testing.T, dialect string) {
		w, child := openTest(t, dialect, fewRows, opInsert)
		for _, name := range []string{opInsert, opUpsert, opCreate, opMove, opOpen} {
			op, err := w.operation(t.Context(), name)
			require.NoError(t, err)
			require.True(t, op.writes)
			records := w.recorded(t, child, op)
			requireTables(t, name, records[0].rows)
			older := 0
			for _, peer := range peersOf(dialect) {
				older += op.again
				for _, want := range records {
					got := w.run(t, func() error {
						_, err := child.ask(&request{Do: "turn", Op: name, Peer: peer, Calls: 1})
						return err
					})
					require.Equal(t, want.alike(0), got.alike(olderBy(op, older)), "%s %s", peer, name)
				}
			}
			for variant, want := range records {
				ours := w.run(t, func() error {
					return op.taken(t.Context(), w.session(w.ours, sample.BigTenant), &asked{builder: &script.Builder{}}, 0, variant)
				})
				want.loose, ours.loose = true, true
				if name == opInsert { // another person each time
					require.Equal(t, filled(want.rows), filled(ours.rows))
				} else {
					require.Equal(t, want.alike(0), ours.alike(olderBy(op, older+op.again)), "ours %s", name)
				}
			}
		}
	})
}

// olderBy is how many versions older a record was when it was recorded. New records have no older versions.
func olderBy(op *operation, runs int) int64 {
	if op.again == 1 {
		return 0
	}
	return int64(runs)
}

// recorded takes one script of an operation, gives it to the peers, and returns what each variant left.
func (w *world) recorded(t *testing.T, child *Child, op *operation) []*remains {
	t.Helper()
	b := &script.Builder{SQLite: w.dialect == SQLite, Fresh: op.fresh, Mark: op.mark}
	warm := *op
	warm.takes = 0
	_, err := w.scripts(t.Context(), b, &warm)
	require.NoError(t, err)
	watch, err := w.watch(t.Context())
	require.NoError(t, err)
	var takes []script.Take
	var left []*remains
	for variant := range op.again {
		left = append(left, w.run(t, func() error {
			take, err := w.taken(t.Context(), watch, b, op, 0, variant)
			takes = append(takes, take)
			return err
		}))
	}
	require.NoError(t, watch.Close(t.Context()))
	s, err := b.Script(takes...)
	require.NoError(t, err)
	_, err = child.ask(&request{Do: "load", Op: op.name, Scripts: []script.Script{s}, Texts: b.Texts(), Mark: op.mark})
	require.NoError(t, err)
	return left
}

// requireTables says where an operation leaves rows, so that no side leaves one out.
func requireTables(t *testing.T, op string, rows []row) {
	t.Helper()
	want := map[string]map[string]int{
		opInsert: {"crm_customer": 1, "crm_contact_point": 2, "crm_customer_ext": 1, "crm_subject_key": 1},
		opUpsert: {"crm_customer": 1},
		opCreate: {"crm_opportunity": 1, "crm_opportunity_move": 1, "crm_timeline": 1},
		opMove:   {"crm_opportunity": 1, "crm_opportunity_move": 1, "crm_timeline": 1},
		opOpen:   {"crm_case": 1, "crm_case_entry": 3, "crm_timeline": 1, "crm_delivery": 4},
	}[op]
	for _, table := range []string{"crm_audit", "crm_event", "crm_dispatch"} {
		want[table] = 1
	}
	got := map[string]int{}
	for _, r := range rows {
		got[r.table]++
	}
	require.Equal(t, want, got, op)
}

// filled returns which columns of which tables have values.
func filled(rows []row) []string {
	var out []string
	for _, r := range rows {
		text := r.table
		for c, v := range r.values {
			if v == nil {
				c = "-"
			}
			text += " " + c
		}
		words := strings.Fields(text)
		slices.Sort(words[1:])
		out = append(out, strings.Join(words, " "))
	}
	slices.Sort(out)
	return out
}

// A difference in any value of any row is found, and so are rows that are missing or too many.
func TestDifferentRowsAreFound(t *testing.T) {
	t.Parallel()

	w, _ := openTest(t, SQLite, fewRows, opInsert)
	op, err := w.operation(t.Context(), opOpen)
	require.NoError(t, err)
	open := func() error {
		return op.ours(t.Context(), w.session(w.ours, sample.BigTenant), 0)
	}
	require.NoError(t, open())
	left := w.run(t, open)
	want := left.alike(0)
	rows := left.rows
	alike := func(rows []row) []string { return (&remains{rows: rows, known: left.known, now: left.now}).alike(0) }
	require.Equal(t, want, alike(slices.Clone(rows)))
	require.NotEqual(t, want, alike(slices.Clone(rows[1:])))
	require.NotEqual(t, want, alike(append(slices.Clone(rows), rows[0])))
	with := func(i int, column string, v any) []row {
		out := slices.Clone(rows)
		out[i].values = maps.Clone(out[i].values)
		out[i].values[column] = v
		return out
	}
	for i, r := range rows {
		for column, v := range r.values {
			switch x := v.(type) {
			case int64:
				v = x + 1
			case string:
				if anID.MatchString(x) && !left.known[x] {
					continue // it is new at each run; that references hold is found in their numbers
				}
				v = x + "x"
			case nil:
				v = int64(0)
			}
			require.NotEqual(t, want, alike(with(i, column, v)), "%s.%s", r.table, column)
		}
		if r.table == "crm_dispatch" {
			require.NotEqual(t, want, alike(with(i, "record_id", ident.New().String())), "a reference that leads nowhere")
		}
	}
}

// SQLite's search index gives nothing back, so that what the peers put there is found by searching.
func TestPeersAreFoundBySearch(t *testing.T) {
	t.Parallel()

	w, child := openTest(t, SQLite, fewRows, opInsert)
	op, err := w.operation(t.Context(), opInsert)
	require.NoError(t, err)
	var name string
	for _, r := range w.recorded(t, child, op)[0].rows {
		if r.table == "crm_customer" {
			name = r.values["name"].(string)
		}
	}
	search := func() int {
		found, err := w.session(w.ours, sample.BigTenant).Customers.Search(t.Context(), name, 100)
		require.NoError(t, err)
		return len(found)
	}
	before := search()
	require.Positive(t, before)
	_, err = child.ask(&request{Do: "turn", Op: opInsert, Peer: peerSQLite, Calls: 3})
	require.NoError(t, err)
	require.Equal(t, before+3, search())
}
