package store

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// Table keeps the records of one kind in one table. Statements, arguments, scanning, and the columns of lists are compiled
// from the declaration, once: a column for each field, named as the field; ids with _id behind it, amounts in two
// columns with _minor and _currency, texts of sealed classes encrypted under the key of the subject.
//
// A hot kind may keep static statements of its own behind [work.Store] instead, or embed a bound Table and replace some
// of its methods.
type Table[T any, P work.Aggregate[T]] struct {
	kind    *work.Kind
	columns []column     // in order of the table's list
	row     reflect.Type // what a row is scanned into: the record, and scratch for what needs a codec
	plan    *rowPlan
	custom  *uintptr // offset of the custom values, nil without any
	subject string   // column of whom the record's key belongs to; "id" for a key of its own
	sealed  bool
	search  []int // columns whose words are indexed
	notNull []string
	where   map[string]rule.Column
	sql     tableSQL
}

// tableSQL are the static statements of a table.
type tableSQL struct {
	get, lock, undrawn, many, insert, update, reseal, discard, restore SQL
}

// alias is what the table is called in its statements.
const alias = "r"

// TableOf compiles the table of a kind. It panics for a field of a type that it has no column for: that is a programmer's
// error, found when the program starts. names gives columns other names than their fields'.
func TableOf[T any, P work.Aggregate[T]](k *work.Kind, names map[string]string) *Table[T, P] {
	t := &Table[T, P]{kind: k, subject: "id", where: map[string]rule.Column{}}
	c := compiler{kind: k, names: names}
	c.walk(reflect.TypeFor[T](), 0)
	t.columns, t.custom = c.columns, c.custom
	t.row, t.plan = c.rowOf(reflect.TypeFor[T]())
	for i := range t.columns {
		t.index(i)
	}
	if owner := k.Entity.Owner(); owner != "" {
		t.subject = t.where[owner].Expr[len(alias)+1:]
		if f, _ := k.Entity.Field(owner); t.sealed && !f.Required {
			panic("store: " + k.Name() + " has sealed texts, so " + owner + " must be required: its key seals them")
		}
	}
	t.compile()
	return t
}

// index learns what lists, filters and searches need of a column.
func (t *Table[T, P]) index(i int) {
	c := &t.columns[i]
	t.sealed = t.sealed || c.sealed
	if c.field == nil || c.second {
		return
	}
	if c.field.Search {
		t.search = append(t.search, i)
	}
	if c.sealed || c.field.Type == rule.TypeNone {
		return
	}
	t.where[c.field.Name] = Field(alias+"."+c.name, c.field.Type)
	if c.field.Type == rule.TypeMoney {
		t.where[c.field.Name] = MoneyField(alias+"."+c.name, alias+"."+t.columns[i+1].name)
	}
	if c.field.Sortable && (c.field.Required || !c.blank || kept[c.name]) {
		t.notNull = append(t.notNull, c.field.Name)
	}
}

// kept are the columns that the write path fills in every record.
var kept = map[string]bool{"id": true, "created_at": true, "updated_at": true}

func (t *Table[T, P]) names(choose func(c *column) bool) []string {
	var out []string
	for i := range t.columns {
		if choose(&t.columns[i]) {
			out = append(out, t.columns[i].name)
		}
	}
	return out
}

