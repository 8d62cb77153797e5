package boundary_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/plugin"
)

// garbled is an extension that answers every delivery with one ack of the test's.
type garbled struct {
	*probe
	ack plugin.Ack
}

func (g *garbled) Deliver(_ context.Context, batch []plugin.Delivery) ([]plugin.Ack, error) {
	acks := make([]plugin.Ack, len(batch))
	for i, d := range batch {
		acks[i] = g.ack
		acks[i].Event = d.Event.ID
	}
	return acks, nil
}

func TestCodesOfAcksAreWordsOrNothing(t *testing.T) {
	t.Parallel()

	for name, code := range map[string]string{
		"NUL": "a\x00b", "invalid UTF-8": "caf\xc3", "personal data": "Ada Lovelace, ada@example.org", "long": strings.Repeat("x", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
				l := newLab(t, b, &garbled{probe: newProbe(), ack: plugin.Ack{Outcome: plugin.Rejected, Code: code}})
				for range 3 {
					l.create(t, "Ada")
				}
				require.NoError(t, l.relay.Drain(t.Context()))
				dead, err := l.relay.Dead(t.Context(), nil, tenant, ident.ID{}, 10)
				require.NoError(t, err)
				require.Len(t, dead, 3)
				require.Equal(t, "unnamed", dead[0].Code)
			})
		})
	}
}

func TestHangOrNonsenseTakesNoOthersAlong(t *testing.T) {
	t.Parallel()

	for code, err := range map[string]error{
		"deadline":  &fault.Error{Code: fault.Unavailable, Reason: "deadline"},
		"transport": &fault.Error{Code: fault.Internal, Reason: "transport"},
		"contract":  &fault.Error{Code: fault.Internal, Reason: "contract"},
		"internal":  errors.New("what is this"),
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()

			m := &mortal{probe: newProbe(), err: err}
			l := newLab(t, dbtest.SQLite(t), m)
			ids := map[ident.ID]bool{}
			for range 5 {
				ids[l.create(t, "Ada").ID] = true
			}
			m.poison = l.create(t, "Bob").ID
			for range 3 {
				require.NoError(t, l.relay.Drain(t.Context()))
				l.Advance(time.Hour)
			}
			for _, e := range m.events {
				delete(ids, e.Record.ID)
			}
			require.Empty(t, ids, "everything else was delivered")
			for range 12 {
				require.NoError(t, l.relay.Drain(t.Context()))
				l.Advance(2 * time.Hour)
			}
			dead, err := l.relay.Dead(t.Context(), nil, tenant, ident.ID{}, 10)
			require.NoError(t, err)
			require.Len(t, dead, 1)
			require.Equal(t, code, dead[0].Code)
		})
	}
}

func TestOnceHoldsTheArgumentsOfAnAction(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		runs := 0
		p.run = func(context.Context, plugin.Host, plugin.Request) error {
			runs++
			return nil
		}
		once := l.sales
		once.Once = "order-7"
		other := once
		other.Principal = ident.User(tenant, "u-2", "sales")
		for range 2 {
			_, err := l.invoke(t, once, "probe__run", map[string]any{"n": 1})
			require.NoError(t, err)
		}
		conflict := &fault.Error{Code: fault.Conflict, Reason: "once"}
		_, err := l.invoke(t, once, "probe__run", map[string]any{"n": 2})
		require.ErrorIs(t, err, conflict)
		_, err = l.invoke(t, once, "probe__run", nil)
		require.ErrorIs(t, err, conflict)
		_, err = l.invoke(t, other, "probe__run", map[string]any{"n": 1})
		require.ErrorIs(t, err, conflict, "somebody else's key")
		_, err = l.customers.Customers(&once).Create(t.Context(), customer.PersonDraft{Given: "Ada"})
		require.ErrorIs(t, err, conflict, "another operation")
		require.Equal(t, 2, runs)
	})
}

func TestNamespacesOfTheCRMAreTaken(t *testing.T) {
	t.Parallel()

	for _, space := range []string{"customer", "case", "claim", "consent", "tenant", "send", "custom"} {
		ext := plugin.New(plugin.Info{ID: "com.example.probe", Namespace: space, Version: "0.1.0"})
		ext.Emits(event.Kind(space + ".created"))
		err := ext.Manifest().Validate()
		require.ErrorIs(t, err, fault.ErrInvalid, space)
		require.ErrorContains(t, err, "namespace")
	}
}

func TestRecorderStillLoadsInBulk(t *testing.T) {
	t.Parallel()

	l := newLab(t, dbtest.SQLite(t), newProbe())
	_, ok := l.Engine.Recorder.(work.BulkRecorder)
	require.True(t, ok)
}

