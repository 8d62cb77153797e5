package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/internal/bench/sample"
	"github.com/rapport-crm/rapport/internal/bench/script"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// world is one database with customers in it, and two ways for us into it: ours as a host opens it, and listened to.
type world struct {
	dialect  string
	people   sample.People
	rows     int
	takes    int // at most so many scripts of an operation
	next     int // number of the next customer that is in no database yet
	ours     *crm.CRM
	listened *crm.CRM
	start    func(ctx context.Context) (*crm.CRM, error) // opens ours
	kms      keys.KMS
	recorder *script.Recorder
	listen   *sql.DB // beneath listened, one connection
	raw      *sql.DB // for statistics
	peerDSN  string
	tables   map[string]*script.Table
	busy     []ident.ID // customers with a history
	far      *far       // nil on SQLite

	mu      sync.Mutex
	minting bool
	minted  []ident.ID
	now     time.Time // fixed while an operation is recorded; zero for the real one

	closers []func() error
}

// openWorld makes an empty database with our tables.
func openWorld(ctx context.Context, dialect string, o Options) (w *world, err error) {
	w = &world{dialect: dialect, people: sample.People{Seed: o.Seed}, takes: o.takes, kms: keys.NewMemory()}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if dialect == SQLite {
		return w, w.openSQLite(ctx)
	}
	return w, w.openPostgres(ctx, o)
}

// onClose adds what to do at the end, last first.
func (w *world) onClose(fn func() error) { w.closers = append(w.closers, fn) }

func (w *world) close() error {
	var errs []error
	for i := len(w.closers) - 1; i >= 0; i-- {
		errs = append(errs, w.closers[i]())
	}
	w.closers = nil
	return errors.Join(errs...)
}

// tempDir makes a directory that goes with the world.
func (w *world) tempDir() (string, error) {
	dir, err := os.MkdirTemp("", "rapport-bench")
	if err == nil {
		w.onClose(func() error { return os.RemoveAll(dir) })
	}
	return dir, err
}

// config is that of a host that changes nothing, with keys in memory.
func (w *world) config() *crm.Config {
	return &crm.Config{KMS: w.kms, Logger: slog.New(slog.DiscardHandler)}
}

// open opens ours, which migrates, and the one that is listened to.
func (w *world) open(ctx context.Context, d crm.Dialect) (err error) {
	if err := w.restart(ctx); err != nil {
		return err
	}
	w.onClose(func() error { return w.ours.Close(context.WithoutCancel(ctx)) })
	if w.tables, err = script.Tables(ctx, w.raw, w.dialect == SQLite); err != nil {
		return err
	}
	w.listen = sql.OpenDB(w.recorder)
	w.listen.SetMaxOpenConns(1)
	w.onClose(w.listen.Close)
	cfg := w.config()
	cfg.NewID, cfg.Clock = w.newID, w.clock
	if w.listened, err = crm.New(ctx, w.listen, d, cfg); err != nil {
		return err
	}
	w.onClose(func() error { return w.listened.Close(context.WithoutCancel(ctx)) })
	return nil
}

// restart opens ours anew, as a program does that finds a filled database with its statistics.
func (w *world) restart(ctx context.Context) (err error) {
	if w.ours != nil {
		if err := w.ours.Close(ctx); err != nil {
			return err
		}
	}
	w.ours, err = w.start(ctx)
	return err
}

func (w *world) newID() ident.ID {
	id := ident.New()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.minting {
		w.minted = append(w.minted, id)
	}
	return id
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now.IsZero() {
		return time.Now()
	}
	return w.now
}

// watch begins to watch which rows change.
func (w *world) watch(ctx context.Context) (script.Watcher, error) {
	if w.dialect == SQLite {
		return script.WatchSQLite(ctx, w.listen)
	}
	return script.WatchPostgres(ctx, w.raw)
}

// take watches one run of an operation.
func (w *world) take(ctx context.Context, watch script.Watcher, fn func() error) (t script.Take, err error) {
	w.mu.Lock()
	w.minting, w.minted = true, nil
	w.now = time.Now().UTC().Truncate(time.Microsecond)
	t.Now = w.now
	w.mu.Unlock()
	log, err := w.recorder.Record(func() error {
		t.Changes, err = watch.Watch(ctx, fn)
		return err
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Minted, w.minting, w.now = w.minted, false, time.Time{}
	t.Document = script.Document(log)
	return t, err
}

// session returns who measures: somebody with every right, so that no row is left out and both sides read the same.
func (w *world) session(c *crm.CRM, tenant string) *crm.Session {
	return c.As(ident.User(tenant, "u-0", work.RoleAdmin).InTeams("team-0"), personal.Operations)
}

// analyze gives the planner what it would have in production. On SQLite it does what PRAGMA optimize does: an ANALYZE
// without a limit also fills sqlite_stat4, after which SQLite compiles every statement again at each new argument.
func (w *world) analyze(ctx context.Context) error {
	statement := "VACUUM (ANALYZE)"
	if w.dialect == SQLite {
		statement = "PRAGMA analysis_limit = 1000; ANALYZE"
	}
	_, err := w.raw.ExecContext(ctx, statement)
	if err != nil {
		return fmt.Errorf("bench: %s: %w", statement, err)
	}
	if err := w.restart(ctx); err != nil || w.dialect == SQLite {
		return err
	}
	return w.openFar(ctx)
}

func databaseFile(dir string) string { return filepath.Join(dir, "bench.db") }
