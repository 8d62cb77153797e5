package store

import (
	"context"
	"reflect"
	"unsafe"

	"github.com/rapport-crm/rapport/core/work"
)

// Beside reads rows of type R that may have a record of a [Table] beside them, such as the lines of a timeline with their
// interactions: one statement joins them, and one pass reads both.
type Beside[R, T any, P work.Aggregate[T]] struct {
	table *Table[T, P]
	row   reflect.Type // R, then the row of the table
	plan  *rowPlan
	at    uintptr // of the table's row
}

// BesideOf compiles how rows are read beside the records of a table. R has the columns in its bun tags, none of which may
// be one of the table's; it panics for others, as [TableOf] does.
func BesideOf[R, T any, P work.Aggregate[T]](t *Table[T, P]) *Beside[R, T, P] {
	row := reflect.StructOf([]reflect.StructField{
		{Name: "Beside", Type: reflect.TypeFor[R]()}, {Name: "Table", Type: t.row},
	})
	b := &Beside[R, T, P]{table: t, row: row, plan: &rowPlan{fields: map[string]field{}}, at: row.Field(1).Offset}
	if !b.plan.add(reflect.TypeFor[R](), 0) {
		panic("store: " + reflect.TypeFor[R]().String() + " has a field of an unknown type")
	}
	for name, f := range t.plan.fields {
		if _, taken := b.plan.fields[name]; taken {
			panic("store: " + reflect.TypeFor[R]().String() + " and " + t.kind.Table + " both have a column " + name)
		}
		b.plan.fields[name] = field{offset: b.at + f.offset, at: f.at}
	}
	return b
}

// Columns lists the columns of the table, with the alias r, and the key that opens the sealed ones, with the alias k.
func (b *Beside[R, T, P]) Columns() string { return b.table.selection() }

// On binds the rows to a database.
func (b *Beside[R, T, P]) On(t *Bound[T, P]) *BoundBeside[R, T, P] {
	t.DB.plans.types.Store(b.row, b.plan)
	return &BoundBeside[R, T, P]{b, t}
}

// BoundBeside is a [Beside] on a database.
type BoundBeside[R, T any, P work.Aggregate[T]] struct {
	*Beside[R, T, P]
	bound *Bound[T, P]
}

// Pair is one row, and the record beside it or nil.
type Pair[R, T any] struct {
	Row    R  // the row without its record
	Record *T // nil where the join found none
}

// SelectLater asks for the rows of a statement, and returns what waits for them.
func (b *BoundBeside[R, T, P]) SelectLater(ctx context.Context, c *work.Call, q SQL, args ...any) func(ctx context.Context) ([]Pair[R, T], error) {
	own := *c // it may be a call of another kind
	err := b.bound.warm(ctx, c)
	if own.Entity = b.table.kind.Entity; err == nil && b.table.custom != nil {
		own.Entity, err = c.Engine.Schemas.Entity(ctx, c.Unit, c.Tenant(), own.Entity.Name)
	}
	if err != nil {
		return func(context.Context) ([]Pair[R, T], error) { return nil, err }
	}
	list := reflect.New(reflect.SliceOf(b.row))
	wait := b.bound.DB.On(c.Unit).SelectLater(q, list.Interface(), args...)
	return func(ctx context.Context) ([]Pair[R, T], error) {
		if err := wait.Wait(ctx); err != nil {
			return nil, err
		}
		return b.pairs(&own, list.Elem())
	}
}

func (b *BoundBeside[R, T, P]) pairs(c *work.Call, rows reflect.Value) ([]Pair[R, T], error) {
	out := make([]Pair[R, T], rows.Len())
	base, size := rows.UnsafePointer(), b.row.Size()
	for i := range out {
		row := unsafe.Add(base, uintptr(i)*size)
		out[i].Row = *(*R)(row)
		rec := (*T)(unsafe.Add(row, b.at))
		if P(rec).Base().ID.IsZero() {
			continue
		}
		out[i].Record = new(T)
		if err := b.bound.take(c, unsafe.Pointer(rec), out[i].Record); err != nil {
			return nil, err
		}
	}
	return out, nil
}
