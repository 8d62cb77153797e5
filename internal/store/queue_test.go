package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	setTenant = store.Same("test.set_tenant", `UPDATE crm_tenant SET schema_version = $3 WHERE tenant_id = $1 AND schema_version = $2`)
	addEvent  = store.Same("test.add_event", `
		INSERT INTO crm_dispatch (tenant_id, id, entity, record_id, version, at) VALUES ($1, $2, $3, $4, $5, $6)`)
	countEvents = store.Same("test.count_events", `SELECT count(*) FROM crm_dispatch WHERE tenant_id = $1`)
	dropTenant  = store.Same("test.drop_tenant", `DELETE FROM crm_tenant WHERE tenant_id = $1`)
	putTenant   = store.Same("test.put_tenant", `
		INSERT INTO crm_tenant (schema_version, tenant_id, updated_at) VALUES ($2, $1, $3)
		ON CONFLICT (tenant_id) DO UPDATE SET schema_version = crm_tenant.schema_version * 10 + excluded.schema_version`)
)

// way is one of the kinds of transaction that a level can be in.
type way struct {
	name string
	db   *store.DB
	// level runs fn in a level of a new transaction, which is committed whatever came of the level.
	level func(ctx context.Context, fn func(ctx context.Context, u work.Unit) error) error
}

// eachWay runs a test on every database in every kind of transaction.
func eachWay(t *testing.T, test func(t *testing.T, w way)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		for _, w := range ways(t, b) {
			t.Run(w.name, func(t *testing.T) {
				_, err := b.Write.ExecContext(t.Context(), "DELETE FROM crm_tenant")
				require.NoError(t, err)
				_, err = b.Write.ExecContext(t.Context(), "DELETE FROM crm_dispatch")
				require.NoError(t, err)
				test(t, w)
			})
		}
	})
}

func ways(t *testing.T, b dbtest.Backend) []way {
	t.Helper()
	out := []way{owned("own", b.DB), nested(b.DB), joinedTx(b.DB, b.Write)}
	if b.Pool == nil {
		return out
	}
	host := stdlib.OpenDB(*b.Pool.Config().ConnConfig)
	wrapped := dbtest.NewChaos(stdlib.GetConnector(*b.Pool.Config().ConnConfig)).DB()
	t.Cleanup(func() { require.NoError(t, errors.Join(host.Close(), wrapped.Close())) })
	other := func(db *sql.DB) *store.DB {
		d, err := store.Open(t.Context(), store.Config{Write: db, Dialect: b.Dialect})
		require.NoError(t, err)
		return d
	}
	return append(out, owned("own on the host's DB", other(host)), owned("own on a wrapped driver", other(wrapped)), joinedPgx(b))
}

func owned(name string, db *store.DB) way {
	return way{name, db, func(ctx context.Context, fn func(ctx context.Context, u work.Unit) error) error {
		return db.Write(ctx, nil, fn)
	}}
}

func nested(db *store.DB) way {
	return way{"nested", db, func(ctx context.Context, fn func(ctx context.Context, u work.Unit) error) (inner error) {
		err := db.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
			inner = db.Write(ctx, u, fn)
			return nil
		})
		return errors.Join(inner, err)
	}}
}

func joinedTx(db *store.DB, host *sql.DB) way {
	return way{"joined", db, func(ctx context.Context, fn func(ctx context.Context, u work.Unit) error) error {
		tx, err := host.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		inner := db.Write(ctx, db.Join(tx), fn)
		return errors.Join(inner, tx.Commit())
	}}
}

func joinedPgx(b dbtest.Backend) way {
	return way{"joined pgx", b.DB, func(ctx context.Context, fn func(ctx context.Context, u work.Unit) error) (inner error) {
		err := pgx.BeginFunc(ctx, b.Pool, func(tx pgx.Tx) error {
			u, release, err := b.DB.JoinTx(ctx, tx)
			if err != nil {
				return err
			}
			inner = b.DB.Write(ctx, u, fn)
			return release()
		})
		return errors.Join(inner, err)
	}}
}

// queueTenant queues a row whose repetition is a Conflict of a field.
func queueTenant(on store.Conn, name string) error {
	return on.Queue(addTenant, func(err error) error {
		if store.Duplicate(err) {
			f := fault.New(fault.Conflict, "taken: %w", err)
			f.Field = name
			return f
		}
		return err
	}, name, "UTC", 7, instant)
}

func fieldOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Field
	}
	return ""
}

