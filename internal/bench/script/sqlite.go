package script

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
)

// sqliteWatcher is told by SQLite itself which rows of ordinary tables change.
type sqliteWatcher struct {
	conn   *sql.DB
	tables map[string]*Table
	on     bool
	log    []Change
	err    error
}

// WatchSQLite watches what one connection changes in the tables of tenants, until it is closed. The pool must have no
// more than this connection.
func WatchSQLite(ctx context.Context, db *sql.DB) (Watcher, error) {
	tables, err := Tables(ctx, db, true)
	if err != nil {
		return nil, err
	}
	w := &sqliteWatcher{conn: db, tables: tables}
	return w, w.hook(ctx, w.note)
}

func (w *sqliteWatcher) Close(ctx context.Context) error { return w.hook(ctx, nil) }

func (w *sqliteWatcher) hook(ctx context.Context, note sqlite.PreUpdateHookFn) error {
	conn, err := w.conn.Conn(ctx)
	if err != nil {
		return err
	}
	err = conn.Raw(func(c any) error {
		if u, ok := c.(interface{ Unwrap() driver.Conn }); ok {
			c = u.Unwrap()
		}
		h, ok := c.(sqlite.HookRegisterer)
		if !ok {
			return errors.New("script: the driver of SQLite does not report changes")
		}
		h.RegisterPreUpdateHook(note)
		return nil
	})
	return errors.Join(err, conn.Close())
}

func (w *sqliteWatcher) Watch(_ context.Context, fn func() error) ([]Change, error) {
	w.on, w.log, w.err = true, nil, nil
	err := fn()
	w.on = false
	return w.log, errors.Join(err, w.err)
}

// note is called in the middle of a statement, by who runs it.
func (w *sqliteWatcher) note(d sqlite.SQLitePreUpdateData) {
	t := w.tables[d.TableName]
	if !w.on || t == nil {
		return
	}
	c := Change{Table: t}
	// Either fails where there is no such row.
	if values := make([]any, len(t.Columns)); d.Old(values...) == nil {
		c.Old = w.arguments(values)
	}
	if values := make([]any, len(t.Columns)); d.New(values...) == nil {
		c.New = w.arguments(values)
	}
	w.log = append(w.log, c)
}

func (w *sqliteWatcher) arguments(values []any) []Arg {
	out := make([]Arg, len(values))
	for i, v := range values {
		var err error
		if out[i], err = Argument(v); err != nil {
			w.err = errors.Join(w.err, err)
		}
	}
	return out
}
