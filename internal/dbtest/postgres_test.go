package dbtest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("DBTEST_CHILD"); dir != "" {
		child(dir)
	}
	os.Exit(dbtest.Main(m))
}

// child starts a server, says where it is, and waits to be killed.
func child(base string) {
	s, err := dbtest.StartServer(context.Background(), dbtest.Options{Dir: base})
	if err != nil {
		os.Exit(3)
	}
	_, _ = os.Stdout.WriteString(s.DSN() + "\n")
	select {}
}

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func one(t *testing.T, db *sql.DB, query string) (value string) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&value))
	return value
}

func TestDatabaseIsFreshAndDropped(t *testing.T) {
	t.Parallel()

	server := dbtest.Postgres(t)
	require.Same(t, server, dbtest.Postgres(t), "one server per process")
	var name string
	t.Run("use", func(t *testing.T) {
		db := open(t, server.Database(t))
		name = one(t, db, "SELECT current_database()")
		_, err := db.ExecContext(t.Context(), "CREATE TABLE a (b int)")
		require.NoError(t, err)
		require.Equal(t, "0", one(t, open(t, server.Database(t)), "SELECT count(*) FROM pg_class WHERE relname = 'a'"))
	})
	require.Equal(t, "0", one(t, open(t, server.DSN()), "SELECT count(*) FROM pg_database WHERE datname = '"+name+"'"))
}

// templates keeps the runs of one process apart.
var templates atomic.Int32

func TestTemplateIsPreparedOnce(t *testing.T) {
	t.Parallel()

	server := dbtest.Postgres(t)
	name := fmt.Sprintf("seeded %d", templates.Add(1))
	var runs atomic.Int32
	prepare := func(dsn string) error {
		runs.Add(1)
		db, err := sql.Open("pgx", dsn)
		if err != nil {
			return err
		}
		_, err = db.ExecContext(context.Background(), "CREATE TABLE seed AS SELECT 7 AS n")
		return errors.Join(err, db.Close())
	}
	for range 3 {
		t.Run("clone", func(t *testing.T) {
			t.Parallel()

			db := open(t, server.Template(t, name, prepare))
			require.Equal(t, "7", one(t, db, "SELECT sum(n) FROM seed"))
			_, err := db.ExecContext(t.Context(), "INSERT INTO seed VALUES (1)")
			require.NoError(t, err)
		})
	}
	t.Cleanup(func() { require.EqualValues(t, 1, runs.Load()) })
}

func TestStartServerDurable(t *testing.T) {
	t.Parallel()
	dbtest.Postgres(t) // skips where there is none

	server, err := dbtest.StartServer(t.Context(), dbtest.Options{
		Durable: true, Settings: map[string]string{"work_mem": "9MB"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	db := open(t, server.DSN())
	for name, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "work_mem": "9MB",
	} {
		require.Equal(t, want, one(t, db, "SHOW "+name), name)
	}
	require.Equal(t, "off", one(t, open(t, dbtest.Postgres(t).DSN()), "SHOW fsync"))
}

func TestStopRemovesEverything(t *testing.T) {
	t.Parallel()
	dbtest.Postgres(t) // skips where there is none

	base := shortDir(t)
	server, err := dbtest.StartServer(t.Context(), dbtest.Options{Dir: base})
	require.NoError(t, err)
	require.NoError(t, server.Stop())
	require.NoError(t, server.Stop(), "stopping twice is fine")
	left, err := filepath.Glob(filepath.Join(base, "*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestStartReportsTheServersWords(t *testing.T) {
	t.Parallel()
	dbtest.Postgres(t) // skips where there is none

	_, err := dbtest.StartServer(t.Context(), dbtest.Options{Settings: map[string]string{"no_such_setting": "1"}})
	require.ErrorContains(t, err, "no_such_setting")
}

// A leak check finds no goroutine but the one that can be named.
func TestHoldingFunction(t *testing.T) {
	t.Parallel()
	_ = dbtest.Postgres(t).Database(t)

	if os.Getenv("CRM_TEST_DSN") != "" {
		t.Skip("the server is not ours to hold")
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	require.Contains(t, string(stacks), dbtest.HoldingFunction+"(")
}

// A killed process takes its server with it, and the next one tidies up.
func TestServerDiesWithItsProcess(t *testing.T) {
	t.Parallel()
	dbtest.Postgres(t) // skips where there is none

	base := shortDir(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DBTEST_CHILD="+base)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, 4096)
	n, err := out.Read(line)
	require.NoError(t, err)
	dsn := strings.TrimSpace(string(line[:n]))
	require.Equal(t, "1", one(t, open(t, dsn), "SELECT 1"))

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	db := open(t, dsn)
	require.Eventually(t, func() bool { return db.PingContext(t.Context()) != nil }, time.Minute, 10*time.Millisecond)

	locks, err := filepath.Glob(filepath.Join(base, "*", "lock"))
	require.NoError(t, err)
	require.Len(t, locks, 1)
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(locks[0], old, old))
	server, err := dbtest.StartServer(t.Context(), dbtest.Options{Dir: base})
	require.NoError(t, err)
	require.NoError(t, server.Stop())
	require.NoFileExists(t, locks[0])
}

// shortDir is a directory that the server's user can enter and whose path fits a
// socket's name, which t.TempDir promises neither of.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "dbt")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}
