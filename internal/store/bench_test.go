package store_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	benchGet = store.Same("bench.get", `
		SELECT id, version, holder_entity, holder_id, state, until_at, keys, owner_user, owner_team, created_at, updated_at,
			created_by, source_system, source_ref
		FROM crm_claim WHERE tenant_id = $1 AND id = $2`)
	benchAdd = store.Same("bench.add", `
		INSERT INTO crm_claim (tenant_id, id, version, holder_entity, holder_id, state, until_at, keys, owner_user, owner_team,
			created_at, updated_at, created_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`)
)

type benchRow struct {
	store.MetaRow

	HolderEntity string     `bun:"holder_entity"`
	HolderID     store.ID   `bun:"holder_id"`
	State        string     `bun:"state"`
	Until        store.Time `bun:"until_at"`
	Keys         store.JSON `bun:"keys"`
}

// dests are what the columns of benchGet are scanned into by hand.
func (r *benchRow) dests(user, team, system, ref *sql.NullString) []any {
	return []any{&r.ID, &r.Version, &r.HolderEntity, &r.HolderID, &r.State, &r.Until, &r.Keys, user, team, &r.CreatedAt, &r.UpdatedAt, &r.CreatedBy, system, ref}
}

func benchClaim(id ident.ID) []any {
	return []any{"acme", id, 1, "case", ident.New(), "held", instant, store.JSON(`[{"namespace":"hall","key":"B1"}]`), "u-1", "emea", instant, instant, "u-1"}
}

func eachBench(b *testing.B, fn func(b *testing.B, d dbtest.Backend)) {
	for name, open := range map[string]func(testing.TB) dbtest.Backend{"sqlite": dbtest.SQLite, "postgres": dbtest.PostgresBackend} {
		b.Run(name, func(b *testing.B) { fn(b, open(b)) })
	}
}

