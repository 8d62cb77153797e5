package store

import "strings"

// form is what the store knows about a statement that writes, on PostgreSQL: enough to let it travel with others.
type form struct {
	body    string // the text without its name
	raising string // the text that divides by zero where it changes no row; "" where there is none
	table   string
	inserts bool // it adds rows and touches no others
	joins   bool // it may be merged with writes of other tables, see merge
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
	f.joins = words[0] != "DELETE" && !returns && !has("SELECT ") && (words[0] != "UPDATE" || !has(" FROM "))
	if !returns {
		f.raising = label(name, "WITH changed AS ("+body+" RETURNING 1) SELECT 1 / count(*) FROM changed")
	}
	return f
}
