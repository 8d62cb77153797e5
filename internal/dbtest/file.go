package dbtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/store"
)

// files are the migrated SQLite files of this test process, by layout: a copy costs a hundredth of the migration.
var files sync.Map // key of a layout to *file

// file is what a migrated, empty SQLite file holds.
type file struct {
	once  sync.Once
	bytes []byte
	err   error
}

// migratedFile returns the path of a migrated, empty SQLite file for the test alone.
func migratedFile(t testing.TB, modules []store.Module) string {
	t.Helper()
	v, _ := files.LoadOrStore(layout{name: "sqlite", modules: modules}.key(), &file{})
	f := v.(*file) //nolint:forcetypeassert // the map holds nothing else
	f.once.Do(func() { f.bytes, f.err = migrateFile(modules) })
	check(t, f.err)
	path := filepath.Join(t.TempDir(), "crm.db")
	check(t, os.WriteFile(path, f.bytes, 0o600))
	return path
}

// migrateFile migrates a file and returns what it then holds.
func migrateFile(modules []store.Module) (bytes []byte, err error) {
	dir, err := os.MkdirTemp("", "crmfile")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "crm.db")
	ctx := context.Background()
	write, read, err := sqlite.OpenPools(ctx, path)
	if err != nil {
		return nil, err
	}
	err = store.Migrate(ctx, write, sqlite.Dialect, store.MigrateOptions{Modules: modules})
	// The last connection to close moves what is in the log into the file.
	if err = errors.Join(err, read.Close(), write.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