// compile writes the statements. Columns that are written once come first, sealed ones last: an update leaves both out.
func (t *Table[T, P]) compile() {
	name, table := t.kind.Name(), t.kind.Table
	birth := append([]string{"tenant_id"}, t.names(func(c *column) bool { return c.once })...)
	plain := t.names(func(c *column) bool { return !c.once && !c.sealed })
	sealed := t.names(func(c *column) bool { return c.sealed })
	if t.custom != nil {
		plain = append(plain, "custom")
	}
	byID := t.KeyOf("", "id")
	t.sql.get, t.sql.lock = byID.get, byID.lock
	many := t.text() + t.live(" AND r.") + " AND r.id"
	// PostgreSQL is held to one look per id: without statistics it would rather read the whole tenant.
	t.sql.many = Split(name+".get_many",
		"SELECT x.* FROM unnest($2::uuid[]) AS s(id) CROSS JOIN LATERAL ("+many+" = s.id LIMIT 1) x",
		many+" IN (SELECT unhex(value) FROM json_each($2))")
	t.sql.insert = Same(name+".insert", InsertText(table, birth, plain, sealed))
	if t.kind.Ledger {
		t.sql.lock = t.sql.get // nobody writes what it would hold
		return
	}
	t.sql.update = Same(name+".update", UpdateText(table, t.live(" AND "), plain))
	if len(sealed) > 0 {
		t.sql.reseal = Same(name+".reseal", UpdateText(table, t.live(" AND "), sealed))
	}
	if t.kind.Permanent {
		return
	}
	gone := t.text() + " AND r.id = $2 AND r.deleted_at IS NOT NULL"
	t.sql.undrawn = Split(name+".lock_deleted", gone+held, gone)
	moved := []string{"version", "updated_at", "deleted_at"}
	t.sql.discard = Same(name+".delete", UpdateText(table, t.live(" AND "), moved))
	t.sql.restore = Same(name+".restore", UpdateText(table, " AND deleted_at IS NOT NULL", moved))
}

// held ends a read that holds the record against other writers.
const held = " FOR NO KEY UPDATE OF r"

// text begins a read of the table's columns.
func (t *Table[T, P]) text() string {
	return "SELECT " + t.selection() + " FROM " + t.from() + " WHERE r.tenant_id = $1"
}

// live is the condition of records that are not deleted, with a prefix; none where the table has no column for it.
func (t *Table[T, P]) live(prefix string) string {
	if t.kind.Permanent {
		return ""
	}
	return prefix + "deleted_at IS NULL"
}

// selection lists the columns of a read, the key that opens the sealed ones among them.
func (t *Table[T, P]) selection() string {
	all := t.names(func(*column) bool { return true })
	if t.custom != nil {
		all = append(all, "custom")
	}
	if !t.sealed {
		return Qualified(alias, all)
	}
	return Qualified(alias, all) + ", k.wrapped"
}

func (t *Table[T, P]) from() string {
	if !t.sealed {
		return t.kind.Table + " r"
	}
	return t.kind.Table + " r LEFT JOIN crm_subject_key k ON k.tenant_id = r.tenant_id AND k.subject_id = r." + t.subject
}

// Statements lists the static statements of the table.
func (t *Table[T, P]) Statements() []SQL {
	s := &t.sql
	all := []SQL{s.get, s.lock, s.many, s.insert, s.update, s.undrawn, s.discard, s.restore, s.reseal}
	all = slices.DeleteFunc(all, func(q SQL) bool { return q.Name == "" })
	return slices.CompactFunc(all, func(a, b SQL) bool { return a.Name == b.Name })
}

// On binds the table to a database. ring seals and opens; it may be nil for a table without sealed texts.
func (t *Table[T, P]) On(db *DB, ring *keys.Ring) *Bound[T, P] {
	if t.sealed && ring == nil {
		panic("store: " + t.kind.Name() + " has sealed texts and needs keys")
	}
	db.plans.types.Store(t.row, t.plan)
	return &Bound[T, P]{t, db, ring}
}

// Bound is a [Table] on a database. It implements [work.Store] [work.Ahead] and [work.ListAhead], is immutable and safe for concurrent use.
type Bound[T any, P work.Aggregate[T]] struct {
	*Table[T, P]
	DB   *DB        // where the rows are kept
	Keys *keys.Ring // nil for a table without sealed texts
}

// warm loads the tenant's secrets before rows with sealed values are read.
func (b *Bound[T, P]) warm(ctx context.Context, c *work.Call) error {
	if !b.sealed {
		return nil
	}
	return b.Keys.Warm(ctx, c.Tenant())
}

// Get implements [work.Store].
func (b *Bound[T, P]) Get(ctx context.Context, c *work.Call, id ident.ID, how work.Fetch) (*T, error) {
	q := [...]SQL{work.Look: b.sql.get, work.Lock: b.sql.lock, work.Undrawn: b.sql.undrawn}[how]
	return b.One(ctx, c, q, c.Tenant(), id)
}

