package store

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// column is one column of a table: how its value lies in the record, and how it goes to the database and back.
type column struct {
	name   string
	offset uintptr       // of the value in the record
	field  *schema.Field // nil for what the schema does not know
	once   bool          // written by the creation only
	second bool          // further column of a value with several
	sealed bool          // encrypted
	blank  bool          // the zero value is stored as NULL

	scan    reflect.Type                              // what the driver fills, in place or in scratch
	scratch uintptr                                   // offset of the scratch in a row; 0 for what is scanned in place
	arg     func(value unsafe.Pointer) (any, error)   // the argument of a write
	decode  func(value, scratch unsafe.Pointer) error // takes what was scanned over; nil for what is scanned in place
	class   personal.Class                            // of a personal text
}

// unseal makes the text of a sealed value, which opens when it is revealed.
func (c *column) unseal(value unsafe.Pointer, sealed []byte, o personal.Opener) {
	if len(sealed) > 0 {
		*(*personal.Text)(value) = personal.NewSealed(c.class, sealed, o)
	}
}

// compiler collects the columns of a record's struct.
type compiler struct {
	kind    *work.Kind        // nil for the lines of a history
	names   map[string]string // columns by field, or by Go name for what the schema does not know
	columns []column
	custom  *uintptr
	actors  []uintptr // principals, whose tenant is the row's
}

func (c *compiler) walk(t reflect.Type, base uintptr) {
	for i := range t.NumField() {
		f := t.Field(i)
		_, tagged := f.Tag.Lookup("crm")
		switch {
		case f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct:
			c.walk(f.Type, base+f.Offset)
		case !f.IsExported():
		case f.Type == reflect.TypeFor[schema.Values]():
			c.custom = new(base + f.Offset)
		default:
			c.add(f, base+f.Offset)
		}
	}
}

// add compiles the columns of one field. What the schema does not know has none, but for external ids, sources and what
// names lists.
func (c *compiler) add(f reflect.StructField, offset uintptr) {
	name, known := c.fieldName(f)
	col := column{offset: offset, name: name, class: classOf(f)}
	if c.kind != nil && known {
		if field, ok := c.kind.Entity.Field(name); ok {
			col.field = &field
		}
	}
	if !known {
		col.name = c.names[f.Name]
	} else if other := c.names[name]; other != "" {
		col.name = other
	}
	if f.Type == reflect.TypeFor[ident.Principal]() {
		c.actors = append(c.actors, offset+unsafe.Offsetof(ident.Principal{}.Tenant))
	}
	for _, part := range columnsOf(col, f.Type) {
		if part.name != "" {
			part.once = part.once || once[part.name]
			c.columns = append(c.columns, part)
		}
	}
}

// fieldName is the schema's; the fields of a history's line, which the schema does not know, have those of JSON.
func (c *compiler) fieldName(f reflect.StructField) (name string, ok bool) {
	if c.kind != nil {
		return schema.FieldName(f)
	}
	name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	return name, name != "-"
}

// classOf reads the class of a personal text from its tag.
func classOf(f reflect.StructField) personal.Class {
	for word := range strings.SplitSeq(f.Tag.Get("crm"), ",") {
		if class, ok := strings.CutPrefix(word, "class="); ok {
			return personal.Class(class)
		}
	}
	return personal.None
}

// once lists the columns of a record that only its creation writes.
var once = map[string]bool{"id": true, "created_at": true, "created_by": true, "ext_system": true, "ext_id": true}

