package script

import (
	"fmt"
	"slices"
	"strings"
)

// Query is a statement with its arguments.
type Query struct {
	Text string // with $1, $2 for its arguments on PostgreSQL, ? on SQLite
	Args []Arg  // in the order of the placeholders
	Rows int64  // that it must read or change
}

// plain returns the statements that write what a run wrote, one for each row.
func (b *Builder) plain(t *Take) []Query {
	var out []Query
	for _, c := range net(t.Changes) {
		switch {
		case c.Old == nil:
			out = append(out, b.insert(&c, t.Document)...)
		case c.New == nil:
			q := Query{Rows: 1}
			q.Text = "DELETE FROM " + c.Table.Name + b.where(&q, &c)
			out = append(out, q)
		default:
			out = append(out, b.update(&c, t.Document)...)
		}
	}
	return out
}

// On SQLite a row refers to its document in the search index, which has no key of its own, by this column.
const document = "search"

func (b *Builder) insert(c *Change, tokens string) []Query {
	var before []Query
	q := Query{Rows: 1}
	values := make([]string, len(c.New))
	for i, a := range c.New {
		if b.SQLite && c.Table.Columns[i] == document && a.Kind != kindNull {
			before = append(before, Query{Text: "INSERT INTO " + c.Table.Name + "_fts (tokens) VALUES (?)", Args: []Arg{text(tokens)}, Rows: 1})
			values[i] = "last_insert_rowid()"
			continue
		}
		values[i] = b.bind(&q, a)
	}
	q.Text = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", c.Table.Name, strings.Join(c.Table.Columns, ", "), strings.Join(values, ", "))
	return append(before, q)
}

func (b *Builder) update(c *Change, tokens string) []Query {
	q := Query{Rows: 1}
	var set []string
	for i, a := range c.New {
		if !equal(a, c.Old[i]) {
			set = append(set, c.Table.Columns[i]+" = "+b.bind(&q, a))
		}
	}
	q.Text = "UPDATE " + c.Table.Name + " SET " + strings.Join(set, ", ") + b.where(&q, c)
	if at := slices.Index(c.Table.Columns, document); b.SQLite && at >= 0 && tokens != "" {
		return []Query{q, {
			Text: "INSERT OR REPLACE INTO " + c.Table.Name + "_fts (rowid, tokens) VALUES (?, ?)", Args: []Arg{c.New[at], text(tokens)}, Rows: 1,
		}}
	}
	return []Query{q}
}

// where names the row by its key, and by its version when that changes: a plain writer is no careless one.
func (b *Builder) where(q *Query, c *Change) string {
	var is []string
	for i, column := range c.Table.Columns {
		if slices.Contains(c.Table.key, i) || column == "version" && c.New != nil && !equal(c.New[i], c.Old[i]) {
			is = append(is, column+" = "+b.bind(q, c.Old[i]))
		}
	}
	return " WHERE " + strings.Join(is, " AND ")
}

func (b *Builder) bind(q *Query, a Arg) string {
	q.Args = append(q.Args, a)
	if b.SQLite {
		return "?"
	}
	return fmt.Sprintf("$%d", len(q.Args))
}

func equal(a, b Arg) bool {
	return a.Kind == b.Kind && a.Int == b.Int && a.Float == b.Float && a.Text == b.Text && slices.Equal(a.Bytes, b.Bytes)
}

func text(s string) Arg { return Arg{Kind: kindText, Text: s} }
