package store

import (
	"context"
	"database/sql"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
)

// MigrateOptions tune [Migrate]. The zero value migrates to the newest version.
type MigrateOptions struct {
	To int // the version to stop at; 0 means the newest
	// Transform rewrites each statement before it runs; nil means as they are. Tests partition the tables with it.
	Transform func(statement string) []string
}

// Migrate applies the migrations that are missing, each in a transaction of its own. Several processes may do it at
// once: each step is done by one, while the others wait.
//
// Errors: Invalid when a migration was changed after it was applied, or for a database that [Dialect.Check] refuses;
// Conflict for a database that has tables of our names which are not ours; whatever the database refuses, and then nothing of that step remains.
func Migrate(ctx context.Context, db *sql.DB, d Dialect, o MigrateOptions) error {
	if err := given(ctx, db, d); err != nil {
		return err
	}
	if err := d.Check(ctx, db); err != nil {
		return fault.At("store: migrate", d.Fault(err))
	}
	all, err := Migrations(d)
	if err != nil {
		return err
	}
	if o.To < 0 || o.To > len(all) {
		return fault.Field("to", "want 0 to %d", len(all))
	}
	if o.To == 0 {
		o.To = len(all)
	}
	if done, err := applied(ctx, db, all); err == nil && done >= o.To {
		return nil // without locks, or rights to make tables
	}
	if err := strangers(ctx, db, d, all); err != nil {
		return fault.At("store: migrate", err)
	}
	for more := true; more; {
		err := locked(ctx, db, d, func(ctx context.Context, tx *sql.Tx) error {
			done, err := applied(ctx, tx, all)
			if more = err == nil && done < o.To; !more {
				return err
			}
			m := &all[done]
			if err := run(ctx, tx, m.Up, o.Transform); err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, text(d, recordStep), m.Version, m.Name, m.Sum, d.Name(), d.Arg(time.Now().UTC()))
			return err
		})
		if err != nil {
			return fault.At("store: migrate", err)
		}
	}
	return nil
}

// strangers refuses a database that has tables of our names before the first migration. They are read before the
// versions: what other processes make meanwhile shows up in both.
func strangers(ctx context.Context, db *sql.DB, d Dialect, all []Migration) error {
	lines, err := d.Catalog(ctx, db)
	if err != nil {
		return d.Fault(err)
	}
	if slices.Contains(lines, "table crm_schema_version") {
		if done, err := applied(ctx, db, all); err != nil || done > 0 {
			return d.Fault(err)
		}
	}
	for _, line := range lines {
		rest, ok := strings.CutPrefix(line, "table ")
		table, _, _ := strings.Cut(rest, " ")
		if ok && table != "crm_lock" && table != "crm_schema_version" {
			return fault.New(fault.Conflict, "the database has a table %s that no migration made: use another database or schema, or rename the table", table)
		}
	}
	return nil
}

// newer is the fault of a program that meets a schema which a later one has made.
func newer(done, known int) error {
	f := fault.New(fault.Unavailable, "the database has version %d of the schema and this program knows %d: use the program that made it", done, known)
	f.Reason = ReasonNewer
	return f
}

// MigrateDown takes migrations back, newest first, until version to is the newest. The data of the tables it drops is
// lost.
//
// Errors: Invalid for to; Unavailable with reason "newer" for a schema that a later program has made.
func MigrateDown(ctx context.Context, db *sql.DB, d Dialect, to int) error {
	if err := given(ctx, db, d); err != nil {
		return err
	}
	all, err := Migrations(d)
	if err != nil {
		return err
	}
	if to < 0 || to > len(all) {
		return fault.Field("to", "want 0 to %d", len(all))
	}
	for more := true; more; {
		err := locked(ctx, db, d, func(ctx context.Context, tx *sql.Tx) error {
			done, err := applied(ctx, tx, all)
			if more = err == nil && done > to; !more {
				return err
			}
			if done > len(all) {
				return newer(done, len(all))
			}
			if err := run(ctx, tx, all[done-1].Down, nil); err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, text(d, dropStep), done)
			return err
		})
		if err != nil {
			return fault.At("store: migrate down", err)
		}
	}
	return nil
}