// columnsOf gives a Go type its columns.
func columnsOf(c column, t reflect.Type) []column {
	switch t {
	case reflect.TypeFor[ident.ID]():
		c.name = idName(c.name)
		return []column{c.plain(reflect.TypeFor[ID](), true, argOf(func(v *ident.ID) any { return OrNull(*v) }))}
	case reflect.TypeFor[time.Time]():
		return []column{c.plain(reflect.TypeFor[Time](), true, argOf(func(v *time.Time) any { return *v }))}
	case reflect.TypeFor[date.Date]():
		return []column{c.plain(reflect.TypeFor[Date](), true, argOf(func(v *date.Date) any { return *v }))}
	case reflect.TypeFor[money.Amount]():
		return amount(c)
	case reflect.TypeFor[personal.Text]():
		return []column{personalText(c)}
	case reflect.TypeFor[time.Duration]():
		return []column{duration(c)}
	case reflect.TypeFor[ident.Ext]():
		c.name = "ext"
		return pair(c, "_system", unsafe.Offsetof(ident.Ext{}.System), "_id", unsafe.Offsetof(ident.Ext{}.ID))
	case reflect.TypeFor[personal.Source]():
		c.name = "source"
		return pair(c, "_system", unsafe.Offsetof(personal.Source{}.System), "_ref", unsafe.Offsetof(personal.Source{}.Ref))
	case reflect.TypeFor[ident.Principal]():
		return pair(c, "_kind", unsafe.Offsetof(ident.Principal{}.Kind), "_id", unsafe.Offsetof(ident.Principal{}.ID))
	case reflect.TypeFor[ident.Ref]():
		return reference(c)
	case reflect.TypeFor[[]byte]():
		return []column{c.plain(t, true, argOf(func(v *[]byte) any { return *v }))}
	case reflect.TypeFor[[]string]():
		return []column{c.plain(reflect.TypeFor[Texts](), true, argOf(func(v *[]string) any { return Texts(*v) }))}
	}
	return []column{simple(c, t)}
}

// idName is the column of a field that names a record.
func idName(field string) string {
	if field == "" || field == "id" || strings.HasSuffix(field, "_id") {
		return field
	}
	return field + "_id"
}

func argOf[T any](arg func(v *T) any) func(unsafe.Pointer) (any, error) {
	return func(p unsafe.Pointer) (any, error) { return arg((*T)(p)), nil }
}

// plain is a column that the driver fills in place: the scanned type has the layout of the field's.
func (c column) plain(scan reflect.Type, blank bool, arg func(unsafe.Pointer) (any, error)) column {
	c.scan, c.blank, c.arg = scan, blank, arg
	return c
}

// simple is a column by the kind of its Go type; whatever has no column of its own is stored as a JSON document.
func simple(c column, t reflect.Type) column {
	switch t.Kind() {
	case reflect.String:
		return c.plain(reflect.TypeFor[string](), true, argOf(func(v *string) any { return OrNull(*v) }))
	case reflect.Int64:
		return c.plain(reflect.TypeFor[int64](), false, argOf(func(v *int64) any { return *v }))
	case reflect.Int:
		return c.plain(reflect.TypeFor[int](), false, argOf(func(v *int) any { return int64(*v) }))
	case reflect.Bool:
		return c.plain(reflect.TypeFor[bool](), false, argOf(func(v *bool) any { return *v }))
	case reflect.Float64:
		return c.plain(reflect.TypeFor[float64](), false, argOf(func(v *float64) any { return *v }))
	case reflect.Pointer:
		if variables[t] != nil {
			return c.plain(t, true, func(p unsafe.Pointer) (any, error) { return plain(reflect.NewAt(t, p).Elem().Interface()) })
		}
	case reflect.Slice, reflect.Map, reflect.Struct:
		if c.name == "" || c.field == nil || t.Kind() != reflect.Struct {
			return document(c, t)
		}
	}
	if c.name == "" {
		return c
	}
	panic("store: no column for " + c.name + " of type " + t.String())
}

func document(c column, t reflect.Type) column {
	c.scan, c.blank = reflect.TypeFor[JSON](), true
	c.arg = func(p unsafe.Pointer) (any, error) {
		v := reflect.NewAt(t, p).Elem()
		if v.IsZero() || v.Kind() != reflect.Struct && v.Len() == 0 {
			return nil, nil
		}
		b, err := json.Marshal(v.Interface())
		return JSON(b), err
	}
	c.decode = func(value, scratch unsafe.Pointer) error {
		if raw := *(*JSON)(scratch); len(raw) > 0 {
			return json.Unmarshal(raw, reflect.NewAt(t, value).Interface())
		}
		return nil
	}
	return c
}

