package script

import (
	"context"
	"fmt"
	"reflect"
	"slices"
)

// Watcher sees which rows change.
type Watcher interface {
	// Watch calls fn and returns what changed meanwhile, in order.
	Watch(ctx context.Context, fn func() error) ([]Change, error)
	// Close leaves the database as it was found.
	Close(ctx context.Context) error
}

// Change is what became of one row: values by column, nil where the row was not there, or is not there any more.
type Change struct {
	Table    *Table // where the row is or was
	Old, New []Arg  // the row before and after, in the order of Table.Columns
}

// net returns what remains of changes, one for each row, rows before those that refer to them.
func net(changes []Change) []Change {
	var out []Change
	place := map[string]int{}
	for _, c := range changes {
		name := c.Table.Name + c.key()
		at, ok := place[name]
		if !ok {
			place[name] = len(out)
			out = append(out, c)
			continue
		}
		out[at].New = c.New
	}
	out = slices.DeleteFunc(out, func(c Change) bool { return reflect.DeepEqual(c.Old, c.New) })
	slices.SortStableFunc(out, func(a, b Change) int { return a.Table.depth - b.Table.depth })
	return out
}

func (c *Change) key() string {
	row := c.Old
	if row == nil {
		row = c.New
	}
	key := ""
	for _, k := range c.Table.key {
		key += fmt.Sprintf(" %+v", row[k])
	}
	return key
}