// BenchmarkGet reads one row of fourteen columns: through the store, which scans by bun; by the same prepared
// statement scanned by hand; and, on PostgreSQL, by pgx alone.
func BenchmarkGet(b *testing.B) {
	eachBench(b, func(b *testing.B, d dbtest.Backend) {
		ids := make([]ident.ID, 1000)
		require.NoError(b, d.DB.Write(b.Context(), nil, func(ctx context.Context, u work.Unit) error {
			for i := range ids {
				ids[i] = ident.New()
				if _, err := d.DB.On(u).Exec(ctx, benchAdd, benchClaim(ids[i])...); err != nil {
					return err
				}
			}
			return nil
		}))
		ctx := b.Context()
		b.Run("store", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				var row benchRow
				if err := d.DB.On(nil).Get(ctx, benchGet, &row, "acme", ids[i%len(ids)]); err != nil {
					b.Fatal(err)
				}
			}
		})
		text, id := benchGet.SQLite, func(i int) any { return ids[i%len(ids)][:] }
		if d.Pool != nil {
			text, id = benchGet.Postgres, func(i int) any { return [16]byte(ids[i%len(ids)]) }
		}
		query := func(i int) *sql.Row { return d.Read.QueryRowContext(ctx, text, "acme", id(i)) }
		if d.Pool == nil {
			stmt, err := d.Read.PrepareContext(ctx, text)
			require.NoError(b, err)
			defer stmt.Close()
			query = func(i int) *sql.Row { return stmt.QueryRowContext(ctx, "acme", id(i)) }
		}
		b.Run("by-hand", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				var row benchRow
				var user, team, system, ref sql.NullString
				if err := query(i).Scan(row.dests(&user, &team, &system, &ref)...); err != nil {
					b.Fatal(err)
				}
			}
		})
		if d.Pool == nil {
			return
		}
		b.Run("pgx", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				var id, holder [16]byte
				var version int64
				var entity, state, by string
				var keys []byte
				var user, team, system, ref *string
				var until, created, updated time.Time
				if err := d.Pool.QueryRow(ctx, text, "acme", [16]byte(ids[i%len(ids)])).Scan(&id, &version, &entity, &holder, &state, &until, &keys,
					&user, &team, &created, &updated, &by, &system, &ref); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// BenchmarkWrite is one transaction of one insert, and the same as a savepoint of a transaction that goes on.
func BenchmarkWrite(b *testing.B) {
	eachBench(b, func(b *testing.B, d dbtest.Backend) {
		insert := func(ctx context.Context, u work.Unit) error {
			_, err := d.DB.On(u).Exec(ctx, benchAdd, benchClaim(ident.New())...)
			return err
		}
		b.Run("own", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := d.DB.Write(b.Context(), nil, insert); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("savepoint", func(b *testing.B) {
			b.ReportAllocs()
			require.NoError(b, d.DB.Write(b.Context(), nil, func(ctx context.Context, u work.Unit) error {
				for b.Loop() {
					if err := d.DB.Write(ctx, u, insert); err != nil {
						return err
					}
				}
				return nil
			}))
		})
	})
}

// BenchmarkBulkLoad inserts 10,000 rows in one transaction.
func BenchmarkBulkLoad(b *testing.B) {
	columns := []string{"tenant_id", "id", "version", "holder_entity", "holder_id", "state", "until_at", "keys", "owner_user", "owner_team", "created_at", "updated_at", "created_by"}
	eachBench(b, func(b *testing.B, d dbtest.Backend) {
		const rows = 10_000
		for b.Loop() {
			require.NoError(b, d.DB.Write(b.Context(), nil, func(ctx context.Context, u work.Unit) error {
				_, err := d.DB.On(u).BulkLoad(ctx, "crm_claim", columns, func(yield func([]any, error) bool) {
					for range rows {
						if !yield(benchClaim(ident.New()), nil) {
							return
						}
					}
				})
				return err
			}))
		}
		b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

var (
	benchAudit = store.Same("bench.audit", `
		INSERT INTO crm_audit (tenant_id, id, at, op, action, entity, record_id, version, actor_kind, actor_id, purpose, changed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	benchEvent = store.Same("bench.event", `
		INSERT INTO crm_event (tenant_id, id, kind, entity, record_id, version, ordinal, actor_kind, actor_id, purpose, at, changed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	benchDispatch = store.Same("bench.dispatch", `
		INSERT INTO crm_dispatch (tenant_id, id, entity, record_id, version, at) VALUES ($1, $2, $3, $4, $5, $6)`)
)

// BenchmarkVerb is a transaction as most verbs write it: a row, its audit row, its event and its dispatch row. They are
// sent one by one, and together.
func BenchmarkVerb(b *testing.B) {
	changed := []string{"state", "keys"}
	rows := func(each func(q store.SQL, args ...any) error) error {
		id, event := ident.New(), ident.New()
		return errors.Join(
			each(benchAdd, benchClaim(id)...),
			each(benchAudit, "acme", event, instant, "claim: acquire", "create", "claim", id, 1, "user", "u-1", "sales", changed),
			each(benchEvent, "acme", event, "claim.acquired", "claim", id, 1, 0, "user", "u-1", "sales", instant, changed),
			each(benchDispatch, "acme", event, "claim", id, 1, instant),
		)
	}
	eachBench(b, func(b *testing.B, d dbtest.Backend) {
		for name, run := range map[string]func(ctx context.Context, on store.Conn, q store.SQL, args []any) error{
			"exec": func(ctx context.Context, on store.Conn, q store.SQL, args []any) error {
				return second(on.Exec(ctx, q, args...))
			},
			"queue": func(_ context.Context, on store.Conn, q store.SQL, args []any) error {
				return on.Queue(q, nil, args...)
			},
		} {
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := d.DB.Write(b.Context(), nil, func(ctx context.Context, u work.Unit) error {
						return rows(func(q store.SQL, args ...any) error { return run(ctx, d.DB.On(u), q, args) })
					}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}