func TestNoTransactionIsOpenWhileAnExtensionWorks(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		calls := 0
		look := func() {
			calls++
			requireNoTransaction(t, l.Backend)
		}
		p.run = func(context.Context, plugin.Host, plugin.Request) error { look(); return nil }
		p.on = func(context.Context, plugin.Host, plugin.Event) error { look(); return nil }
		l.create(t, "Ada")
		require.NoError(t, l.relay.Drain(t.Context()))
		once := l.sales
		once.Once = "k"
		for _, s := range []work.Scope{l.sales, once} {
			_, err := l.invoke(t, s, "probe__run", nil)
			require.NoError(t, err)
		}
		require.Equal(t, 3, calls)

		err := l.DB.Write(t.Context(), nil, func(ctx context.Context, _ work.Unit) error {
			_, err := l.boundary.In(&l.sales).Invoke(ctx, "probe__run", nil) // the outer scope, inside
			return err
		})
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.Equal(t, 3, calls, "it is not called at all")
	})
}

// requireNoTransaction asks the database itself, by a connection apart.
func requireNoTransaction(t *testing.T, b dbtest.Backend) {
	t.Helper()
	if b.Pool != nil {
		var open int
		require.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND state LIKE 'idle in transaction%'`).Scan(&open))
		require.Zero(t, open, "transactions are open")
		return
	}
	write, read, err := sqlite.OpenPools(t.Context(), b.Path)
	require.NoError(t, err)
	defer func() { require.NoError(t, errors.Join(read.Close(), write.Close())) }()
	conn, err := write.Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	require.NoError(t, err, "somebody is writing")
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	var busy, pages, done int
	require.NoError(t, conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &done))
	require.Zero(t, busy, "somebody is reading")
}

func TestCircleThroughInteractionsEnds(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		p := newProbe()
		logged := 0
		p.On(plugin.Subscription{Kind: activity.Logged, Purpose: "sales"}, func(ctx context.Context, h plugin.Host, e plugin.Event) error {
			require.NotContains(t, e.Facts, "plugin.depth")
			logged++
			_, err := h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{e.ID}, Writes: []plugin.Write{note(e.Refs[0].ID)}})
			if logged > 8 {
				require.ErrorIs(t, err, &fault.Error{Code: fault.LimitExceeded, Reason: "depth"})
				return plugin.Reject("circle")
			}
			return err
		})
		l := newLab(t, b, p)
		ada := l.create(t, "Ada")
		p.on = func(ctx context.Context, h plugin.Host, e plugin.Event) error {
			_, err := h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{note(ada.ID)}})
			return err
		}
		require.NoError(t, l.relay.Drain(t.Context()))
		require.Less(t, logged, 12)
		require.NotZero(t, logged)
	})
}

func TestMalformedCommitsAreInvalidAndLeaveNothing(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		ada := l.create(t, "Ada")
		ref := ident.Ref{Entity: "customer", ID: ada.ID}
		late := note(ada.ID)
		late.At = time.Date(200_000, 1, 1, 0, 0, 0, 0, time.UTC)
		early := note(ada.ID)
		early.At = time.Date(-200_000, 1, 1, 0, 0, 0, 0, time.UTC)
		nul := note(ada.ID)
		nul.Subject = "a\x00"
		for name, w := range map[string]plugin.Write{
			"late": late, "early": early, "NUL in a subject": nul,
			"NUL in an entity":     plugin.Emit{Kind: "probe.said", About: ident.Ref{Entity: "x\x00", ID: ada.ID}},
			"no entity":            plugin.Emit{Kind: "probe.said", About: ident.Ref{ID: ada.ID}},
			"no id":                plugin.Emit{Kind: "probe.said", About: ident.Ref{Entity: "customer"}},
			"invalid UTF-8":        plugin.Emit{Kind: "probe.said", Refs: []ident.Ref{ref, {Entity: "\xff", ID: ada.ID}}},
			"a long entity":        plugin.Emit{Kind: "probe.said", Refs: []ident.Ref{{Entity: strings.Repeat("x", 1<<16), ID: ada.ID}}},
			"NUL in a fact":        plugin.Emit{Kind: "probe.said", Facts: map[string]string{"word": "\x00"}},
			"no claim":             plugin.CommitClaim{},
			"a claim of nobody":    plugin.ReleaseClaim{ID: ident.New()},
			"a customer of nobody": note(ident.New()),
		} {
			p.run = func(ctx context.Context, h plugin.Host, _ plugin.Request) error {
				_, err := h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{plugin.Put{Key: "k", Value: []byte("v")}, w}})
				require.Contains(t, []fault.Code{fault.Invalid, fault.NotFound}, fault.CodeOf(err), "%s: %v", name, err)
				_, ok, err := h.Get(ctx, "k")
				require.NoError(t, err)
				require.False(t, ok, name)
				return nil
			}
			_, err := l.invoke(t, l.sales, "probe__run", nil)
			require.NoError(t, err)
		}
		p.run = func(ctx context.Context, h plugin.Host, _ plugin.Request) error {
			for _, r := range []claim.Request{
				{Keys: []claim.Key{{Namespace: "probe.seat", Key: "a\x00"}}, Holder: ref, For: time.Hour},
				{Keys: []claim.Key{{Namespace: "probe.seat", Key: "\xff"}}, Holder: ref, For: time.Hour},
				{Keys: []claim.Key{{Namespace: "probe.seat", Key: "1"}}, Holder: ident.Ref{Entity: "\x00", ID: ada.ID}, For: time.Hour},
				{Keys: []claim.Key{{Namespace: "probe.seat", Key: "1"}}, Holder: ref, For: -1},
				{},
			} {
				_, err := h.Claims().Acquire(ctx, r)
				require.ErrorIs(t, err, fault.ErrInvalid)
			}
			return nil
		}
		_, err := l.invoke(t, l.sales, "probe__run", nil)
		require.NoError(t, err)
	})
}

// A handler's grant is one tenant's: ids of another tenant are missing, and whoever holds two tokens cannot mix them.
func TestTenantsDoNotMeet(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		ada := l.create(t, "Ada")
		foreign := work.Scope{Principal: ident.User("globex", "u-1", "admin"), Purpose: "sales"}
		p.run = func(ctx context.Context, h plugin.Host, _ plugin.Request) error {
			got, err := h.Query(ctx, plugin.Query{Entity: "customer", IDs: []ident.ID{ada.ID}})
			require.NoError(t, err)
			require.Empty(t, got.Items)
			got, err = h.Query(ctx, plugin.Query{Entity: "customer"})
			require.NoError(t, err)
			require.Empty(t, got.Items)
			_, err = h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{note(ada.ID)}})
			require.ErrorIs(t, err, fault.ErrNotFound)
			_, err = h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{plugin.Put{Key: "k", Value: []byte("globex")}}})
			require.NoError(t, err)
			_, err = h.Claims().Acquire(ctx, claim.Request{
				Keys: []claim.Key{{Namespace: "probe.seat", Key: "1"}}, Holder: ident.Ref{Entity: "customer", ID: ada.ID}, For: time.Hour,
			})
			require.NoError(t, err)
			return nil
		}
		_, err := l.invoke(t, foreign, "probe__run", nil)
		require.NoError(t, err)
		p.run = func(ctx context.Context, h plugin.Host, _ plugin.Request) error {
			_, ok, err := h.Get(ctx, "k")
			require.NoError(t, err)
			require.False(t, ok)
			_, held, err := h.Claims().Of(ctx, claim.Key{Namespace: "probe.seat", Key: "1"})
			require.NoError(t, err)
			require.False(t, held)
			return nil
		}
		_, err = l.invoke(t, l.sales, "probe__run", nil)
		require.NoError(t, err)
	})
}

func TestFloodOfCallBacksEnds(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		p.run = func(ctx context.Context, h plugin.Host, _ plugin.Request) error {
			for range 1000 {
				_, _, _ = h.Get(ctx, "") // a malformed one counts, too
			}
			_, err := h.Query(ctx, plugin.Query{Entity: "customer"})
			require.ErrorIs(t, err, &fault.Error{Code: fault.LimitExceeded, Reason: "calls"})
			return err
		}
		_, err := l.invoke(t, l.sales, "probe__run", nil)
		require.ErrorIs(t, err, fault.ErrLimitExceeded)
	})
}

func TestLedgerOfNoRecordIsInvalidAndLeavesTheTransactionWhole(t *testing.T) {
	t.Parallel()

	each(t, func() plugin.Extension { return newProbe().Plugin }, func(t *testing.T, l *lab) {
		id := l.create(t, "Ada").ID
		require.NoError(t, l.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			s := system()
			s.Unit = u
			ask := func(r ident.Ref) error {
				_, err := l.boundary.In(&s).Disclosed(ctx, r, page.Query{})
				return err
			}
			for _, r := range []ident.Ref{{}, {Entity: "customer"}, {ID: id}, {Entity: "a\x00", ID: id}, {Entity: "custmer", ID: id}, {Entity: "object.\x00", ID: id}} {
				var f *fault.Error
				require.ErrorAs(t, ask(r), &f)
				require.Equal(t, fault.Invalid, f.Code, "%q", r.Entity)
				require.Equal(t, "record", f.Field, "%q", r.Entity)
			}
			return ask(ident.Ref{Entity: "customer", ID: id})
		}))
	})
}
