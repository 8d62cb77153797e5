package store

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	"github.com/rapport-crm/rapport/core/fault"
)

// Wire is an optional power of a [Dialect]: to run statements by the driver's own means, past database/sql, which costs
// a short read a quarter of its time and takes a round trip for each statement. Where it does not reach, statements run
// through database/sql, one after the other.
type Wire interface {
	// Reaches must report whether Send knows a source: a pool's driver as sql.DB.Driver gives it, or a connection
	// as sql.Conn.Raw gives it. The driver is asked first, outside of transactions only. A connection that others have
	// wrapped must stay theirs: what they do must not be passed by.
	Reaches(source any) bool

	// Send must run the statements of a trip in their order, in one round trip where the connection knows them, and stop at
	// the first that the database refuses. It must return false when the connection was found broken before anything was
	// sent; then nothing has happened.
	Send(ctx context.Context, source any, t *Trip) (sent bool)
}

// Rows are the variables that a statement's rows go to. Who reads calls Begin once, then Next before each row; NULL must
// become the zero value. Fields are found by the column in their bun tag, once for each type.
type Rows struct {
	into   reflect.Value // a slice, or the variable of one row
	plan   *rowPlan
	one    bool
	n      int
	fields []field // by place of the column
	ptrs   []any
}

// reset forgets the rows of an attempt that has failed.
func (r *Rows) reset() {
	if r.n = 0; !r.one {
		r.into.SetLen(0)
	}
}

// Begin takes the names of the columns. An error ends the reading.
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

// variables are the types that a [Wire] fills.
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

// fits makes r the place where dest takes rows: a pointer to a slice, or with one to the variable of a row. It reports
// whether that is of a type with a plan.
func (db *DB) fits(r *Rows, dest any, one bool) bool {
	into := reflect.ValueOf(dest)
	if into.Kind() != reflect.Pointer || into.IsNil() {
		return false
	}
	r.into, r.one = into.Elem(), one
	t := r.into.Type()
	if !one {
		if t.Kind() != reflect.Slice {
			return false
		}
		r.into.SetLen(0)
		t = t.Elem()
	}
	r.plan = db.plans.of(t)
	return r.plan != nil
}
