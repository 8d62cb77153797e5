package store

import "testing"

// ListStatement is a statement of a list with its converted arguments.
type ListStatement struct {
	Text string
	Args []any
}

// ListStatements shows the statements a page may run, in order.
func ListStatements(t *testing.T, db *DB, l ListSpec) []ListStatement {
	t.Helper()
	var out []ListStatement
	for _, p := range l.parts() {
		q, args, err := l.statement(db.dialect, p)
		if err != nil {
			t.Fatal(err)
		}
		if args, err = db.convert(args); err != nil {
			t.Fatal(err)
		}
		s := ListStatement{Text: q.Postgres, Args: args}
		if db.dialect.Name() == SQLite {
			s.Text = q.SQLite
			if s.Args, err = arrange(q.order, args); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, s)
	}
	return out
}
