package script

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// plainInsert is an insert of values, of one row or many.
var plainInsert = regexp.MustCompile(`^/\*[^*]*\*/ INSERT INTO (\w+) \(([\w, ]+)\) VALUES (\([?, ]+\),?\s*)+$`)

// Inserted takes inserts apart into rows, table by table in the order in which each was first written.
//
// Errors: a statement that is not an insert of values.
func Inserted(log []Statement) ([]Rows, error) {
	var tables []Rows
	for _, st := range log {
		if !writes(st.Text) {
			continue
		}
		m := plainInsert.FindStringSubmatch(st.Text)
		if m == nil {
			return nil, fmt.Errorf("script: the import writes in a way the peers cannot follow: %s", st.Text)
		}
		columns := strings.Split(m[2], ", ")
		at := slices.IndexFunc(tables, func(r Rows) bool { return r.Table == m[1] && slices.Equal(r.Columns, columns) })
		if at < 0 {
			at = len(tables)
			tables = append(tables, Rows{Table: m[1], Columns: columns})
		}
		for chunk := range slices.Chunk(st.Args, len(columns)) {
			row := make([]Arg, len(chunk))
			for i, a := range chunk {
				var err error
				if row[i], err = Argument(a.Value); err != nil {
					return nil, err
				}
			}
			tables[at].Rows = append(tables[at].Rows, row)
		}
	}
	return tables, nil
}
