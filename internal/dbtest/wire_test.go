package dbtest_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	makeNotes = store.Same("note.make", "CREATE TABLE note (id bigint PRIMARY KEY, body text)")
	addNote   = store.Same("note.add", "INSERT INTO note (id, body) VALUES ($1, $2)")
	noteBody  = store.Same("note.body", "SELECT body FROM note WHERE id = $1")
	noteCount = store.Same("note.count", "SELECT count(*) FROM note WHERE id > $1")
)

// onWire runs a test on PostgreSQL over the pool that a host would open, with an empty table note.
func onWire(t *testing.T, test func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos)) {
	t.Helper()
	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		if b.Pool == nil {
			return
		}
		_, err := b.DB.On(nil).Exec(t.Context(), makeNotes)
		require.NoError(t, err)
		test(t, b, c)
		c.Clear()
		n := 0
		require.NoError(t, b.DB.On(nil).Get(t.Context(), noteCount, &n, 0), "the pool recovers")
	})
}

// A read that passes database/sql by is struck like any other, outside of transactions and inside.
func TestWireReachesReadsOfTheDriver(t *testing.T) {
	t.Parallel()

	onWire(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		_, err := b.DB.On(nil).Exec(t.Context(), addNote, 1, "x")
		require.NoError(t, err)
		get := func(u work.Unit) error {
			var body string
			return b.DB.On(u).Get(t.Context(), noteBody, &body, 1)
		}
		for name, tc := range map[string]struct {
			rule dbtest.Rule
			code fault.Code
		}{
			"before":     {dbtest.Rule{Err: dbtest.PgError("40001")}, fault.Retryable},
			"after":      {dbtest.Rule{When: dbtest.After, Err: dbtest.PgError("40P01")}, fault.Retryable},
			"no SQL":     {dbtest.Rule{Err: errors.New("x")}, fault.Internal},
			"closed":     {dbtest.Rule{}, fault.Unavailable},
			"lost reply": {dbtest.Rule{When: dbtest.LostReply}, fault.Unavailable},
		} {
			tc.rule.Match, tc.rule.Nth = dbtest.ByName("note.body"), 1
			f := c.Inject(tc.rule)
			require.Equal(t, tc.code, fault.CodeOf(get(nil)), name)
			require.Equal(t, 1, f.Fired(), name)
			require.NoError(t, get(nil), "%s: and recovers", name)
			c.Clear()

			c.Inject(tc.rule)
			err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
				n := 0
				require.NoError(t, b.DB.On(u).Get(ctx, noteCount, &n, 0)) // BEGIN has been answered
				return get(u)
			})
			if tc.code == fault.Retryable {
				require.NoError(t, err, "%s: the transaction runs again", name)
			} else {
				require.Equal(t, tc.code, fault.CodeOf(err), name)
			}
			c.Clear()
		}
		c.Inject(dbtest.Rule{Match: dbtest.ByName("note.body"), Nth: 1, Err: driver.ErrBadConn})
		require.NoError(t, get(nil), "what was not sent is sent elsewhere")
	})
}

// A COPY fails when it begins, among its rows or after the last one, and nothing of it stays but what was committed.
func TestWireReachesCopy(t *testing.T) {
	t.Parallel()

	rows := func(n int) iter.Seq2[[]any, error] {
		return func(yield func([]any, error) bool) {
			for i := range n {
				if !yield([]any{i + 1, "x"}, nil) {
					return
				}
			}
		}
	}
	onWire(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		for name, tc := range map[string]struct {
			rule dbtest.Rule
			code fault.Code
		}{
			"before":     {dbtest.Rule{Err: dbtest.PgError("40P01")}, fault.Retryable},
			"after":      {dbtest.Rule{When: dbtest.After, Err: dbtest.PgError("40001")}, fault.Retryable},
			"closed":     {dbtest.Rule{}, fault.Unavailable},
			"unsent":     {dbtest.Rule{Err: driver.ErrBadConn}, fault.Unavailable},
			"lost reply": {dbtest.Rule{When: dbtest.LostReply}, fault.Unavailable},
		} {
			for _, at := range []string{"copy.note", "copied.note"} {
				tc.rule.Match = dbtest.ByName(at)
				f := c.Inject(tc.rule)
				tries := 0
				err := b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
					if tries++; tries == 2 {
						c.Clear()
					}
					_, err := b.DB.On(u).BulkLoad(ctx, "note", []string{"id", "body"}, rows(5000))
					if tries == 1 {
						require.Equal(t, tc.code, fault.CodeOf(err), "%s %s: %v", name, at, err)
					}
					return err
				})
				require.Equal(t, 1, f.Fired(), "%s %s", name, at)
				c.Clear()
				n := 0
				require.NoError(t, b.DB.On(nil).Get(t.Context(), noteCount, &n, 0))
				if tc.code == fault.Retryable {
					require.NoError(t, err, "%s %s", name, at)
					require.Equal(t, 5000, n)
				} else {
					require.Equal(t, tc.code, fault.CodeOf(err), "%s %s", name, at)
					require.Zero(t, n, "%s %s", name, at)
				}
				_, err = b.Write.ExecContext(t.Context(), "DELETE FROM note")
				require.NoError(t, err)
			}
		}
	})
}

// Where an error stands in for a reply, the server's transaction has failed like the caller's.
func TestWireFailsTheServerToo(t *testing.T) {
	t.Parallel()

	onWire(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		for _, when := range []dbtest.When{dbtest.Before, dbtest.After} {
			c.Inject(dbtest.Rule{Match: dbtest.ByName("note.add"), Nth: 1, When: when, Err: dbtest.PgError("23505")})
			tx, err := b.Pool.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), addNote.Postgres, 1, "x")
			require.ErrorContains(t, err, "23505")
			_, err = tx.Exec(t.Context(), addNote.Postgres, 2, "x")
			require.ErrorContains(t, err, "25P02")
			require.Error(t, tx.Commit(t.Context()))
			c.Clear()
			n := 0
			require.NoError(t, b.DB.On(nil).Get(t.Context(), noteCount, &n, 0))
			require.Zero(t, n)
		}
	})
}

func TestWireLetsRealErrorsPass(t *testing.T) {
	t.Parallel()

	onWire(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		_, err := b.DB.On(nil).Exec(t.Context(), addNote, 1, "x")
		require.NoError(t, err)
		c.Inject(dbtest.Rule{Match: dbtest.ByName("note.add"), Nth: 1, When: dbtest.LostReply})
		_, err = b.DB.On(nil).Exec(t.Context(), addNote, 1, "x")
		require.True(t, store.Duplicate(err), "%v", err)
	})
}