func TestQueuedWritesRunInOrder(t *testing.T) {
	t.Parallel()

	eachWay(t, func(t *testing.T, w way) {
		for range 2 { // prepared the second time
			require.NoError(t, w.level(t.Context(), func(ctx context.Context, u work.Unit) error {
				on := w.db.On(u)
				require.NoError(t, queueTenant(on, "a"))
				require.NoError(t, on.Queue(setTenant, nil, "a", 7, 8))
				require.NoError(t, on.QueueOne(setTenant, nil, "a", 8, 9))
				require.NoError(t, on.Queue(dropTenant, nil, "b"))
				require.NoError(t, queueTenant(on, "b"))
				require.NoError(t, queueTenant(on, "c"))
				row := tenantRow{}
				require.NoError(t, on.Get(ctx, getTenant, &row, "a"), "a read sees what was queued")
				require.EqualValues(t, 9, row.SchemaVersion)
				n, err := on.Exec(ctx, setTenant, "a", 9, 10)
				require.NoError(t, err)
				require.EqualValues(t, 1, n)
				require.NoError(t, on.QueueOne(setTenant, nil, "a", 10, 11))
				return on.Queue(dropTenant, nil, "c")
			}))
			require.Equal(t, []string{"a", "b"}, tenants(t, w.db))
			row := tenantRow{}
			require.NoError(t, w.db.On(nil).Get(t.Context(), getTenant, &row, "a"))
			require.EqualValues(t, 11, row.SchemaVersion)
			_, err := w.db.On(nil).Exec(t.Context(), dropTenant, "a")
			require.NoError(t, err)
		}
	})
}

// Writes of one table in any order, to the same rows and to others, leave what they leave one by one.
func TestQueuedWritesOfOneTable(t *testing.T) {
	t.Parallel()

	eachWay(t, func(t *testing.T, w way) {
		require.NoError(t, w.level(t.Context(), func(_ context.Context, u work.Unit) error {
			on := w.db.On(u)
			put := func(name string, version int) { require.NoError(t, on.Queue(putTenant, nil, name, version, instant)) }
			put("a", 1)
			put("b", 1)
			put("a", 2) // after the first
			require.NoError(t, on.Queue(dropTenant, nil, "b"))
			put("c", 3)
			require.NoError(t, on.Queue(dropTenant, nil, "d"))
			require.NoError(t, queueTenant(on, "d"))
			put("b", 4)
			return on.QueueOne(setTenant, nil, "b", 4, 5)
		}))
		var list []tenantRow
		require.NoError(t, w.db.On(nil).Select(t.Context(), listTenants, &list, ""))
		got := map[string]int64{}
		for _, row := range list {
			got[row.TenantID] = row.SchemaVersion
		}
		require.Equal(t, map[string]int64{"a": 12, "b": 5, "c": 3, "d": 7}, got)
	})
}

func TestLaterReadsTravelTogether(t *testing.T) {
	t.Parallel()

	eachWay(t, func(t *testing.T, w way) {
		all := func(ctx context.Context, u work.Unit) {
			on := w.db.On(u)
			var a, b, none tenantRow
			var list []tenantRow
			var n int
			first, missing := on.GetLater(getTenant, &a, "a"), on.GetLater(getTenant, &none, "none")
			rows, count := on.SelectLater(listTenants, &list, ""), on.GetLater(countEvents, &n, "a")
			require.NoError(t, on.Get(ctx, getTenant, &b, "b"))
			require.Equal(t, "b", b.TenantID)
			if u != nil {
				require.Equal(t, "a", a.TenantID, "sent together with the read that did not wait")
			}
			require.ErrorIs(t, missing.Wait(ctx), store.ErrNoRow)
			require.NoError(t, first.Wait(ctx))
			require.NoError(t, first.Wait(ctx), "twice")
			require.Equal(t, "a", a.TenantID)
			require.NoError(t, rows.Wait(ctx))
			require.NoError(t, count.Wait(ctx))
			require.Len(t, list, 2)
			require.Zero(t, n)
		}
		require.NoError(t, w.level(t.Context(), func(ctx context.Context, u work.Unit) error {
			require.NoError(t, queueTenant(w.db.On(u), "a"))
			require.NoError(t, queueTenant(w.db.On(u), "b"))
			all(ctx, u)
			return nil
		}))
		require.NoError(t, w.db.Read(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			all(ctx, u)
			return nil
		}))
		all(t.Context(), nil)
	})
}

