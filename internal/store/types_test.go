package store_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

type typesRow struct {
	ID     store.ID    `bun:"id"`
	Ref    store.ID    `bun:"ref"`
	Text   string      `bun:"text_"`
	Number int64       `bun:"number"`
	Float  float64     `bun:"float_"`
	Flag   bool        `bun:"flag"`
	At     store.Time  `bun:"at"`
	Day    store.Date  `bun:"day"`
	Doc    store.JSON  `bun:"doc"`
	List   store.Texts `bun:"list"`
	Bytes  []byte      `bun:"bytes"`
}

var (
	addTypes = store.Same("test.add_types", `INSERT INTO crm_zz_types (tenant_id, id, ref, text_, number, float_, flag, at, day, doc, list, bytes)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	getTypes = store.Same("test.get_types", `SELECT id, ref, text_, number, float_, flag, at, day, doc, list, bytes FROM crm_zz_types
		WHERE id = $2 AND tenant_id = $1`)
)

func makeTypes(t *testing.T, b dbtest.Backend) {
	t.Helper()
	ddl := `CREATE TABLE crm_zz_types (tenant_id text NOT NULL, id uuid NOT NULL, ref uuid, text_ text, number bigint, float_ double precision,
		flag boolean, at timestamptz, day date, doc jsonb, list jsonb, bytes bytea, PRIMARY KEY (tenant_id, id))`
	if b.Name == "sqlite" {
		ddl = `CREATE TABLE crm_zz_types (tenant_id TEXT NOT NULL, id BLOB NOT NULL, ref BLOB, text_ TEXT, number INTEGER, float_ REAL,
		flag INTEGER, at INTEGER, day INTEGER, doc TEXT, list TEXT, bytes BLOB, PRIMARY KEY (tenant_id, id)) STRICT`
	}
	exec(t, b.Write, ddl)
}

func TestEveryTypeComesBack(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		makeTypes(t, b)
		first, err := date.Of(1, 1, 1)
		require.NoError(t, err)
		last, err := date.Of(9999, 12, 31)
		require.NoError(t, err)
		for i, want := range []typesRow{
			{},
			{Ref: store.ID(ident.New()), Text: "Äpfel 中文 😀 ' \" \\ $1 ? %", Number: math.MaxInt64, Float: math.SmallestNonzeroFloat64, Flag: true,
				At: store.Time(instant), Day: store.Date(date.MustParse("1970-01-01")), Doc: store.JSON(`{"a": [1, null]}`), List: store.Texts{"a", "ä", ""}, Bytes: []byte{0, 255}},
			{Text: strings.Repeat("x", 100_000), Number: math.MinInt64, Float: -math.MaxFloat64, At: store.Time(time.Date(1, 1, 2, 0, 0, 0, 1000, time.UTC)), Day: store.Date(first), List: store.Texts{}, Bytes: make([]byte, 100_000)},
			{Number: -1, Float: 0.1, At: store.Time(time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)), Day: store.Date(last), Doc: store.JSON(`null`)},
		} {
			want.ID = store.ID(ident.New())
			for _, direct := range []bool{false, true} { // as text in a transaction, then prepared
				args := []any{fmt.Sprint("acme", direct), want.ID, want.Ref, store.OrNull(want.Text), want.Number, want.Float, want.Flag, want.At, want.Day, want.Doc, want.List, want.Bytes}
				add := func(ctx context.Context, u work.Unit) error {
					_, err := b.DB.On(u).Exec(ctx, addTypes, args...)
					return err
				}
				if direct {
					require.NoError(t, add(t.Context(), nil))
				} else {
					require.NoError(t, b.DB.Write(t.Context(), nil, add))
				}
				var got typesRow
				require.NoError(t, b.DB.On(nil).Get(t.Context(), getTypes, &got, args[0], want.ID))
				require.Equal(t, want, got, "row %d", i)
			}
		}
	})
}

func TestArgumentsOfManyKinds(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		makeTypes(t, b)
		id, number, flag := ident.New(), 7, true
		day := date.MustParse("2026-03-29")
		_, err := b.DB.On(nil).Exec(t.Context(), addTypes, personal.Purpose("acme"), &id, rule.ID(id), rule.Text("x"), &number, float32(0.5),
			&flag, rule.Time(instant), &day, store.JSON(`{}`), []string{"a"}, [2]byte{1, 2})
		require.NoError(t, err)
		var got typesRow
		require.NoError(t, b.DB.On(nil).Get(t.Context(), getTypes, &got, "acme", id))
		require.Equal(t, typesRow{
			ID: store.ID(id), Ref: store.ID(id), Text: "x", Number: 7, Float: 0.5, Flag: true, At: store.Time(instant), Day: store.Date(day),
			Doc: store.JSON(`{}`), List: store.Texts{"a"}, Bytes: []byte{1, 2},
		}, got)
		for _, bad := range []any{struct{}{}, func() {}, map[string]any{}, uint64(1), []int{1}} {
			_, err := b.DB.On(nil).Exec(t.Context(), addTypes, bad)
			require.Equal(t, fault.Internal, fault.CodeOf(err), "%T", bad)
		}
		_, err = b.DB.On(nil).Exec(t.Context(), addTypes, "too", "few")
		require.Equal(t, fault.Internal, fault.CodeOf(err))
	})
}

// More shapes than the cache holds, from several goroutines: none is closed under somebody's hands.
func TestStatementsComeAndGo(t *testing.T) {
	t.Parallel()

	b := dbtest.SQLite(t)
	require.NoError(t, add(t.Context(), b.DB, nil, "acme"))
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for g := range 8 {
		wg.Go(func() {
			for i := range 700 {
				var n int
				q := store.Same("test.shape", fmt.Sprintf("SELECT count(*) + %d FROM crm_tenant WHERE tenant_id = $1", (i*7+g)%640))
				if err := b.DB.On(nil).Get(context.Background(), q, &n, "acme"); err != nil {
					errs <- err
					return
				}
				if i%100 == 0 {
					if err := b.DB.Write(context.Background(), nil, func(ctx context.Context, u work.Unit) error {
						return b.DB.On(u).Get(ctx, q, &n, "acme")
					}); err != nil {
						errs <- err
						return
					}
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
}

func TestABadStatementSpoilsNothing(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		bad := store.Same("test.bad", "SELECT no_such_function(tenant_id) FROM crm_customer WHERE tenant_id = $1")
		for range 2 {
			var n int
			err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error { return b.DB.On(u).Get(ctx, bad, &n, "acme") })
			require.Equal(t, fault.Internal, fault.CodeOf(err))
			require.ErrorContains(t, err, "refused a statement")
			require.Error(t, b.DB.On(nil).Get(t.Context(), bad, &n, "acme"))
		}
		require.NoError(t, add(t.Context(), b.DB, nil, "acme"))
	})
}
