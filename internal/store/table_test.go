package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

// The table of a kind whose records are never deleted has no column that says so.
func TestAPermanentKindHasNoDeletedAt(t *testing.T) {
	t.Parallel()

	type stone struct {
		schema.Meta
		Text string `json:"text" crm:"class=none"`
	}
	names := func(permanent bool) (names []string, deleted bool) {
		k := &work.Kind{Entity: schema.Of[stone]("stone"), Table: "crm_stone", Permanent: permanent}
		for _, q := range store.TableOf[stone](k, nil).Statements() {
			names = append(names, q.Name)
			deleted = deleted || strings.Contains(q.Postgres+q.SQLite, "deleted_at")
		}
		return names, deleted
	}
	kept, deleted := names(true)
	require.Equal(t, []string{"stone.get", "stone.lock", "stone.get_many", "stone.insert", "stone.update"}, kept)
	require.False(t, deleted)
	_, deleted = names(false)
	require.True(t, deleted)
}
