package suite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the author of a kind writes stays small: all files but the catalogs, which a command writes.
func TestTheCostOfAKind(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("campaign/*")
	require.NoError(t, err)
	require.LessOrEqual(t, len(files), 8)
	lines := 0
	for _, name := range files {
		if filepath.Ext(name) == ".golden" {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		lines += bytes.Count(text, []byte("\n"))
	}
	t.Logf("%d files, %d lines", len(files), lines)
	require.Positive(t, lines)
	require.LessOrEqual(t, lines, 200)
}

// The catalog of a database is that of the modules in use, the one of the tests among them.
func TestTheCatalogIsChecked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		if w.Backend.Name == "partitioned" {
			return // its tables are the host's to arrange
		}
		require.NoError(t, w.Check(t.Context()))
		_, err := w.Write.ExecContext(t.Context(), "DROP INDEX crm_campaign_begins")
		require.NoError(t, err)
		require.ErrorContains(t, w.Check(t.Context()), "crm_campaign")
	})
}
