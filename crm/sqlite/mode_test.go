package sqlite_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/crm/sqlite"
)

func TestANewDatabaseIsItsOwnersOnly(t *testing.T) {
	t.Parallel()

	if runtime.GOOS == "windows" {
		t.Skip("skipped: there are no such modes")
	}
	folder := t.TempDir()
	c, err := sqlite.Open(t.Context(), filepath.Join(folder, "crm.db"), nil)
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context()))
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, f.Name())
	}
	require.NoError(t, c.Close(t.Context()))
}