// One reads the one record of a statement that selects the table's columns.
func (b *Bound[T, P]) One(ctx context.Context, c *work.Call, q SQL, args ...any) (*T, error) {
	return b.OneLater(ctx, c, q, args...)(ctx)
}

// GetLater implements [work.Ahead].
func (b *Bound[T, P]) GetLater(ctx context.Context, c *work.Call, id ident.ID) func(ctx context.Context) (*T, error) {
	return b.OneLater(ctx, c, b.sql.get, c.Tenant(), id)
}

// OneLater is One for a read that travels with others: it returns what waits for the record.
func (b *Bound[T, P]) OneLater(ctx context.Context, c *work.Call, q SQL, args ...any) func(ctx context.Context) (*T, error) {
	if err := b.warm(ctx, c); err != nil {
		return func(context.Context) (*T, error) { return nil, err }
	}
	row := reflect.New(b.row)
	wait := b.DB.On(c.Unit).GetLater(q, row.Interface(), args...)
	return func(ctx context.Context) (*T, error) {
		if err := wait.Wait(ctx); err != nil {
			return nil, err
		}
		rec := new(T)
		return rec, b.take(c, row.UnsafePointer(), rec)
	}
}

// GetMany implements [work.Store].
func (b *Bound[T, P]) GetMany(ctx context.Context, c *work.Call, ids []ident.ID) ([]T, error) {
	return b.All(ctx, c, b.sql.many, c.Tenant(), IDList(b.DB, ids))
}

// All reads the records of a statement that selects the table's columns, in its order.
func (b *Bound[T, P]) All(ctx context.Context, c *work.Call, q SQL, args ...any) ([]T, error) {
	return b.rows(ctx, c, func(dest any) error { return b.DB.On(c.Unit).Select(ctx, q, dest, args...) })
}

// AllLater is All for a read that travels with others: it returns what waits for the records.
func (b *Bound[T, P]) AllLater(ctx context.Context, c *work.Call, q SQL, args ...any) func(ctx context.Context) ([]T, error) {
	if err := b.warm(ctx, c); err != nil {
		return func(context.Context) ([]T, error) { return nil, err }
	}
	list := reflect.New(reflect.SliceOf(b.row))
	wait := b.DB.On(c.Unit).SelectLater(q, list.Interface(), args...)
	return func(ctx context.Context) ([]T, error) {
		if err := wait.Wait(ctx); err != nil {
			return nil, err
		}
		return b.takeAll(c, list.Elem())
	}
}

func (b *Bound[T, P]) rows(ctx context.Context, c *work.Call, read func(dest any) error) ([]T, error) {
	if err := b.warm(ctx, c); err != nil {
		return nil, err
	}
	list := reflect.New(reflect.SliceOf(b.row))
	if err := read(list.Interface()); err != nil {
		return nil, err
	}
	return b.takeAll(c, list.Elem())
}

