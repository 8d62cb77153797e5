package bench

import (
	"encoding/json"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/bench/sample"
	"github.com/rapport-crm/rapport/internal/bench/script"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/service"
)

// found runs a peer's query and returns the first column, which is an id.
func (w *world) found(t *testing.T, q script.Query) (ids []ident.ID) {
	t.Helper()
	var args []any
	for _, a := range q.Args {
		text, err := json.Marshal(a)
		require.NoError(t, err)
		var arg struct {
			Kind  string `json:"k"`
			Int   int64  `json:"i"`
			Text  string `json:"s"`
			Bytes []byte `json:"b"`
		}
		require.NoError(t, json.Unmarshal(text, &arg))
		switch arg.Kind {
		case "int":
			args = append(args, arg.Int)
		case "time":
			args = append(args, time.UnixMicro(arg.Int))
		case "text":
			args = append(args, arg.Text)
		case "bytes":
			args = append(args, arg.Bytes)
		case "uuid":
			args = append(args, ident.ID(arg.Bytes).String())
		default:
			t.Fatalf("an argument of kind %q", arg.Kind)
		}
	}
	rows, err := w.raw.QueryContext(t.Context(), q.Text, args...)
	require.NoError(t, err)
	for rows.Next() {
		columns, err := rows.Columns()
		require.NoError(t, err)
		values := make([]any, len(columns))
		var id any
		values[0] = &id
		for i := 1; i < len(values); i++ {
			values[i] = new(any)
		}
		require.NoError(t, rows.Scan(values...))
		parsed, err := ident.Parse(plainly(id).(string))
		require.NoError(t, err)
		ids = append(ids, parsed)
	}
	require.NoError(t, rows.Err())
	require.Len(t, ids, int(q.Rows))
	return ids
}

// The queries of the peers find what ours gives, in its order, page by page.
func TestPeersReadWhatOursGives(t *testing.T) {
	t.Parallel()

	eachDialect(t, func(t *testing.T, dialect string) {
		w, _ := openTest(t, dialect, minRows, opTimeline, opDeals, opCases)
		s := w.session(w.listened, sample.BigTenant)
		// asks returns what a peer asks for call number k.
		asks := func(op *operation, k int) []script.Query {
			a := &asked{builder: &script.Builder{SQLite: dialect == SQLite}}
			require.NoError(t, op.taken(t.Context(), s, a, k, 0))
			return a.queries
		}
		for name, all := range map[string][]ident.ID{
			opList: collect(t, s.Customers.All(t.Context(), customer.Filter{
				Kinds: []customer.Kind{customer.Person}, OwnerTeam: "team-0", Query: page.Query{Sort: "name"},
			}), func(c *customer.Customer) ident.ID { return c.ID }),
			opDeals: collect(t, s.Opportunities.All(t.Context(), pipeline.OpportunityFilter{Open: new(true), Query: page.Query{Sort: "-amount"}}),
				func(o *pipeline.Opportunity) ident.ID { return o.ID }),
			opCases: collect(t, s.Cases.All(t.Context(), service.CaseFilter{Open: new(true), Query: page.Query{Sort: "resolution_due"}}),
				func(c *service.Case) ident.ID { return c.ID }),
		} {
			op, err := w.operation(t.Context(), name)
			require.NoError(t, err)
			pages := len(all) / pageSize
			require.Greater(t, pages, 1, name)
			for k := range pages {
				want := all[k*pageSize : min(len(all), (k+1)*pageSize+1)]
				require.Equal(t, want, w.found(t, asks(op, k)[0]), "%s page %d", name, k)
			}
		}
		search, err := w.operation(t.Context(), opSearch)
		require.NoError(t, err)
		for k := range 20 {
			want, err := s.Customers.Search(t.Context(), w.people.Name(w.sample(20, 3)[k]), 20)
			require.NoError(t, err)
			var ids []ident.ID
			for i := range want {
				ids = append(ids, want[i].ID)
			}
			require.Equal(t, ids, w.found(t, asks(search, k)[0]))
		}
		timeline, err := w.operation(t.Context(), opTimeline)
		require.NoError(t, err)
		for k := range 5 {
			entries, err := s.Interactions.Timeline(t.Context(), w.busy[k], page.Query{Limit: 21})
			require.NoError(t, err)
			var ids []ident.ID
			for i := range entries.Items {
				ids = append(ids, entries.Items[i].Record.ID)
			}
			queries := asks(timeline, k)
			require.Equal(t, w.busy[k:k+1], w.found(t, queries[0]))
			require.Equal(t, ids, w.found(t, queries[1]))
		}
	})
}

func collect[T any](t *testing.T, all iter.Seq2[T, error], id func(*T) ident.ID) (ids []ident.ID) {
	t.Helper()
	for rec, err := range all {
		require.NoError(t, err)
		ids = append(ids, id(&rec))
	}
	return ids
}
