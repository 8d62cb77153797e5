package store

import (
	"context"
	"database/sql"
	"io/fs"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
)

// MigrateOptions tune [Migrate]. The zero value brings every built-in module to its newest version.
type MigrateOptions struct {
	Modules []Module // what to install, with everything it needs; nil means [Modules]
	// Transform rewrites each statement before it runs; nil means as they are. Tests partition the tables with it.
	Transform func(statement string) []string
}

// Migrate applies the migrations that are missing, each in a transaction of its own. Several processes may do it at
// once: each step is done by one, while the others wait. Modules that are installed and not in the options stay as they
// are.
//
// Errors: Invalid when a migration was changed after it was applied, for a module that needs one that is not listed, or
// for a database that [Dialect.Check] refuses; Conflict for a database that has tables of our names which are not ours;
// whatever the database refuses, and then nothing of that step remains.
func Migrate(ctx context.Context, db *sql.DB, d Dialect, o MigrateOptions) error {
	if err := given(ctx, db, d); err != nil {
		return err
	}
	if err := d.Check(ctx, db); err != nil {
		return fault.At("store: migrate", d.Fault(err))
	}
	all, err := Migrations(d, o.Modules)
	if err != nil {
		return fault.At("store: migrate", err)
	}
	if have, err := applied(ctx, db, all); err == nil && len(missing(all, have)) == 0 {
		return nil // without locks, or rights to make tables
	}
	if err := strangers(ctx, db, d, all); err != nil {
		return fault.At("store: migrate", err)
	}
	for more := true; more && err == nil; {
		err = locked(ctx, db, d, func(ctx context.Context, tx *sql.Tx) (err error) {
			more, err = next(ctx, tx, d, all, o.Transform)
			return err
		})
	}
	return fault.At("store: migrate", err)
}

// next runs the first step that is missing, and reports whether there was one.
func next(ctx context.Context, tx *sql.Tx, d Dialect, all []Migration, transform func(string) []string) (ran bool, err error) {
	have, err := applied(ctx, tx, all)
	if err != nil {
		return false, err
	}
	todo := missing(all, have)
	if len(todo) == 0 {
		return false, nil
	}
	m := todo[0]
	if err := run(ctx, tx, m.Up, transform); err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, text(d, recordStep), m.Module, m.Version, m.Name, m.Sum, d.Name(), d.Arg(time.Now().UTC()))
	return true, err
}

// missing returns the steps that are not applied, in order.
func missing(all []Migration, have map[string]int) []Migration {
	return slices.DeleteFunc(slices.Clone(all), func(m Migration) bool { return m.Version <= have[m.Module] })
}

// strangers refuses a database that has tables which a missing step is to make, or tables of our names and no module.
// They are read before the versions: what other processes make meanwhile shows up in both.
func strangers(ctx context.Context, db *sql.DB, d Dialect, all []Migration) error {
	lines, err := d.Catalog(ctx, db)
	if err != nil {
		return d.Fault(err)
	}
	have := map[string]int{}
	if slices.Contains(tablesOf(lines), versionTable) {
		if have, err = applied(ctx, db, all); err != nil {
			return d.Fault(err)
		}
	}
	wanted := Tables(missing(all, have))
	for _, table := range tablesOf(lines) {
		own := table == lockTable || table == versionTable
		if !own && (len(have) == 0 || slices.Contains(wanted, table)) {
			return fault.New(fault.Conflict, "the database has a table %s that no migration made: use another database or schema, or rename the table", table)
		}
	}
	return nil
}

// newer is the fault of a program that meets a module which a later one has migrated.
func newer(module string, done, known int) error {
	f := fault.New(fault.Unavailable, "the database has version %d of the module %s and this program knows %d: use the program that made it", done, module, known)
	f.Reason = ReasonNewer
	return f
}

// Pending returns the migrations that modules lack, in order; nil modules means [Modules]. It changes nothing. A module
// that a later program has migrated misses none.
func Pending(ctx context.Context, db *sql.DB, d Dialect, modules []Module) ([]Migration, error) {
	if err := given(ctx, db, d); err != nil {
		return nil, err
	}
	all, err := Migrations(d, modules)
	if err != nil {
		return nil, fault.At("store: pending", err)
	}
	have, err := installed(ctx, db, d, all)
	return missing(all, have), fault.At("store: pending", err)
}

// Installed returns the version of each module that the database has, those of later programs included.
func Installed(ctx context.Context, db *sql.DB, d Dialect) (map[string]int, error) {
	if err := given(ctx, db, d); err != nil {
		return nil, err
	}
	have, err := installed(ctx, db, d, nil)
	return have, fault.At("store: installed", err)
}

// installed is [applied] for a database that the migrator may not have seen yet.
func installed(ctx context.Context, db *sql.DB, d Dialect, all []Migration) (map[string]int, error) {
	lines, err := d.Catalog(ctx, db)
	if err != nil || !slices.Contains(tablesOf(lines), versionTable) {
		return nil, d.Fault(err)
	}
	have, err := applied(ctx, db, all)
	return have, d.Fault(err)
}

// The migrator's own tables.
const (
	lockTable    = "crm_lock"
	versionTable = "crm_schema_version"
)

// The migrator's own statements. The row of crm_lock is what processes wait for, since not every engine has advisory
// locks; SQLite has one writer anyway.
var (
	makeLock   = Same("store.make_lock", `INSERT INTO crm_lock (name) VALUES ('migrate') ON CONFLICT (name) DO NOTHING`)
	takeLock   = Split("store.take_lock", `SELECT name FROM crm_lock WHERE name = 'migrate' FOR UPDATE`, `SELECT name FROM crm_lock WHERE name = 'migrate'`)
	listSteps  = Same("store.list_steps", `SELECT module, version, name, sha256 FROM crm_schema_version ORDER BY module, version`)
	recordStep = Same("store.record_step", `INSERT INTO crm_schema_version (module, version, name, sha256, engine, applied_at) VALUES ($1, $2, $3, $4, $5, $6)`)
	dropSteps  = Same("store.drop_steps", `DELETE FROM crm_schema_version WHERE module = $1`)
)

// MigratorStatements lists the statements of the migrator, which serve no tenant.
func MigratorStatements() []SQL { return []SQL{makeLock, takeLock, listSteps, recordStep, dropSteps} }

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
	var level sql.TxOptions
	if d.Name() == Postgres {
		level.Isolation = sql.LevelReadCommitted // whoever waited for the lock must see what its holder did
	}
	tx, err := db.BeginTx(ctx, &level)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	own, err := fs.ReadFile(FS(d, builtIn(Foundation)), bootstrap)
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

// applied returns the newest version of each module in the database, having checked that it came from these steps.
// Modules and versions of a newer program count as they stand there.
func applied(ctx context.Context, q interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, all []Migration,
) (map[string]int, error) {
	sums := map[string]string{}
	for _, m := range all {
		sums[m.String()] = m.Sum
	}
	rows, err := q.QueryContext(ctx, listSteps.Postgres)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	have := map[string]int{}
	for rows.Next() {
		var m Migration
		if err := rows.Scan(&m.Module, &m.Version, &m.Name, &m.Sum); err != nil {
			return nil, err
		}
		if want, ok := sums[m.String()]; ok && want != m.Sum {
			return nil, fault.New(fault.Invalid, "migration %s was changed after it was applied", m)
		}
		have[m.Module] = m.Version
	}
	return have, rows.Err()
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
