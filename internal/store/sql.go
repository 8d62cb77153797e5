package store

import (
	"fmt"
	"strconv"
	"strings"
)

// SQL is one static statement with the arguments $1 to $n. [Same] and [Split] make it, once, as a package variable;
// a package lists its statements in a function Statements, which the rules of tenancy are tested over. Its zero value
// is no statement.
type SQL struct {
	Name     string // "customer.get": package and verb; the text begins with it as a comment
	Postgres string // the text for PostgreSQL
	SQLite   string // the text for SQLite, with ? in place of $n

	order []int // for SQLite: which argument each ? takes
	form  *form // nil for what reads
}

// Same is a statement with one text for both databases.
func Same(name, text string) SQL { return Split(name, text, text) }

// Split is a statement with a text for each database. Both take the same arguments.
func Split(name, postgres, sqlite string) SQL {
	q := SQL{Name: name, Postgres: label(name, postgres)}
	q.form = formOf(name, strings.TrimPrefix(q.Postgres, label(name, "")))
	q.SQLite, q.order = ordinals(label(name, sqlite))
	return q
}

// label puts the statement's name in front, where logs, chaos tests and pg_stat_statements show it, and takes the
// indentation of the source out.
func label(name, text string) string {
	return "/*" + name + "*/ " + strings.Join(strings.Fields(text), " ")
}

// ordinals turns $n into ?, because the driver of SQLite finds a named argument by comparing names in a double loop,
// and a plain one by its place. order tells which argument each ? takes; it is nil when ? number i takes argument i.
func ordinals(text string) (plain string, order []int) {
	var b strings.Builder
	b.Grow(len(text))
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\'' {
			quoted = !quoted
		}
		if c != '$' || quoted {
			b.WriteByte(c)
			continue
		}
		end := i + 1
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(text[i+1 : end])
		if err != nil {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('?')
		order = append(order, n-1)
		i = end - 1
	}
	return b.String(), order
}

// arrange puts converted arguments in the order of the SQLite text, which may leave some out.
func arrange(order []int, args []any) ([]any, error) {
	for i, n := range order {
		if n != i {
			return rearrange(order, args)
		}
	}
	if len(order) > len(args) {
		return nil, errMissing(len(order), len(args))
	}
	return args[:len(order)], nil
}

func rearrange(order []int, args []any) ([]any, error) {
	out := make([]any, len(order))
	for i, n := range order {
		if n >= len(args) {
			return nil, errMissing(n+1, len(args))
		}
		out[i] = args[n]
	}
	return out, nil
}

func errMissing(want, have int) error {
	return fmt.Errorf("store: the statement takes argument $%d, have %d", want, have)
}
