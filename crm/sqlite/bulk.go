package sqlite

import (
	"context"
	"iter"

	"github.com/rapport-crm/rapport/internal/store"
)

// BulkLoad implements [store.Dialect] by prepared inserts of many rows.
func (dialect) BulkLoad(ctx context.Context, to store.Target, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	return store.InsertMany(ctx, to.Exec, store.SQLite, table, columns, rows)
}
