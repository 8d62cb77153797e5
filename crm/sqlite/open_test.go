package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
)

// Names of files that mean something in a URI are names of files.
func TestPathsOfAnyKind(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()
	for _, name := range []string{"a b", "q?mode=memory", "h#f", "p%20x", "100%", "李ü", "a&b;c", "file:x", "o'q\""} {
		path := filepath.Join(folder, name)
		for range 2 {
			c, err := sqlite.Open(t.Context(), path, nil)
			require.NoError(t, err, name)
			_, err = c.As(ident.User("acme", "u-1", "admin"), privacy.Sales).Customers.Create(t.Context(), customer.OrganizationDraft{Name: "ACME"})
			require.NoError(t, err, name)
			require.NoError(t, c.Close(t.Context()))
		}
		require.FileExists(t, path)
	}
	list, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, list, 9, "one file each")
}

func TestPathsThatAreRefused(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600))
	for path, code := range map[string]fault.Code{
		"": fault.Invalid, "a\x00b": fault.Invalid, folder: fault.Unavailable, text: fault.Unavailable,
		filepath.Join(folder, "missing", "crm.db"): fault.Unavailable,
	} {
		_, err := sqlite.Open(t.Context(), path, nil)
		require.Equal(t, code, fault.CodeOf(err), "%q: %v", path, err)
	}
	list, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, list, 1, "nothing is left behind")
}

// While another process writes, a database is opened and read, and a write waits no longer than its caller.
func TestADatabaseThatIsLocked(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "crm.db")
	first, err := sqlite.Open(t.Context(), path, nil)
	require.NoError(t, err)
	require.NoError(t, first.Close(t.Context()))
	other, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	tx, err := other.Conn(t.Context())
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)

	c, err := sqlite.Open(t.Context(), path, nil)
	require.NoError(t, err)
	s := c.As(ident.User("acme", "u-1", "admin"), privacy.Sales)
	_, err = s.Customers.Page(t.Context(), customer.Filter{})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = s.Customers.Create(ctx, customer.OrganizationDraft{Name: "ACME"})
	require.ErrorIs(t, err, context.DeadlineExceeded)

	_, err = tx.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	_, err = s.Customers.Create(t.Context(), customer.OrganizationDraft{Name: "ACME"})
	require.NoError(t, err)
	require.NoError(t, tx.Close())
	require.NoError(t, other.Close())
	require.NoError(t, c.Close(t.Context()))
}
