package bench

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	driver "modernc.org/sqlite"

	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/bench/script"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// sqliteDSN sets what sqlite.Open sets on its writing connection, so that all sides have the same cache and durability;
// a test compares them.
func sqliteDSN(path string) string {
	return "file:" + path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
		"&_pragma=foreign_keys(1)&_pragma=temp_store(memory)&_pragma=cache_size(-65536)&_pragma=journal_size_limit(200000000)" +
		"&_txlock=immediate"
}

func (w *world) openSQLite(ctx context.Context) error {
	dir, err := w.tempDir()
	if err != nil {
		return err
	}
	path := databaseFile(dir)
	w.start = func(ctx context.Context) (*crm.CRM, error) { return sqlite.Open(ctx, path, w.config()) }
	connect := byName{&driver.Driver{}, sqliteDSN(path)}
	w.recorder, w.peerDSN = script.NewRecorder(connect), sqliteDSN(path)
	w.raw = sql.OpenDB(connect)
	w.raw.SetMaxOpenConns(1)
	w.onClose(w.raw.Close)
	return w.open(ctx, sqlite.Dialect)
}

// byName is a driver that opens connections by name.
type byName struct {
	driver sqldriver.Driver
	name   string
}

func (b byName) Connect(context.Context) (sqldriver.Conn, error) { return b.driver.Open(b.name) }
func (b byName) Driver() sqldriver.Driver                        { return b.driver }

// serverSettings are those of a small production server; the defaults of PostgreSQL are for a machine of 1996.
var serverSettings = map[string]string{
	"shared_buffers":       "1GB",
	"max_wal_size":         "8GB",
	"checkpoint_timeout":   "30min",
	"maintenance_work_mem": "256MB",
	"wal_compression":      "on",
}

func (w *world) openPostgres(ctx context.Context, o Options) error {
	dsn, err := w.server(ctx, o.DSN)
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return fmt.Errorf("bench: open the database: %w", err)
	}
	w.onClose(func() error { pool.Close(); return nil })
	w.start = func(ctx context.Context) (*crm.CRM, error) {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return nil, err
		}
		return postgres.FromPool(ctx, pool, w.config())
	}
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("bench: open the database: %w", err)
	}
	connect := stdlib.GetConnector(*cfg)
	w.recorder, w.peerDSN = script.NewRecorder(postgres.Connector(connect)), dsn
	w.raw = sql.OpenDB(connect)
	w.onClose(w.raw.Close)
	return w.open(ctx, postgres.Dialect)
}

// server returns the connection string of an empty database: on the server given, or on one of our own.
func (w *world) server(ctx context.Context, dsn string) (string, error) {
	if dsn == "" {
		s, err := dbtest.StartServer(ctx, dbtest.Options{Durable: true, Settings: serverSettings})
		if err != nil {
			return "", fmt.Errorf("bench: %w", err)
		}
		w.onClose(s.Stop)
		return s.DSN(), nil
	}
	admin, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", fmt.Errorf("bench: open the database: %w", err)
	}
	name := fmt.Sprintf("rapport_bench_%d_%d", time.Now().UnixNano(), os.Getpid())
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		_ = admin.Close(ctx) // the first error counts
		return "", fmt.Errorf("bench: make a database: %w", err)
	}
	w.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		if closed := admin.Close(ctx); err == nil {
			err = closed
		}
		return err
	})
	return dbtest.WithDatabase(dsn, name), nil
}
