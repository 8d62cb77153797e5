package store

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// form is what the store knows about a statement that writes, on PostgreSQL: enough to let it travel with others.
type form struct {
	body    string // the text without its name
	raising string // the text that divides by zero where it changes no row; "" where there is none
	table   string
	inserts bool // it adds rows and touches no others
	joins   bool // it may be merged with other writes, see mergeable
	touches touched
}

// touched are the rows of a table in which some columns have the values of some arguments.
type touched struct {
	columns string // their names, "" where the statement may touch any row
	args    []int  // the argument of each
}

// formOf reads a text whose words are in capitals, as all texts of the CRM are. It is nil for what does not write, or
// begins with a WITH.
func formOf(name, body string) *form {
	words := strings.Fields(body)
	if len(words) < 3 {
		return nil
	}
	f := &form{body: body}
	switch words[0] {
	case "INSERT", "DELETE": // INTO t, FROM t
		f.table = words[2]
	case "UPDATE":
		f.table = words[1]
	default:
		return nil
	}
	f.table, _, _ = strings.Cut(f.table, "(")
	has := func(word string) bool { return strings.Contains(body, word) }
	returns := has(" RETURNING ")
	f.inserts = words[0] == "INSERT" && !has("DO UPDATE")
	f.joins = !returns && !has("SELECT ") && !has(" USING ") && (words[0] != "UPDATE" || !has(" FROM "))
	f.touches = touchedBy(body)
	if !returns {
		f.raising = label(name, "WITH changed AS ("+body+" RETURNING 1) SELECT 1 / count(*) FROM changed")
	}
	return f
}

var (
	upsertText = regexp.MustCompile(`^INSERT INTO \w+ \(([^()]+)\) VALUES \(([^()]+)\) ON CONFLICT \(([^()]+)\) DO UPDATE `)
	deleteText = regexp.MustCompile(`^DELETE FROM \w+ WHERE (\w+ = \$\d+(?: AND \w+ = \$\d+)*)$`)
)

// touchedBy reads the rows of an upsert, which are those of its key, or of a DELETE. An UPDATE may change what its condition
// asks for, so that says nothing.
func touchedBy(body string) touched {
	if m := deleteText.FindStringSubmatch(body); m != nil {
		var columns, args []string
		for _, pair := range strings.Split(m[1], " AND ") {
			column, arg, _ := strings.Cut(pair, " = ")
			columns, args = append(columns, column), append(args, arg)
		}
		return byArgs(columns, args)
	}
	m := upsertText.FindStringSubmatch(body)
	if m == nil {
		return touched{}
	}
	value := map[string]string{}
	values := strings.Split(m[2], ", ")
	for i, column := range strings.Split(m[1], ", ") {
		if i < len(values) {
			value[column] = values[i]
		}
	}
	columns := strings.Split(m[3], ", ")
	args := make([]string, len(columns))
	for i, column := range columns {
		args[i] = value[column]
	}
	return byArgs(columns, args)
}

func byArgs(columns, args []string) touched {
	r := touched{columns: strings.Join(columns, ", "), args: make([]int, len(args))}
	for i, arg := range args {
		n, err := strconv.Atoi(strings.TrimPrefix(arg, "$"))
		if err != nil || !strings.HasPrefix(arg, "$") {
			return touched{}
		}
		r.args[i] = n - 1
	}
	return r
}

// by returns the values in the columns for one run.
func (r touched) by(args []any) string {
	var b strings.Builder
	for _, i := range r.args {
		fmt.Fprintf(&b, "%v\x00", args[i])
	}
	return b.String()
}
