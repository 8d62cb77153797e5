package store

import (
	"cmp"
	"context"
	"reflect"
	"unsafe"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// Lines keeps the history of a kind of record in a table of its own: one row for each line of Go type L, whose columns
// have the names of its JSON. L has a field for the record's id and one for its version; may have a field ordinal, which
// counts the lines of one write; and has texts with a class in their crm tag, sealed under the key of the record's subject
// where that class is.
type Lines[L any] struct {
	table   string
	owner   *column // the record's id
	version *column
	ordinal *column // place within the write, nil without one
	id      *column // the line's own id, nil without one
	columns []column
	actors  []uintptr
	row     reflect.Type
	plan    *rowPlan
	sealed  bool
	insert  SQL
	list    SQL
}

// LinesOf compiles a history. owner names the field of the record's id in JSON. holder is the SQL text of the id under whose
// key sealed texts lie, in which $1 is the tenant and $2 the record; it defaults to the record's own. order is how lines are
// listed, such as "version"; names gives columns other names than their fields'. It panics as [TableOf] does.
func LinesOf[L any](name, table, owner, holder, order string, names map[string]string) *Lines[L] {
	c := compiler{names: names}
	c.walk(reflect.TypeFor[L](), 0)
	l := &Lines[L]{table: table, columns: c.columns, actors: c.actors}
	l.row, l.plan = c.rowOf(reflect.TypeFor[L]())
	all := []string{"tenant_id"}
	for i := range l.columns {
		col := &l.columns[i]
		all = append(all, col.name)
		l.sealed = l.sealed || col.sealed
		switch col.name {
		case idName(owner):
			l.owner = col
		case "version":
			l.version = col
		case "ordinal":
			l.ordinal = col
		case "id":
			l.id = col
		}
	}
	if l.owner == nil || l.version == nil {
		panic("store: a line of " + table + " has no field " + owner + " or version")
	}
	l.insert = Same(name+".add", InsertText(table, all))
	text := "SELECT " + Qualified("l", all[1:]) + " FROM " + table + " l"
	where := " WHERE l.tenant_id = $1 AND l." + l.owner.name + " = $2 ORDER BY " + order
	if l.sealed {
		text = "SELECT " + Qualified("l", all[1:]) + ", k.wrapped FROM " + table +
			" l LEFT JOIN crm_subject_key k ON k.tenant_id = l.tenant_id AND k.subject_id = " + cmp.Or(holder, "$2")
	}
	l.list = Same(name+".list", text+where)
	return l
}

// Statements lists the static statements of the history.
func (l *Lines[L]) Statements() []SQL { return []SQL{l.insert, l.list} }

// On binds the history to a database. ring may be nil without sealed texts.
func (l *Lines[L]) On(db *DB, ring *keys.Ring) *BoundLines[L] {
	if l.sealed && ring == nil {
		panic("store: " + l.table + " has sealed texts and needs keys")
	}
	db.plans.types.Store(l.row, l.plan)
	return &BoundLines[L]{l, db, ring}
}

// BoundLines is a [Lines] on a database. It implements [work.Lines].
type BoundLines[L any] struct {
	*Lines[L]
	DB   *DB        // where the lines are kept
	Keys *keys.Ring // nil when no text of a line is sealed
}

// bulk is from how many lines on a bulk load is worth its statement.
const bulk = 20

// Append implements [work.History].
func (b *BoundLines[L]) Append(ctx context.Context, c *work.Call, lines []work.HistoryLine) error {
	rows := make([][]any, len(lines))
	for i, x := range lines {
		var err error
		if rows[i], err = b.args(ctx, c, x); err != nil {
			return err
		}
	}
	conn := b.DB.On(c.Unit)
	if len(lines) >= bulk {
		all := []string{"tenant_id"}
		for i := range b.columns {
			all = append(all, b.columns[i].name)
		}
		_, err := conn.BulkLoad(ctx, b.table, all, each(rows))
		return err
	}
	for _, row := range rows {
		if err := conn.Queue(b.insert, nil, row...); err != nil {
			return err
		}
	}
	return nil
}

func (b *BoundLines[L]) args(ctx context.Context, c *work.Call, x work.HistoryLine) ([]any, error) {
	line, ok := x.Row.(*L)
	if !ok {
		return nil, fault.New(fault.Internal, "store: %T is no line of %s", x.Row, b.table)
	}
	p := unsafe.Pointer(line)
	*(*ident.ID)(unsafe.Add(p, b.owner.offset)), *(*int64)(unsafe.Add(p, b.version.offset)) = x.Of.ID, x.Of.Version
	if b.ordinal != nil {
		*(*int64)(unsafe.Add(p, b.ordinal.offset)) = x.Ordinal
	}
	args := append(make([]any, 0, len(b.columns)+1), c.Tenant())
	for i := range b.columns {
		col := &b.columns[i]
		at := unsafe.Add(p, col.offset)
		var arg any
		var err error
		if col.sealed {
			arg, err = b.seal(ctx, c, x.Subject, col, p, *(*personal.Text)(at))
		} else {
			arg, err = col.arg(at)
		}
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	return args, nil
}

func (b *BoundLines[L]) seal(ctx context.Context, c *work.Call, subject ident.ID, col *column, line unsafe.Pointer, t personal.Text) (any, error) {
	if t.IsZero() {
		return nil, nil
	}
	key, err := KeyOf(ctx, b.Keys, c, subject)
	if err != nil {
		return nil, err
	}
	return sealText(key, b.place(col, line), t)
}

// place binds a sealed text to its line: by the line's own id, or by the record's and the version, which differs from line
// to line.
func (b *BoundLines[L]) place(col *column, line unsafe.Pointer) keys.Place {
	if b.id != nil {
		return keys.Place{Table: b.table, Column: col.name, Row: *(*ident.ID)(unsafe.Add(line, b.id.offset))}
	}
	row, version := *(*ident.ID)(unsafe.Add(line, b.owner.offset)), *(*int64)(unsafe.Add(line, b.version.offset))
	for i := range 8 {
		row[15-i] ^= byte(version >> (8 * i))
	}
	return keys.Place{Table: b.table, Column: col.name, Row: row}
}

// Of implements [work.Lines].
func (b *BoundLines[L]) Of(ctx context.Context, c *work.Call, id ident.ID) func(ctx context.Context, subject ident.ID) ([]L, error) {
	if b.sealed {
		if err := b.Keys.Warm(ctx, c.Tenant()); err != nil {
			return func(context.Context, ident.ID) ([]L, error) { return nil, err }
		}
	}
	list := reflect.New(reflect.SliceOf(b.row))
	wait := b.DB.On(c.Unit).SelectLater(b.list, list.Interface(), c.Tenant(), id)
	return func(ctx context.Context, subject ident.ID) ([]L, error) {
		if err := wait.Wait(ctx); err != nil {
			return nil, err
		}
		out := make([]L, list.Elem().Len())
		base, size := list.Elem().UnsafePointer(), b.row.Size()
		for i := range out {
			if err := b.take(c, unsafe.Add(base, uintptr(i)*size), subject, &out[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

func (b *BoundLines[L]) take(c *work.Call, row unsafe.Pointer, subject ident.ID, line *L) error {
	*line = *(*L)(row)
	p := unsafe.Pointer(line)
	for _, at := range b.actors {
		*(*string)(unsafe.Add(p, at)) = c.Tenant()
	}
	var open *keys.Openers
	for i := range b.columns {
		col := &b.columns[i]
		switch {
		case col.sealed:
			if open == nil {
				open = b.Keys.Openers(c.Tenant(), *(*[]byte)(unsafe.Add(row, b.plan.fields["wrapped"].offset)), subject)
			}
			col.unseal(unsafe.Add(p, col.offset), *(*[]byte)(unsafe.Add(row, col.scratch)), open.At(b.place(col, p)))
		case col.decode != nil:
			if err := col.decode(unsafe.Add(p, col.offset), unsafe.Add(row, col.scratch)); err != nil {
				return fault.Wrap(fault.Internal, err, "column %s of %s cannot be read", col.name, b.table)
			}
		}
	}
	return nil
}