// Rows of types that the store does not know are read by bun, in their place of the queue.
func TestQueueWithRowsOfUnknownTypes(t *testing.T) {
	t.Parallel()

	type odd struct {
		TenantID string  `bun:"tenant_id"`
		Zone     *string `bun:"zone"`
		Version  *int32  `bun:"schema_version"`
		At       any     `bun:"updated_at"`
	}
	eachWay(t, func(t *testing.T, w way) {
		require.NoError(t, w.level(t.Context(), func(ctx context.Context, u work.Unit) error {
			on := w.db.On(u)
			require.NoError(t, queueTenant(on, "a"))
			var one odd
			var list []odd
			var n int
			later := on.GetLater(getTenant, &one, "a")
			require.NoError(t, queueTenant(on, "b"))
			rows := on.SelectLater(listTenants, &list, "")
			require.NoError(t, on.Get(ctx, countEvents, &n, "a"))
			require.NoError(t, later.Wait(ctx))
			require.NoError(t, rows.Wait(ctx))
			require.EqualValues(t, 7, *one.Version)
			require.Len(t, list, 2)
			return nil
		}))
	})
}

// The first write that fails names its field, whoever hears of it, and nothing of its level stays.
func TestQueuedFaultsNameTheirField(t *testing.T) {
	t.Parallel()

	eachWay(t, func(t *testing.T, w way) {
		require.NoError(t, add(t.Context(), w.db, nil, "taken"))
		for name, hear := range map[string]func(ctx context.Context, on store.Conn) error{
			"at the end": func(context.Context, store.Conn) error { return nil },
			"by a read": func(ctx context.Context, on store.Conn) error {
				return on.Get(ctx, getTenant, &tenantRow{}, "taken")
			},
			"by a write": func(ctx context.Context, on store.Conn) error { return second(on.Exec(ctx, setTenant, "a", 1, 2)) },
			"by a later read": func(ctx context.Context, on store.Conn) error {
				return on.GetLater(getTenant, &tenantRow{}, "a").Wait(ctx)
			},
		} {
			err := w.level(t.Context(), func(ctx context.Context, u work.Unit) error {
				on := w.db.On(u)
				require.NoError(t, queueTenant(on, "first"))
				require.NoError(t, queueTenant(on, "taken"))
				require.NoError(t, queueTenant(on, "last"))
				return hear(ctx, on)
			})
			require.Equal(t, fault.Conflict, fault.CodeOf(err), "%s: %v", name, err)
			require.Equal(t, "taken", fieldOf(err), name)
			require.Equal(t, []string{"taken"}, tenants(t, w.db), name)
		}
	})
}

// Whoever passes a fault over does not get the level committed, and cannot write into it any more.
func TestAFailedLevelStaysFailed(t *testing.T) {
	t.Parallel()

	eachWay(t, func(t *testing.T, w way) {
		require.NoError(t, add(t.Context(), w.db, nil, "taken"))
		err := w.level(t.Context(), func(ctx context.Context, u work.Unit) error {
			on := w.db.On(u)
			require.NoError(t, queueTenant(on, "first"))
			require.NoError(t, queueTenant(on, "taken"))
			fail := on.Get(ctx, getTenant, &tenantRow{}, "taken")
			require.Error(t, fail)
			for what, err := range map[string]error{
				"queue": queueTenant(on, "late"),
				"exec":  second(on.Exec(ctx, dropTenant, "x")),
				"get":   on.Get(ctx, getTenant, &tenantRow{}, "taken"),
				"later": on.GetLater(getTenant, &tenantRow{}, "taken").Wait(ctx),
				"host":  second(0, onlyErr(w.db.Querier(u).ExecContext(ctx, "SELECT 1"))),
				"row":   w.db.Querier(u).QueryRowContext(ctx, "SELECT 1").Scan(new(int)),
				"level": add(ctx, w.db, u, "inner"),
			} {
				require.Equal(t, fail, err, what)
			}
			return nil
		})
		require.Equal(t, "taken", fieldOf(err))
		require.Equal(t, []string{"taken"}, tenants(t, w.db))
	})
}

func onlyErr(_ sql.Result, err error) error { return err }

