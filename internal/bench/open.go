package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// sqliteDSN sets what sqlite.OpenPools sets on its writing connection, so that all sides have the same cache and
// durability; a test compares them.
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
	write, read, err := sqlite.OpenPools(ctx, path)
	if err != nil {
		return err
	}
	w.onClose(write.Close)
	w.onClose(read.Close)
	if err := crm.Migrate(ctx, write, sqlite.Dialect); err != nil {
		return err
	}
	w.recorder = NewRecorder(byName{write.Driver(), sqliteDSN(path)})
	listened := sql.OpenDB(w.recorder)
	listened.SetMaxOpenConns(1)
	w.onClose(listened.Close)
	w.raw, w.peerDSN = write, sqliteDSN(path)
	return w.open(ctx, crm.Pools{Write: write, Read: read}, listened, sqlite.Dialect)
}

// byName is a driver that opens connections by name.
type byName struct {
	driver driver.Driver
	name   string
}

func (b byName) Connect(context.Context) (driver.Conn, error) { return b.driver.Open(b.name) }
func (b byName) Driver() driver.Driver                        { return b.driver }

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
	db := postgres.OpenDB(pool)
	w.onClose(db.Close)
	if err := crm.Migrate(ctx, db, postgres.Dialect); err != nil {
		return err
	}
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("bench: open the database: %w", err)
	}
	w.recorder = NewRecorder(postgres.Connector(stdlib.GetConnector(*cfg)))
	listened := sql.OpenDB(w.recorder)
	w.onClose(listened.Close)
	w.raw, w.peerDSN = db, dsn
	return w.open(ctx, crm.Pools{Write: db, Read: db}, listened, postgres.Dialect)
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
