package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
)

// A host's *sql.Tx does not give its connection away, so that statements cannot be sent together by the driver's own
// means. What waits there is merged into one statement instead:
//
//	WITH w1 AS (INSERT …), w2 AS (UPDATE … RETURNING 1) SELECT 1 / (SELECT count(*) FROM w2)
//
// Its parts do not see each other's effects, and the order of their effects is open, so not everything may be merged.

// maxMerged bounds the arguments of a merged statement; PostgreSQL takes 65,535.
const maxMerged = 30_000

// mergeable returns how many of the first statements can be merged, 0 when fewer than two: writes of one level, of which no
// two may touch a row of the same table, see [apart].
func mergeable(list []*Statement) int {
	tables, args := map[string]*apart{}, 0
	n := 0
	for _, s := range list {
		f := s.form
		args += len(s.Args)
		if s.kind != write || f == nil || !f.joins || s.owner != list[0].owner || args > maxMerged {
			break
		}
		if tables[f.table] == nil {
			tables[f.table] = &apart{}
		}
		if !tables[f.table].add(f, s.Args) {
			break
		}
		n++
	}
	if n < 2 {
		return 0
	}
	return n
}

// apart are the writes of one table in a merged statement: inserts only, or one other write, or several of which each says
// in the same columns that it touches other rows.
type apart struct {
	inserts, changes bool
	columns          string
	rows             map[string]bool
}

// add reports whether a write may come to the others.
func (a *apart) add(f *form, args []any) bool {
	switch {
	case f.inserts:
		a.inserts = true
		return !a.changes
	case a.inserts || a.changes && (a.columns == "" || a.columns != f.touches.columns):
		return false
	case !a.changes:
		a.changes, a.columns, a.rows = true, f.touches.columns, map[string]bool{}
	}
	row := f.touches.by(args)
	if a.rows[row] {
		return false
	}
	a.rows[row] = true
	return true
}

// merge makes one statement of several.
func merge(list []*Statement) (text string, args []any) {
	var b, counts strings.Builder
	b.WriteString("/*store.merged*/ ")
	for i, s := range list {
		name := "w" + strconv.Itoa(i+1)
		b.WriteString([]string{"WITH ", ", "}[min(i, 1)] + name + " AS (")
		renumber(&b, s.form.body, len(args))
		if s.Decides() {
			b.WriteString(" RETURNING 1")
			counts.WriteString(", 1 / (SELECT count(*) FROM " + name + ")")
		}
		b.WriteByte(')')
		args = append(args, s.Args...)
	}
	return b.String() + " SELECT 1" + counts.String(), args
}

// renumber writes a text whose arguments come after others.
func renumber(b *strings.Builder, text string, after int) {
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\'' {
			quoted = !quoted
		}
		b.WriteByte(c)
		end := i + 1
		for c == '$' && !quoted && end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		if n, err := strconv.Atoi(text[i+1 : end]); err == nil {
			b.WriteString(strconv.Itoa(n + after))
			i = end - 1
		}
	}
}

// merged runs writes of one level as one statement. The database does not say which of them it refuses, so then they
// run again, one after the other.
func (l *link) merged(ctx context.Context, list []*Statement) {
	text, args := merge(list)
	_, err := l.ex.ExecContext(ctx, text, args...)
	if err == nil {
		for _, s := range list {
			s.N, s.Ran = 1, true
		}
		return
	}
	culprit, err := l.replay(ctx, list, l.db.fault(ctx, err))
	culprit.Err, culprit.Ran = err, true
}

// replay finds the write that the database refuses: it takes the level back and runs its writes again. Where none is
// refused this time, or the fault says nothing of a statement, it is the first one, with the fault as it is.
func (l *link) replay(ctx context.Context, list []*Statement, merged error) (*Statement, error) {
	u := list[0].owner
	code := fault.CodeOf(merged)
	if u.saved && !u.log.opaque && (code == fault.Conflict || code == fault.Internal) &&
		l.control(ctx, levelText(undoText, u.depth)) == nil {
		for _, s := range slices.Concat(u.log.list, list) {
			again := Statement{Text: s.Text, Args: s.Args, raising: s.raising}
			if l.plain(ctx, &again); again.failed() && s.Ran {
				break // it succeeded before
			} else if again.failed() {
				s.N = again.N
				return s, first(again.Err, error(ErrNoRow))
			}
		}
	}
	list[0].check = nil
	return list[0], merged
}

// writeLog is what a level has written on a host's *sql.Tx, for replay.
type writeLog struct {
	list   []*Statement
	opaque bool // and more, that is not in the list
}

func (w *writeLog) append(inner *writeLog) {
	w.list = append(w.list, inner.list...)
	w.opaque = w.opaque || inner.opaque
}
