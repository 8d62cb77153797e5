package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/store"
)

func open(t *testing.T, path string) (write, read *sql.DB) {
	t.Helper()
	write, read, err := sqlite.OpenPools(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, read.Close())
		require.NoError(t, write.Close())
	})
	return write, read
}

func TestPools(t *testing.T) {
	t.Parallel()

	write, read := open(t, filepath.Join(t.TempDir(), "a b?#%.db"))
	for db, busy := range map[*sql.DB]string{write: "1000", read: "5000"} {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "busy_timeout": busy, "synchronous": "1", "foreign_keys": "1", "temp_store": "2", "cache_size": "-65536",
		} {
			var got string
			require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
			require.Equal(t, want, got, pragma)
		}
		require.NoError(t, sqlite.Dialect.Check(t.Context(), db))
	}
	_, err := write.ExecContext(t.Context(), "CREATE TABLE a (b)")
	require.NoError(t, err)
	_, err = read.ExecContext(t.Context(), "INSERT INTO a VALUES (1)")
	require.Equal(t, fault.Unavailable, fault.CodeOf(sqlite.Dialect.Fault(err)), "the reading pool cannot write")

	// A write that has not ended keeps nobody from reading.
	tx, err := write.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "INSERT INTO a VALUES (1)")
	require.NoError(t, err)
	var n int
	require.NoError(t, read.QueryRowContext(t.Context(), "SELECT count(*) FROM a").Scan(&n))
	require.Zero(t, n)
	require.NoError(t, tx.Commit())

	for _, path := range []string{"", "a\x00b"} {
		_, _, err = sqlite.OpenPools(t.Context(), path)
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
	}
	_, _, err = sqlite.OpenPools(t.Context(), filepath.Join(t.TempDir(), "no", "such", "folder.db"))
	require.Equal(t, fault.Unavailable, fault.CodeOf(err))
}

var addTenant = store.Same("test.add_tenant", `INSERT INTO crm_tenant (tenant_id, schema_version, updated_at) VALUES ($1, 1, $2)`)

func TestMemory(t *testing.T) {
	t.Parallel()

	write, read := open(t, sqlite.Memory)
	require.Same(t, write, read)
	require.NoError(t, store.Migrate(t.Context(), write, sqlite.Dialect, store.MigrateOptions{}))
	db, err := store.Open(t.Context(), store.Config{Write: write, Read: read, Dialect: sqlite.Dialect})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				_ = db.Write(context.Background(), nil, func(ctx context.Context, u work.Unit) error {
					_, err := db.On(u).Exec(ctx, addTenant, strings.Repeat("x", i+1), time.Now())
					return err
				})
				var n int
				_ = db.On(nil).Get(context.Background(), store.Same("test.count", "SELECT count(*) FROM crm_tenant"), &n)
			}
		})
	}
	wg.Wait()
	var n int
	require.NoError(t, db.On(nil).Get(t.Context(), store.Same("test.count", "SELECT count(*) FROM crm_tenant"), &n))
	require.Equal(t, 8, n)
	require.NoError(t, db.Close())
}

// Two processes write one file: each waits for the other.
func TestTwoWritersOfOneFile(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "crm.db")
	first, _ := open(t, path)
	require.NoError(t, store.Migrate(t.Context(), first, sqlite.Dialect, store.MigrateOptions{}))
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		write, read := open(t, path)
		db, err := store.Open(t.Context(), store.Config{Write: write, Read: read, Dialect: sqlite.Dialect})
		require.NoError(t, err)
		wg.Go(func() {
			for n := range 25 {
				errs[i] = db.Write(context.Background(), nil, func(ctx context.Context, u work.Unit) error {
					_, err := db.On(u).Exec(ctx, addTenant, strings.Repeat("x", i+1)+strings.Repeat("y", n), time.Now())
					return err
				})
				if errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	var n int
	require.NoError(t, first.QueryRowContext(t.Context(), "SELECT count(*) FROM crm_tenant").Scan(&n))
	require.Equal(t, 100, n)
}

func TestCheckNamesTheSetting(t *testing.T) {
	t.Parallel()

	for name, want := range map[string]string{
		"?_pragma=busy_timeout(1)&_pragma=foreign_keys(1)":                           "journal_mode(WAL)",
		"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(0)&_pragma=foreign_keys(1)": "busy_timeout(5000)",
		"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(1)":                         "foreign_keys(1)",
	} {
		db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "crm.db")+name)
		require.NoError(t, err)
		_, err = store.Open(t.Context(), store.Config{Write: db, Dialect: sqlite.Dialect})
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
		require.ErrorContains(t, err, want)
		require.NoError(t, db.Close())
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()

	write, _ := open(t, sqlite.Memory)
	const secret = "ada@example.com"
	exec := func(q string, args ...any) error {
		_, err := write.ExecContext(t.Context(), q, args...)
		return sqlite.Dialect.Fault(err)
	}
	require.NoError(t, exec("CREATE TABLE a (id TEXT NOT NULL PRIMARY KEY, b INTEGER CHECK (b > 0)) STRICT"))
	require.NoError(t, exec("CREATE TABLE c (id TEXT REFERENCES a (id))"))
	require.NoError(t, exec("INSERT INTO a VALUES (?, 1)", secret))
	for name, c := range map[string]struct {
		err    error
		code   fault.Code
		reason string
	}{
		"duplicate": {exec("INSERT INTO a VALUES (?, 1)", secret), fault.Conflict, store.ReasonDuplicate},
		"reference": {exec("INSERT INTO c VALUES (?)", "x"+secret), fault.Conflict, store.ReasonReference},
		"check":     {exec("INSERT INTO a VALUES (?, 0)", "x"+secret), fault.Internal, ""},
		"null":      {exec("INSERT INTO a VALUES (NULL, 1)"), fault.Internal, ""},
		"type":      {exec("INSERT INTO a VALUES ('x', ?)", secret), fault.Internal, ""},
		"syntax":    {exec("SELECT '" + secret + "' FROM FROM"), fault.Internal, ""},
	} {
		f, ok := c.err.(*fault.Error) //nolint:errorlint // the dialect returns it bare
		require.True(t, ok, name)
		require.Equal(t, c.code, f.Code, name)
		require.Equal(t, c.reason, f.Reason, name)
		require.NotContains(t, f.Error(), "ada", name)
		require.Error(t, f.Unwrap(), name)
	}
	require.ErrorIs(t, sqlite.Dialect.Fault(context.Canceled), context.Canceled)
	require.NoError(t, sqlite.Dialect.Fault(nil))
	require.Equal(t, fault.Invalid, fault.CodeOf(sqlite.Dialect.Fault(sql.ErrTxDone)))
	require.Equal(t, fault.Internal, fault.CodeOf(sqlite.Dialect.Fault(sql.ErrNoRows)))
}
