package corestore_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/internal/store/corestore"
)

// dump returns the rows a write leaves behind, as text.
func dump(t *testing.T, b dbtest.Backend, table, columns string) []map[string]any {
	t.Helper()
	var rows []map[string]any
	q := store.Same("test.dump", "SELECT "+columns+" FROM "+table+" WHERE tenant_id = $1 ORDER BY 1, 2, 3")
	require.NoError(t, b.DB.On(nil).Select(t.Context(), q, &rows, tenant))
	return rows
}

func TestRecordLeavesEveryTrace(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		s := newBundle(t, b).store
		id := ident.New()
		for v := int64(1); v <= 2; v++ {
			tr := traces(id, v)
			if v == 2 {
				tr.OwnerUser = "u-2"
			}
			tr.Timers = []work.Timer{{Key: "k", Kind: "case.sla", Record: tr.Record, Due: instant.Add(time.Duration(v) * time.Hour)}}
			require.NoError(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return s.Record(ctx, u, tr) }))
		}
		require.Equal(t, 2, count(t, b, "crm_audit WHERE tenant_id = $1 AND op = 'customer: update' AND source_system = 'signup' AND action = 'edit'"))
		require.Equal(t, 4, count(t, b, "crm_event WHERE tenant_id = $1 AND record_id = $2", id))
		require.Equal(t, 2, count(t, b, "crm_dispatch WHERE tenant_id = $1 AND record_id = $2", id))
		require.Equal(t, 2, count(t, b, "crm_timeline WHERE tenant_id = $1 AND customer_id = $2 AND owner_user = 'u-2' AND owner_team IS NULL", id), "lines follow the owner")
		require.Equal(t, 1, count(t, b, "crm_delivery WHERE tenant_id = $1 AND consumer = 'timer:case.sla' AND event_id = $2 AND due_at = $3 AND timer_key = 'k'",
			corestore.TimerID("case.sla", "k"), instant.Add(2*time.Hour)), "setting a timer again moves it")

		tr := traces(id, 3)
		tr.Timers = []work.Timer{{Key: "k", Kind: "case.sla", Record: tr.Record}}
		require.NoError(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return s.Record(ctx, u, tr) }))
		require.Zero(t, count(t, b, "crm_delivery WHERE tenant_id = $1"), "a zero due time takes the timer back")

		err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return s.Record(ctx, u, tr) })
		require.True(t, store.Duplicate(err), "no version has its events twice")

		list, err := s.Entries(t.Context(), nil, tenant, tr.Record, 2)(t.Context())
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, []int64{2, 3}, []int64{list[0].Version, list[1].Version}, "the newest, in order")
	})
}

func TestRecordAllLeavesTheSame(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		s := newBundle(t, b).store
		var list []work.Record
		for range 250 {
			list = append(list, traces(ident.New(), 1))
		}
		tables := map[string]string{
			"crm_audit":    "id, at, op, action, entity, record_id, version, actor_kind, actor_id, purpose, source_system, source_ref, changed",
			"crm_event":    "id, kind, entity, record_id, version, ordinal, actor_kind, actor_id, purpose, at, changed, refs, facts",
			"crm_dispatch": "id, entity, record_id, version, at",
			"crm_timeline": "customer_id, at, event_id, kind, entity, record_id, owner_user, owner_team",
		}
		one, all := map[string][]map[string]any{}, map[string][]map[string]any{}
		back := fault.New(fault.Internal, "take it back")
		require.ErrorIs(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			for _, tr := range list {
				require.NoError(t, s.Record(ctx, u, tr))
			}
			for table, columns := range tables {
				var rows []map[string]any
				require.NoError(t, b.DB.On(u).Select(ctx, store.Same("test.dump", "SELECT "+columns+" FROM "+table+" WHERE tenant_id = $1 ORDER BY 1, 2, 3"), &rows, tenant))
				one[table] = rows
			}
			return back
		}), back)
		require.Zero(t, count(t, b, "crm_event WHERE tenant_id = $1"))
		require.NoError(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return s.RecordAll(ctx, u, list) }))
		for table, columns := range tables {
			all[table] = dump(t, b, table, columns)
		}
		require.Equal(t, one, all)
		require.Len(t, all["crm_event"], 500)
	})
}