// A level that fails takes its own writes back, those that were sent and those that wait, and no others.
func TestLevelsAreTakenBackOneByOne(t *testing.T) {
	t.Parallel()

	mine := errors.New("mine")
	eachWay(t, func(t *testing.T, w way) {
		require.NoError(t, w.level(t.Context(), func(ctx context.Context, u work.Unit) error {
			require.NoError(t, queueTenant(w.db.On(u), "before"))
			require.ErrorIs(t, w.db.Write(ctx, u, func(_ context.Context, inner work.Unit) error {
				require.NoError(t, queueTenant(w.db.On(inner), "waits"))
				return mine
			}), mine)
			require.ErrorIs(t, w.db.Write(ctx, u, func(ctx context.Context, inner work.Unit) error {
				require.NoError(t, queueTenant(w.db.On(inner), "sent"))
				require.NoError(t, w.db.On(inner).Get(ctx, getTenant, &tenantRow{}, "sent"))
				require.NoError(t, queueTenant(w.db.On(inner), "waits"))
				return mine
			}), mine)
			err := w.db.Write(ctx, u, func(_ context.Context, inner work.Unit) error {
				return errors.Join(queueTenant(w.db.On(inner), "gone"), queueTenant(w.db.On(inner), "before"))
			})
			require.Equal(t, "before", fieldOf(err), "%v", err)
			require.NoError(t, w.db.Write(ctx, u, func(_ context.Context, inner work.Unit) error {
				return queueTenant(w.db.On(inner), "inner")
			}))
			require.NoError(t, w.db.Write(ctx, u, func(context.Context, work.Unit) error { return nil }))
			return queueTenant(w.db.On(u), "after")
		}))
		require.Equal(t, []string{"after", "before", "inner"}, tenants(t, w.db))
	})
}

// A write of the outer level that fails while an inner one sends it belongs to the outer level.
func TestAnOuterWriteFailsItsOwnLevel(t *testing.T) {
	t.Parallel()

	eachWay(t, func(t *testing.T, w way) {
		require.NoError(t, add(t.Context(), w.db, nil, "taken"))
		err := w.level(t.Context(), func(ctx context.Context, u work.Unit) error {
			require.NoError(t, queueTenant(w.db.On(u), "taken"))
			require.Equal(t, "taken", fieldOf(w.db.Write(ctx, u, func(_ context.Context, inner work.Unit) error {
				return queueTenant(w.db.On(inner), "inner")
			})))
			return nil
		})
		require.Equal(t, "taken", fieldOf(err), "%v", err)
		require.Equal(t, []string{"taken"}, tenants(t, w.db))
	})
}

func TestHostsSeeWhatWasQueued(t *testing.T) {
	t.Parallel()

	eachWay(t, func(t *testing.T, w way) {
		count := "SELECT count(*) FROM crm_tenant"
		require.True(t, store.Duplicate(w.level(t.Context(), func(ctx context.Context, u work.Unit) error {
			host := w.db.Querier(u)
			for want := 1; want <= 4; want++ {
				require.NoError(t, queueTenant(w.db.On(u), fmt.Sprint("t", want)))
				var n int
				switch want {
				case 1:
					require.NoError(t, host.QueryRowContext(ctx, count).Scan(&n))
				case 2:
					rows, err := host.QueryContext(ctx, count)
					require.NoError(t, err)
					require.True(t, rows.Next())
					require.NoError(t, rows.Scan(&n))
					require.NoError(t, errors.Join(rows.Close(), rows.Err()))
				case 3:
					s, err := host.PrepareContext(ctx, count)
					require.NoError(t, err)
					require.NoError(t, s.QueryRowContext(ctx).Scan(&n))
					require.NoError(t, s.Close())
				case 4:
					_, err := host.ExecContext(ctx, "UPDATE crm_tenant SET zone = 'host'")
					require.NoError(t, err)
					n = 4
				}
				require.Equal(t, want, n)
			}
			require.NoError(t, w.db.Write(ctx, u, func(_ context.Context, inner work.Unit) error {
				return queueTenant(w.db.On(inner), "t5")
			}))
			var n int
			require.NoError(t, host.QueryRowContext(ctx, count).Scan(&n))
			require.Equal(t, 5, n, "a level has sent its writes when it returns")
			require.NoError(t, queueTenant(w.db.On(u), "t6"))
			_, err := w.db.On(u).BulkLoad(ctx, "crm_tenant", []string{"tenant_id", "schema_version", "updated_at"}, func(yield func([]any, error) bool) {
				yield([]any{"t6", 1, instant}, nil)
			})
			require.True(t, store.Duplicate(err), "a bulk load comes after what was queued: %v", err)
			return err
		})))
	})
}