func (b *Bound[T, P]) takeAll(c *work.Call, rows reflect.Value) ([]T, error) {
	out := make([]T, rows.Len())
	base, size := rows.UnsafePointer(), b.row.Size()
	for i := range out {
		if err := b.take(c, unsafe.Add(base, uintptr(i)*size), &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// take moves a scanned row into a record: plain columns were read in place, the others go through their codec.
func (b *Bound[T, P]) take(c *work.Call, row unsafe.Pointer, rec *T) error {
	*rec = *(*T)(row)
	base := unsafe.Pointer(rec)
	var open *keys.Openers
	for i := range b.columns {
		col := &b.columns[i]
		switch {
		case col.sealed:
			if open == nil {
				open = b.openers(c, row, rec)
			}
			col.unseal(unsafe.Add(base, col.offset), *(*[]byte)(unsafe.Add(row, col.scratch)), open.At(b.place(col, P(rec).Base().ID)))
		case col.decode != nil:
			if err := col.decode(unsafe.Add(base, col.offset), unsafe.Add(row, col.scratch)); err != nil {
				return fault.Wrap(fault.Internal, err, "column %s of a %s cannot be read", col.name, b.kind.Name())
			}
		}
	}
	if b.custom == nil {
		return nil
	}
	values, err := c.Entity.Decode(*(*JSON)(unsafe.Add(row, b.plan.fields["custom"].offset)))
	*(*schema.Values)(unsafe.Add(base, *b.custom)) = values
	return err
}

func (b *Bound[T, P]) openers(c *work.Call, row unsafe.Pointer, rec *T) *keys.Openers {
	wrapped := *(*[]byte)(unsafe.Add(row, b.plan.fields["wrapped"].offset))
	holder := b.kind.Entity.KeyHolder(P(rec))
	c.LearnKey(holder, wrapped)
	return b.Keys.Openers(c.Tenant(), wrapped, holder)
}

func (b *Bound[T, P]) place(col *column, id ident.ID) keys.Place {
	return keys.Place{Table: b.kind.Table, Column: col.name, Row: id}
}

// List implements [work.Store].
func (b *Bound[T, P]) List(ctx context.Context, c *work.Call, l work.Listing) (work.Rows[T], error) {
	return b.Select(ctx, c, b.Spec(c, l))
}

// Select reads one page of a list that [Bound.Spec] began.
func (b *Bound[T, P]) Select(ctx context.Context, c *work.Call, spec ListSpec) (work.Rows[T], error) {
	return b.SelectLater(ctx, c, spec)(ctx)
}

// ListLater implements [work.ListAhead].
func (b *Bound[T, P]) ListLater(ctx context.Context, c *work.Call, l work.Listing) func(ctx context.Context) (work.Rows[T], error) {
	return b.SelectLater(ctx, c, b.Spec(c, l))
}

// SelectLater is Select for a page that travels with other reads: it returns what waits for it.
func (b *Bound[T, P]) SelectLater(ctx context.Context, c *work.Call, spec ListSpec) func(ctx context.Context) (work.Rows[T], error) {
	if err := b.warm(ctx, c); err != nil {
		return func(context.Context) (work.Rows[T], error) { return work.Rows[T]{}, err }
	}
	rows := reflect.New(reflect.SliceOf(b.row))
	wait := b.DB.On(c.Unit).SelectListLater(spec, rows.Interface())
	return func(ctx context.Context) (out work.Rows[T], err error) {
		if err = wait(ctx); err == nil {
			out.Records, err = b.takeAll(c, rows.Elem())
		}
		return out, err
	}
}

// Count implements [work.Store].
func (b *Bound[T, P]) Count(ctx context.Context, c *work.Call, l work.Listing, limit int) (int, error) {
	n, err := b.DB.On(c.Unit).CountList(ctx, b.Spec(c, l), limit)
	return int(n), err
}

// Spec returns the list of a page, for those who add conditions of their own.
func (b *Bound[T, P]) Spec(c *work.Call, l work.Listing) ListSpec {
	spec := ListSpec{
		Name: b.kind.Name() + ".list", Tenant: c.Tenant(), Select: b.selection(), From: b.from(), Alias: alias,
		Where: b.live("r."), NotNull: b.notNull, Listing: l,
		Columns: Columns{Dialect: b.DB.Dialect(), Table: b.where, Entity: c.Entity},
	}
	if b.custom != nil {
		spec.Columns.Custom = alias + ".custom"
	}
	spec.Also = func(bind rule.Binder) string {
		return and(b.ofSubjects(bind, l.Subjects), b.found(c, bind, l.Search))
	}
	return spec
}

func and(conditions ...string) string {
	return strings.Join(slices.DeleteFunc(conditions, func(s string) bool { return s == "" }), " AND ")
}

// ofSubjects is the condition of records that belong to one of some customers.
func (b *Bound[T, P]) ofSubjects(bind rule.Binder, subjects []ident.ID) string {
	if len(subjects) == 0 {
		return ""
	}
	var parts []string
	for _, f := range b.kind.Entity.SubjectFields() {
		if col, ok := b.where[f.Name]; ok {
			parts = append(parts, col.Expr+" IN ("+IDs(bind, subjects)+")")
		}
	}
	if len(parts) == 0 {
		panic("store: " + b.kind.Name() + " names whom it belongs to in lines only, so it needs a List of its own")
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}