// Pending returns the migrations that are missing, by version. It changes nothing. A schema that a later program has
// made misses none.
func Pending(ctx context.Context, db *sql.DB, d Dialect) ([]Migration, error) {
	done, all, err := version(ctx, db, d)
	if err != nil {
		return nil, fault.At("store: pending", err)
	}
	return all[min(done, len(all)):], nil
}

// version returns the newest version of the database and the migrations that this program has.
func version(ctx context.Context, db *sql.DB, d Dialect) (done int, all []Migration, err error) {
	if err := given(ctx, db, d); err != nil {
		return 0, nil, err
	}
	if all, err = Migrations(d); err != nil {
		return 0, nil, err
	}
	lines, err := d.Catalog(ctx, db)
	if err != nil || !slices.Contains(lines, "table crm_schema_version") {
		return 0, all, d.Fault(err)
	}
	done, err = applied(ctx, db, all)
	return done, all, d.Fault(err)
}

// The migrator's own statements. The row of crm_lock is what processes wait for, since not every engine has advisory
// locks; SQLite has one writer anyway.
var (
	makeLock   = Same("store.make_lock", `INSERT INTO crm_lock (name) VALUES ('migrate') ON CONFLICT (name) DO NOTHING`)
	takeLock   = Split("store.take_lock", `SELECT name FROM crm_lock WHERE name = 'migrate' FOR UPDATE`, `SELECT name FROM crm_lock WHERE name = 'migrate'`)
	listSteps  = Same("store.list_steps", `SELECT version, name, sha256 FROM crm_schema_version ORDER BY version`)
	recordStep = Same("store.record_step", `INSERT INTO crm_schema_version (version, name, sha256, engine, applied_at) VALUES ($1, $2, $3, $4, $5)`)
	dropStep   = Same("store.drop_step", `DELETE FROM crm_schema_version WHERE version = $1`)
)

// MigratorStatements lists the statements of the migrator, which serve no tenant.
func MigratorStatements() []SQL { return []SQL{makeLock, takeLock, listSteps, recordStep, dropStep} }

func text(d Dialect, q SQL) string {
	if d.Name() == SQLite {
		return q.SQLite
	}
	return q.Postgres
}

// locked runs fn in a transaction that no other migrator shares its time with. Two processes that make the migrator's
// own tables at the same moment disturb each other; the loser tries again.
func locked(ctx context.Context, db *sql.DB, d Dialect, fn func(ctx context.Context, tx *sql.Tx) error) error {
	for try := 1; ; try++ {
		prepared, err := lockedOnce(ctx, db, d, fn)
		if err == nil {
			return nil
		}
		err = d.Fault(err)
		code := fault.CodeOf(err)
		again := code == fault.Retryable || !prepared && (code == fault.Conflict || code == fault.Internal || reason(err) == ReasonPending)
		if !again || try == maxTries || ctx.Err() != nil {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

func lockedOnce(ctx context.Context, db *sql.DB, d Dialect, fn func(ctx context.Context, tx *sql.Tx) error) (prepared bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	own, err := fs.ReadFile(FS(d), bootstrap)
	if err != nil {
		return false, err
	}
	if err := run(ctx, tx, string(own), nil); err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, text(d, makeLock)); err != nil {
		return false, err
	}
	var name string
	if err := tx.QueryRowContext(ctx, text(d, takeLock)).Scan(&name); err != nil {
		return false, err
	}
	if err := fn(ctx, tx); err != nil {
		return true, err
	}
	return true, tx.Commit()
}

// applied returns the newest version of the database, having checked that it came from these files. A database of a
// newer program counts by its own newest version.
func applied(ctx context.Context, q interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, all []Migration,
) (int, error) {
	rows, err := q.QueryContext(ctx, listSteps.Postgres)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	newest := 0
	for rows.Next() {
		var name, sum string
		if err := rows.Scan(&newest, &name, &sum); err != nil {
			return 0, err
		}
		if newest <= len(all) && all[newest-1].Sum != sum {
			return 0, fault.New(fault.Invalid, "migration %d (%s) was changed after it was applied", newest, name)
		}
	}
	return newest, rows.Err()
}

func run(ctx context.Context, tx *sql.Tx, script string, transform func(string) []string) error {
	for _, statement := range Statements(script) {
		list := []string{statement}
		if transform != nil {
			list = transform(statement)
		}
		for _, s := range list {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}
