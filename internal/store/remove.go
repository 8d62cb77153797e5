package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
)

// DownOptions say what [MigrateDown] removes.
type DownOptions struct {
	Modules []Module // every module that this program knows; nil means [Modules]
	Remove  []string // the names of those that go; one that is not installed is gone already
}

// MigrateDown removes modules: it drops their tables, all in one transaction, and never a row of data. The migrator's own
// two tables stay even without the foundation.
//
// Errors: Invalid for an unknown name or none; Conflict while a table of a module holds rows, with one violation for each
// such table, or while an installed module needs one that would go; Unavailable with reason "newer" for a database that a
// later program has migrated.
func MigrateDown(ctx context.Context, db *sql.DB, d Dialect, o DownOptions) error {
	if err := given(ctx, db, d); err != nil {
		return err
	}
	if len(o.Remove) == 0 {
		return fault.At("store: migrate down", fault.Field("modules", "name the modules to remove"))
	}
	r, err := newRemoval(d, o)
	if err != nil {
		return fault.At("store: migrate down", err)
	}
	return fault.At("store: migrate down", locked(ctx, db, d, r.run))
}

// removal is modules on their way out.
type removal struct {
	d     Dialect
	known []Module    // in the order of installation
	all   []Migration // the steps of known
	gone  []string    // names of the modules that go
}

func newRemoval(d Dialect, o DownOptions) (*removal, error) {
	known, err := Arrange(o.Modules)
	if err != nil {
		return nil, err
	}
	if _, err := Select(known, o.Remove...); err != nil {
		return nil, err
	}
	all, err := Migrations(d, known)
	return &removal{d, known, all, o.Remove}, err
}

func (r *removal) run(ctx context.Context, tx *sql.Tx) error {
	have, err := applied(ctx, tx, r.all)
	if err != nil {
		return err
	}
	if err := r.allowed(have); err != nil {
		return err
	}
	tables := Tables(slices.DeleteFunc(slices.Clone(r.all), func(m Migration) bool {
		return !slices.Contains(r.gone, m.Module) || m.Version > have[m.Module]
	}))
	if err := r.empty(ctx, tx, tables); err != nil {
		return err
	}
	for _, table := range slices.Backward(tables) {
		if _, err := tx.ExecContext(ctx, "DROP TABLE "+table); err != nil {
			return err
		}
	}
	for _, name := range r.gone {
		if _, err := tx.ExecContext(ctx, text(r.d, dropSteps), name); err != nil {
			return err
		}
	}
	return nil
}

// allowed refuses to remove what another installed module needs, and to touch a database that a later program knows
// better.
func (r *removal) allowed(have map[string]int) error {
	newest := newestOf(r.all)
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if have[name] > newest[name] {
			return newer(name, have[name], newest[name])
		}
	}
	for _, m := range r.known {
		if have[m.Name] == 0 || slices.Contains(r.gone, m.Name) {
			continue
		}
		for _, need := range append([]string{Foundation}, m.Needs...) {
			if slices.Contains(r.gone, need) {
				return fault.New(fault.Conflict, "the module %s needs %s: remove both, or none", m.Name, need)
			}
		}
	}
	return nil
}

// empty refuses tables that hold rows. They are locked first, so that nobody fills one between the look and its end;
// SQLite's writer has locked everything already.
func (r *removal) empty(ctx context.Context, tx *sql.Tx, tables []string) error {
	if r.d.Name() == Postgres {
		for _, table := range tables {
			if _, err := tx.ExecContext(ctx, "LOCK TABLE "+table); err != nil {
				return err
			}
		}
	}
	var found []fault.Violation
	var words []string
	for _, table := range tables {
		var n int64
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			found = append(found, fault.Violation{Field: table, Message: fmt.Sprintf("holds %d rows", n)})
			words = append(words, fmt.Sprintf("%s holds %d rows", table, n))
		}
	}
	if found == nil {
		return nil
	}
	f := fault.New(fault.Conflict, "%s: a module with data is not removed", strings.Join(words, ", "))
	f.Violations = found
	return f
}