// The rows of a host that were not read to their end do not keep its transaction from ending.
func TestRowsLeftOpenDoNotBlockTheCommit(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		for _, mine := range []error{nil, errors.New("mine")} {
			var rows *sql.Rows
			err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) (err error) {
				require.NoError(t, add(ctx, b.DB, u, "a"))
				rows, err = b.DB.Querier(u).QueryContext(ctx, "SELECT tenant_id FROM crm_tenant")
				require.NoError(t, err)
				require.True(t, rows.Next())
				return mine
			})
			require.NoError(t, rows.Close())
			_ = rows.Err() // on SQLite the end of the transaction
			require.ErrorIs(t, err, mine)
			if mine == nil {
				require.NoError(t, err)
				require.Equal(t, []string{"a"}, tenants(t, b.DB))
				_, err = b.DB.On(nil).Exec(t.Context(), dropTenant, "a")
				require.NoError(t, err)
			} else {
				require.Empty(t, tenants(t, b.DB))
			}
		}
	})
}

func TestQueueOutsideOfALevel(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		require.Equal(t, fault.Internal, fault.CodeOf(queueTenant(b.DB.On(nil), "a")))
		require.NoError(t, b.DB.Read(t.Context(), nil, func(_ context.Context, u work.Unit) error {
			require.Equal(t, fault.Internal, fault.CodeOf(queueTenant(b.DB.On(u), "a")))
			return nil
		}))
		tx, err := b.Write.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, fault.Internal, fault.CodeOf(queueTenant(b.DB.On(b.DB.Join(tx)), "a")), "nobody would send it")
		require.NoError(t, tx.Rollback())
		require.Equal(t, fault.Invalid, fault.CodeOf(queueTenant(b.DB.On(b.DB.Join(nil)), "a")))
		var old work.Unit
		var late *store.Later
		require.NoError(t, b.DB.Write(t.Context(), nil, func(_ context.Context, u work.Unit) error {
			old = u
			require.Error(t, b.DB.On(u).Queue(addTenant, nil, make(chan int)))
			require.Equal(t, fault.Internal, fault.CodeOf(b.DB.On(u).QueueOne(getTenant, nil, "a")))
			late = b.DB.On(u).GetLater(getTenant, &tenantRow{}, "a")
			return nil
		}))
		require.Equal(t, fault.Invalid, fault.CodeOf(late.Wait(t.Context())))
		require.Equal(t, fault.Invalid, fault.CodeOf(queueTenant(b.DB.On(old), "a")))
		require.Empty(t, tenants(t, b.DB))
	})
}

// staleLaw writes a stale version beside an event. It returns what is wrong with the outcome.
func staleLaw(t *testing.T, w way) error {
	t.Helper()
	require.NoError(t, add(t.Context(), w.db, nil, "acme"))
	stale := fault.New(fault.Conflict, "changed meanwhile")
	err := w.level(t.Context(), func(_ context.Context, u work.Unit) error {
		on := w.db.On(u)
		return errors.Join(on.QueueOne(setTenant, func(err error) error {
			if errors.Is(err, store.ErrNoRow) {
				return stale
			}
			return err
		}, "acme", 6, 8), on.Queue(addEvent, nil, "acme", ident.New(), "tenant", ident.New(), 8, instant))
	})
	var n int
	require.NoError(t, w.db.On(nil).Get(t.Context(), countEvents, &n, "acme"))
	switch {
	case n != 0:
		return errors.New("the event of a stale write was committed")
	case !errors.Is(err, stale):
		return fmt.Errorf("the stale write returned: %w", err)
	}
	return nil
}

// A write that has not found its version takes the event and the commit with it that travel beside it.
func TestAStaleWriteCommitsNoEvent(t *testing.T) {
	t.Parallel()

	eachWay(t, func(t *testing.T, w way) { require.NoError(t, staleLaw(t, w)) })
}

// tardy is a wire that looks at the count of a write only after the whole trip, and so after the commit.
type tardy struct{ store.Dialect }

func (d tardy) wire() store.Wire        { return d.Dialect.(store.Wire) } // PostgreSQL's is one
func (d tardy) Reaches(source any) bool { return d.wire().Reaches(source) }

func (d tardy) Send(ctx context.Context, source any, t *store.Trip) bool {
	sick := *t
	sick.Statements = slices.Clone(t.Statements)
	for i, s := range sick.Statements {
		if s.Decides() {
			sick.Statements[i] = &store.Statement{Text: s.Text, Args: s.Args}
		}
	}
	sent := d.wire().Send(ctx, source, &sick)
	for i, s := range sick.Statements {
		t.Statements[i].N, t.Statements[i].Err, t.Statements[i].Ran = s.N, s.Err, s.Ran
	}
	t.Unknown = sick.Unknown
	return sent
}