// amount has minor units and currency apart; both are NULL for none.
func amount(c column) []column {
	minor, currency := c, c
	minor.name, currency.name = c.name+"_minor", c.name+"_currency"
	minor = minor.plain(reflect.TypeFor[int64](), true, argOf(func(v *money.Amount) any {
		if v.Currency == "" {
			return nil
		}
		return v.Minor
	}))
	minor.offset += unsafe.Offsetof(money.Amount{}.Minor)
	if unsafe.Offsetof(money.Amount{}.Minor) != 0 {
		panic("store: an amount begins with its minor units")
	}
	currency.second = true
	currency.offset += unsafe.Offsetof(money.Amount{}.Currency)
	return []column{minor, currency.plain(reflect.TypeFor[string](), true, argOf(func(v *string) any { return OrNull(*v) }))}
}

// pair is a value of two texts.
func pair(c column, first string, at uintptr, second string, then uintptr) []column {
	a, b := c, c
	if c.name == "" {
		return nil
	}
	a.name, b.name, b.second = c.name+first, c.name+second, true
	a.offset, b.offset = c.offset+at, c.offset+then
	text := argOf(func(v *string) any { return OrNull(*v) })
	return []column{a.plain(reflect.TypeFor[string](), true, text), b.plain(reflect.TypeFor[string](), true, text)}
}

// reference names a record of any kind.
func reference(c column) []column {
	kind, id := c, c
	kind.name, id.name, id.second = c.name+"_entity", c.name+"_id", true
	kind.offset += unsafe.Offsetof(ident.Ref{}.Entity)
	id.offset += unsafe.Offsetof(ident.Ref{}.ID)
	return []column{
		kind.plain(reflect.TypeFor[string](), true, argOf(func(v *string) any { return OrNull(*v) })),
		id.plain(reflect.TypeFor[ID](), true, argOf(func(v *ident.ID) any { return OrNull(*v) })),
	}
}

// personalText is in clear, or sealed where its class is.
func personalText(c column) column {
	if c.class.Sealed() {
		c.sealed, c.scan = true, reflect.TypeFor[[]byte]()
		c.decode = func(_, _ unsafe.Pointer) error { return nil } // see Bound.take
		return c
	}
	c.scan, c.blank = reflect.TypeFor[string](), true
	c.arg = argOf(func(v *personal.Text) any { return OrNull(v.Reveal()) })
	class := c.class
	c.decode = func(value, scratch unsafe.Pointer) error {
		*(*personal.Text)(value) = personal.NewText(class, *(*string)(scratch))
		return nil
	}
	return c
}

// duration is stored in microseconds.
func duration(c column) column {
	c.scan = reflect.TypeFor[int64]()
	c.arg = argOf(func(v *time.Duration) any { return v.Microseconds() })
	c.decode = func(value, scratch unsafe.Pointer) error {
		*(*time.Duration)(value) = time.Duration(*(*int64)(scratch)) * time.Microsecond
		return nil
	}
	return c
}

// rowOf lays out what a row is scanned into: the record, then the scratch of its codecs.
func (c *compiler) rowOf(rec reflect.Type) (reflect.Type, *rowPlan) {
	fields := []reflect.StructField{{Name: "Record", Type: rec}}
	scratch := func(name string, t reflect.Type) int {
		fields = append(fields, reflect.StructField{Name: "X_" + name, Type: t})
		return len(fields) - 1
	}
	at := make([]int, len(c.columns))
	for i := range c.columns {
		if c.columns[i].decode != nil {
			at[i] = scratch(c.columns[i].name, c.columns[i].scan)
		}
	}
	custom, wrapped := scratch("custom", reflect.TypeFor[JSON]()), scratch("wrapped", reflect.TypeFor[[]byte]())
	row := reflect.StructOf(fields)
	plan := &rowPlan{fields: map[string]field{
		"custom":  {offset: row.Field(custom).Offset, at: variables[reflect.TypeFor[JSON]()]},
		"wrapped": {offset: row.Field(wrapped).Offset, at: variables[reflect.TypeFor[[]byte]()]},
	}}
	for i := range c.columns {
		col := &c.columns[i]
		offset := col.offset
		if col.decode != nil {
			col.scratch = row.Field(at[i]).Offset
			offset = col.scratch
		}
		plan.fields[col.name] = field{offset: offset, at: variables[col.scan]}
	}
	return row, plan
}
