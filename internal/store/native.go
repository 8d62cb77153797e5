package store

import (
	"context"
	"database/sql/driver"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	"github.com/rapport-crm/rapport/core/fault"
)

// RowReader is an optional power of a [Dialect]: to read rows by the driver's own means, past database/sql, which
// costs a short read a quarter of its time. Rows of other connections come through database/sql.
type RowReader interface {
	// Reads must report whether ReadRows knows a source: a pool's driver as sql.DB.Driver gives it, or a connection
	// as sql.Conn.Raw gives it. The driver is asked first, outside of transactions only.
	Reads(source any) bool

	// ReadRows must run a statement on a source and put its rows into the variables that rows gives. It must return
	// false when the connection was found broken before anything was sent; then the statement runs elsewhere.
	ReadRows(ctx context.Context, source any, text string, args []any, rows *Rows) (sent bool, err error)
}

// Rows are the variables that a statement's rows go to. Who reads calls Begin once, then Next before each row; NULL must
// become the zero value. Fields are found by the column in their bun tag, once for each type.
type Rows struct {
	into   reflect.Value // a slice, or the variable of one row
	plan   *rowPlan
	one    bool
	inTx   bool
	n      int
	fields []field // by place of the column
	ptrs   []any
}

// InTx reports whether the statement belongs to a transaction that is open on the connection.
func (r *Rows) InTx() bool { return r.inTx }

// Begin tells the columns of the rows. An error ends the reading.
func (r *Rows) Begin(columns []string) error {
	r.ptrs = make([]any, len(columns))
	if r.plan.scalar != nil {
		if len(columns) != 1 {
			return fault.New(fault.Internal, "store: %d columns for one value", len(columns))
		}
		r.fields = []field{{at: r.plan.scalar}}
		return nil
	}
	r.fields = make([]field, len(columns))
	for i, c := range columns {
		f, ok := r.plan.fields[c]
		if !ok {
			return fault.New(fault.Internal, "store: no field for column %s", c)
		}
		r.fields[i] = f
	}
	return nil
}

// Next returns pointers to the variables of the next row, one for each column: *string, *[]byte, *int64, *int, *float64,
// *bool, or one of the row types. They are good until the next call. ok is false when no more rows are wanted.
func (r *Rows) Next() (ptrs []any, ok bool) {
	if r.one && r.n == 1 {
		return nil, false
	}
	row := r.into
	if !r.one {
		if r.n == r.into.Cap() {
			r.into.Grow(max(4, 3*r.n))
		}
		r.into.SetLen(r.n + 1)
		row = r.into.Index(r.n)
	}
	row.SetZero()
	r.n++
	base := row.Addr().UnsafePointer()
	for i := range r.fields {
		f := &r.fields[i]
		r.ptrs[i] = f.at(unsafe.Add(base, f.offset))
	}
	return r.ptrs, true
}

// rowPlan is how a type takes rows: as one variable, or with a field for each column.
type rowPlan struct {
	scalar func(unsafe.Pointer) any
	fields map[string]field
}

// field is a variable within a row. Reflection would find it anew for each row, at a tenth of the cost of a long list.
type field struct {
	offset uintptr
	at     func(unsafe.Pointer) any // makes a pointer of the field's type
}

// plans are the types met so far. A type that holds others than the variables below has nil, and is filled by bun.
type plans struct{ types sync.Map } // reflect.Type → *rowPlan

func (p *plans) of(t reflect.Type) *rowPlan {
	if known, ok := p.types.Load(t); ok {
		return known.(*rowPlan) //nolint:forcetypeassert // the map holds nothing else
	}
	plan := &rowPlan{scalar: variables[t], fields: map[string]field{}}
	if plan.scalar == nil && (t.Kind() != reflect.Struct || !plan.add(t, 0)) {
		plan = nil
	}
	p.types.Store(t, plan)
	return plan
}

// add collects the fields of a struct and reports whether all of them can be filled.
func (p *rowPlan) add(t reflect.Type, offset uintptr) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("bun"), ",")
		at := variables[f.Type]
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct && at == nil:
			if !p.add(f.Type, offset+f.Offset) {
				return false
			}
		case name == "-" || strings.Contains(name, ":"):
		case name == "" || !f.IsExported() || at == nil:
			return false
		default:
			p.fields[name] = field{offset: offset + f.Offset, at: at}
		}
	}
	return true
}

// variables are the types that a RowReader fills.
var variables = map[reflect.Type]func(unsafe.Pointer) any{
	reflect.TypeFor[string]():  at[string],
	reflect.TypeFor[[]byte]():  at[[]byte],
	reflect.TypeFor[int64]():   at[int64],
	reflect.TypeFor[int]():     at[int],
	reflect.TypeFor[float64](): at[float64],
	reflect.TypeFor[bool]():    at[bool],
	reflect.TypeFor[ID]():      at[ID],
	reflect.TypeFor[Time]():    at[Time],
	reflect.TypeFor[Date]():    at[Date],
	reflect.TypeFor[JSON]():    at[JSON],
	reflect.TypeFor[Texts]():   at[Texts],

	reflect.TypeFor[*string]():  at[*string], // nil for NULL
	reflect.TypeFor[*int64]():   at[*int64],
	reflect.TypeFor[*float64](): at[*float64],
	reflect.TypeFor[*bool]():    at[*bool],
}

func at[T any](p unsafe.Pointer) any { return (*T)(p) }

// rows returns where dest takes rows: a pointer to a slice, or with one to the variable of a row. It is nil when that
// is of a type without a plan.
func (db *DB) rows(dest any, one bool) *Rows {
	into := reflect.ValueOf(dest)
	if into.Kind() != reflect.Pointer || into.IsNil() {
		return nil
	}
	r := &Rows{into: into.Elem(), one: one}
	t := r.into.Type()
	if !one {
		if t.Kind() != reflect.Slice {
			return nil
		}
		r.into.SetLen(0)
		t = t.Elem()
	}
	if r.plan = db.plans.of(t); r.plan == nil {
		return nil
	}
	return r
}

// native reads rows past database/sql where the dialect and the connection allow it; ran is false when they do not, and
// nothing has happened then.
func (u *unit) native(ctx context.Context, text string, args []any, rows *Rows) (ran bool, err error) {
	reader := u.db.reader
	if reader == nil || rows == nil || len(args) == 0 {
		return false, nil
	}
	rows.inTx = u.trans != nil
	read := func(source any) (bool, error) { return reader.ReadRows(ctx, source, text, args, rows) }
	if u.trans == nil && u.pool != nil && reader.Reads(u.pool.driver) {
		return read(u.pool.driver)
	}
	return u.raw(ctx, reader, read)
}

// raw calls fn with the driver's connection of the unit, when the reader knows it.
func (u *unit) raw(ctx context.Context, reader RowReader, fn func(source any) (sent bool, err error)) (ran bool, err error) {
	conn := u.conn
	if conn == nil {
		if u.trans != nil || u.pool == nil || u.pool.foreign.Load() {
			return false, nil
		}
		if conn, err = u.pool.db.Conn(ctx); err != nil {
			return true, err
		}
		defer conn.Close() //nolint:errcheck // gives it back to the pool
	}
	known := false
	err = conn.Raw(func(dc any) error {
		if known = reader.Reads(dc); !known {
			return nil
		}
		var failed error
		if ran, failed = fn(dc); !ran && u.trans == nil {
			return driver.ErrBadConn // the pool must not give it out again
		}
		return failed
	})
	if !known && u.trans == nil {
		u.pool.foreign.Store(true)
	}
	if !ran {
		return false, nil
	}
	return true, err
}