func TestAMutantThatCountsTooLateIsKilled(t *testing.T) {
	t.Parallel()

	b := dbtest.PostgresBackend(t)
	db, err := store.Open(t.Context(), store.Config{Write: b.Write, Dialect: tardy{b.Dialect}})
	require.NoError(t, err)
	require.ErrorContains(t, staleLaw(t, owned("mutant", db)), "the event of a stale write was committed")
}

// spy notes the statements that reach a database.
func spy(c *dbtest.Chaos) (said func() string) {
	var mu sync.Mutex
	var names []string
	c.Watch(func(op dbtest.Op, text string) {
		mu.Lock()
		defer mu.Unlock()
		if op != dbtest.OpPrepare {
			names = append(names, dbtest.StatementName(text))
		}
	})
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		out := strings.Join(names, " ")
		names = nil
		return out
	}
}

func TestALevelThatDoesNothingSaysNothing(t *testing.T) {
	t.Parallel()

	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		said := spy(c)
		nothing := func(context.Context, work.Unit) error { return nil }
		level := func(ctx context.Context, u work.Unit) error { return b.DB.Write(ctx, u, nothing) }
		require.NoError(t, b.DB.Write(t.Context(), nil, level))
		mine := errors.New("mine")
		require.ErrorIs(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			require.ErrorIs(t, b.DB.Write(ctx, u, func(_ context.Context, u work.Unit) error {
				return errors.Join(mine, queueTenant(b.DB.On(u), "a"))
			}), mine)
			return mine
		}), mine)
		if b.Name == "sqlite" {
			require.Equal(t, "BEGIN COMMIT BEGIN ROLLBACK", said(), "SQLite takes its lock at once")
		} else {
			require.Empty(t, said())
		}
		require.NoError(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			require.NoError(t, queueTenant(b.DB.On(u), "a"))
			return b.DB.Write(ctx, u, func(_ context.Context, u work.Unit) error {
				return queueTenant(b.DB.On(u), "b")
			})
		}))
		require.Equal(t, "BEGIN test.add_tenant (SAVEPOINT) test.add_tenant (RELEASE) COMMIT", said())
	})
}

// A transaction whose first trip has failed before BEGIN, since the server cannot read a statement, has not begun: what
// follows must not run outside of it.
func TestNothingRunsOutsideOfATransactionThatHasNotBegun(t *testing.T) {
	t.Parallel()

	broken := store.Same("test.broken", `UPDATE no_such_table SET n = $1 WHERE n = $1`)
	eachWay(t, func(t *testing.T, w way) {
		var a tenantRow
		var before *store.Later
		err := w.level(t.Context(), func(ctx context.Context, u work.Unit) error {
			_ = w.db.Write(ctx, u, func(ctx context.Context, inner work.Unit) error {
				on := w.db.On(inner)
				before = on.GetLater(getTenant, &a, "a")
				require.NoError(t, queueTenant(on, "first"))
				_, err := on.Exec(ctx, broken, 1)
				require.Error(t, err)
				_, _ = on.Exec(ctx, addTenant, "swallowed", "UTC", 7, instant)
				return queueTenant(on, "queued")
			}) // SQLite goes on after a statement that it cannot read
			_, _ = w.db.On(u).Exec(ctx, addTenant, "outer", "UTC", 7, instant)
			return errors.New("mine")
		})
		require.Error(t, err)
		require.Error(t, before.Wait(t.Context()))
		require.Empty(t, tenants(t, w.db))
	})
}

// A write that has not run, because a read before it failed, is missed when its level ends.
func TestAWriteThatHasNotRunFailsItsLevel(t *testing.T) {
	t.Parallel()

	missing := store.Same("test.missing", `SELECT tenant_id FROM no_such_table WHERE tenant_id = $1`)
	eachWay(t, func(t *testing.T, w way) {
		require.Error(t, w.level(t.Context(), func(ctx context.Context, u work.Unit) error {
			on := w.db.On(u)
			var text string
			read := on.GetLater(missing, &text, "a")
			require.NoError(t, queueTenant(on, "never"))
			require.Error(t, read.Wait(ctx))
			return nil
		}))
		require.Empty(t, tenants(t, w.db))
	})
}