func TestOnce(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		s := newBundle(t, b).store
		ctx := t.Context()
		same, err := s.Digest(ctx, tenant, []any{ident.ID{}, 0, map[string]any{"name": "Ada"}})
		require.NoError(t, err)
		again, err := s.Digest(ctx, tenant, []any{ident.ID{}, 0, map[string]any{"name": "Ada"}})
		require.NoError(t, err)
		require.Equal(t, same, again)
		for _, args := range []any{[]any{ident.ID{}, 0, map[string]any{"name": "Bob"}}, []any{ident.ID{}, 1, map[string]any{"name": "Ada"}}, "x"} {
			other, err := s.Digest(ctx, tenant, args)
			require.NoError(t, err)
			require.NotEqual(t, same, other)
		}
		stranger, err := s.Digest(ctx, "other", []any{ident.ID{}, 0, map[string]any{"name": "Ada"}})
		require.NoError(t, err)
		require.NotEqual(t, same, stranger, "digests of two tenants tell nothing about each other")
		_, err = s.Digest(ctx, tenant, math.NaN())
		require.ErrorIs(t, err, &fault.Error{Code: fault.Invalid, Reason: work.ReasonIncomparable})
		type lists struct {
			Tags  []string
			Facts map[string]string
		}
		absent, err := s.Digest(ctx, tenant, []any{lists{}})
		require.NoError(t, err)
		empty, err := s.Digest(ctx, tenant, []any{lists{Tags: []string{}, Facts: map[string]string{}}})
		require.NoError(t, err)
		require.Equal(t, absent, empty, "a retry that went through JSON says the same")

		want := ident.Ref{Entity: "customer", ID: ident.New()}
		use := func(op string, digest []byte) (ref ident.Ref, found bool, err error) {
			err = b.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
				if ref, found, err = s.Recall(ctx, u, tenant, "k", op, digest); err != nil || found {
					return err
				}
				return s.Remember(ctx, u, tenant, "k", op, digest, want, instant)
			})
			return ref, found, err
		}
		_, found, err := use("op", same)
		require.NoError(t, err)
		require.False(t, found)
		ref, found, err := use("op", same)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, want, ref)
		_, _, err = use("other op", same)
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "once"})
		_, _, err = use("op", stranger)
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "once"})
	})
}

// Two writers of one key: the second waits, and sees what the first one did.
func TestOnceHoldsTheKey(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		s := newBundle(t, b).store
		want := ident.Ref{Entity: "customer", ID: ident.New()}
		reserved, results := make(chan struct{}), make(chan bool, 1)
		go func() {
			<-reserved
			var found bool
			err := b.DB.Write(context.Background(), nil, func(ctx context.Context, u work.Unit) (err error) {
				_, found, err = s.Recall(ctx, u, tenant, "k", "op", []byte("d"))
				return err
			})
			results <- err == nil && found
		}()
		require.NoError(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			_, found, err := s.Recall(ctx, u, tenant, "k", "op", []byte("d"))
			require.NoError(t, err)
			require.False(t, found)
			close(reserved)
			return s.Remember(ctx, u, tenant, "k", "op", []byte("d"), want, instant)
		}))
		require.True(t, <-results)
	})
}

func TestAccessed(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		s := newBundle(t, b).store
		a := work.Accessed{ID: ident.New(), Scope: scope("u-1"), Record: ident.Ref{Entity: "customer", ID: ident.New()}, Fields: []string{"tax_id"}, At: instant}
		a.Scope.Purpose = personal.Legal
		require.NoError(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return s.Accessed(ctx, u, a) }))
		require.Equal(t, 1, count(t, b, "crm_access WHERE tenant_id = $1 AND record_id = $2 AND actor_id = 'u-1' AND purpose = 'legal'", a.Record.ID))
	})
}

func TestTimerIDsAreStable(t *testing.T) {
	t.Parallel()

	require.Equal(t, ident.MustParse("59b271ae-1bbc-81d3-9d41-929817f4b16f"), corestore.TimerID("a", "b"), "timers that are stored must be found again")
	ids := []ident.ID{corestore.TimerID("a", "b"), corestore.TimerID("ab", ""), corestore.TimerID("", "ab"), corestore.TimerID("a", "c")}
	slices.SortFunc(ids, ident.ID.Compare)
	require.Len(t, slices.Compact(ids), 4)
}
