package crm

import (
	"context"
	"database/sql"
	"io/fs"
	"maps"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/module"
	"github.com/rapport-crm/rapport/internal/store"
)

// Migrate installs modules and brings them up to this version; without any it takes all. Several processes may call it
// at once: one works, the others wait. It is idempotent. Tables of the CRM begin with crm_; it touches no other. A module
// that a later version has migrated is left as it is, and so is one that is installed but not named.
//
// Errors: Invalid naming an unknown module, one that another needs and that is not named too, or the database's setting
// that must change; Conflict for a table of the CRM's name that is not the CRM's.
func Migrate(ctx context.Context, db *sql.DB, d Dialect, modules ...Module) error {
	const op = "crm: migrate"
	speech, err := speaks(d)
	if err != nil {
		return fault.At(op, err)
	}
	list, err := selected(module.From(ctx), modules)
	if err == nil {
		err = store.Migrate(ctx, db, speech, store.MigrateOptions{Modules: list})
	}
	return fault.At(op, err)
}

// MigrateDown removes modules with their tables, all or none. It never drops a row: whoever wants to lose data deletes it
// first, or drops the database. Naming every module that is installed, [ModuleFoundation] included, leaves nothing but
// the migrator's own two tables, crm_lock and crm_schema_version.
//
// Errors: Conflict while a module holds rows, naming its tables and counts, or while an installed module needs it; Invalid
// naming an unknown module, or for none; Unavailable with reason "newer" when a later version of the CRM has migrated the
// database.
func MigrateDown(ctx context.Context, db *sql.DB, d Dialect, modules ...Module) error {
	speech, err := speaks(d)
	if err != nil {
		return fault.At("crm: migrate down", err)
	}
	var names []string
	for _, m := range modules {
		names = append(names, string(m))
	}
	return fault.At("crm: migrate down", store.MigrateDown(ctx, db, speech, store.DownOptions{Remove: names}))
}

// Migration is one step of a module's schema.
type Migration struct {
	Module  Module // whose step it is
	Version int    // from 1, without gaps in its module
	Name    string // what it does, in a word
}

// String returns the step as module/NNNN_name.
func (m Migration) String() string {
	return store.Migration{Module: string(m.Module), Version: m.Version, Name: m.Name}.String()
}

// Pending lists the migrations that [Migrate] would run for the same modules, in order. It changes nothing.
func Pending(ctx context.Context, db *sql.DB, d Dialect, modules ...Module) ([]Migration, error) {
	speech, err := speaks(d)
	if err != nil {
		return nil, fault.At("crm: pending", err)
	}
	list, err := selected(module.From(ctx), modules)
	if err != nil {
		return nil, fault.At("crm: pending", err)
	}
	steps, err := store.Pending(ctx, db, speech, list)
	if err != nil {
		return nil, fault.At("crm: pending", err)
	}
	var out []Migration
	for _, s := range steps {
		out = append(out, Migration{Module(s.Module), s.Version, s.Name})
	}
	return out, nil
}

// ModuleVersion is a module that a database has, and the newest of its migrations there.
type ModuleVersion struct {
	Module  Module // [Modules] lists those that this version knows
	Version int    // its number: that of the step module/NNNN_name
}

// Installed lists the modules that a database has, in the order of [Modules]; those that only a later version of the CRM
// knows come last. It changes nothing.
func Installed(ctx context.Context, db *sql.DB, d Dialect) ([]ModuleVersion, error) {
	speech, err := speaks(d)
	if err != nil {
		return nil, fault.At("crm: installed", err)
	}
	have, err := store.Installed(ctx, db, speech)
	if err != nil {
		return nil, fault.At("crm: installed", err)
	}
	var out []ModuleVersion
	for _, m := range Modules() {
		if v, ok := have[string(m)]; ok {
			out = append(out, ModuleVersion{m, v})
			delete(have, string(m))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		out = append(out, ModuleVersion{Module(name), have[name]})
	}
	return out, nil
}

// MigrationFS returns the migration files of a module for a dialect, NNNN_name.up.sql, for hosts that run them with their
// own tool. [ModuleFoundation] comes first.
//
// Errors: Invalid for an unknown module.
func MigrationFS(d Dialect, m Module) (fs.FS, error) {
	speech, err := speaks(d)
	if err != nil {
		return nil, fault.At("crm: migrations", err)
	}
	list, err := store.Select(store.Modules(), string(m))
	if err != nil {
		return nil, fault.At("crm: migrations", err)
	}
	return store.FS(speech, list[0]), nil
}
