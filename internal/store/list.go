package store

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// ListSpec is one page of a list. Its statement is text with arguments, the same for lists of the same shape, so that
// both databases keep it prepared.
type ListSpec struct {
	Name   string // "customer.list"
	Tenant string // whose records; the first argument of every list
	Select string // "c.id, c.version, …"
	From   string // the table and its alias first: "crm_customer c LEFT JOIN …"
	Alias  string // that alias: "c"; its table has the columns tenant_id and id
	Where  string // a condition on every list of this name, such as "c.deleted_at IS NULL"; "" for none
	// Also adds a condition with arguments; nil adds none. An empty text is no condition.
	Also func(b rule.Binder) string
	// Around puts the statement of the page into another one, which joins rows to those of the page; nil leaves it alone.
	// The tenant is argument $1.
	Around  func(page string) string
	Columns Columns      // what Listing may filter and sort by
	NotNull []string     // sortable fields that are never blank, which saves a look for blank ones on the last page
	Listing work.Listing // which page: conditions, order, position and size
}

// SelectList reads a page into dest, a pointer to a slice of row structs, which it overwrites. Records come in the
// order of Listing.Sort; blank sort keys come last in either direction, and ties are broken by id in the direction of
// the sort. There is no offset: a page costs the same however deep it lies.
//
// Errors: Invalid for a predicate or sort the columns cannot do, or a position that is not of this sort.
func (c Conn) SelectList(ctx context.Context, l ListSpec, dest any) error {
	return c.SelectListLater(l, dest)(ctx)
}

// SelectListLater is SelectList for a page that travels with other reads: it returns what waits for it. What a page needs
// besides its first statement is asked for then.
func (c Conn) SelectListLater(l ListSpec, dest any) (wait func(ctx context.Context) error) {
	rows, parts := reflect.ValueOf(dest).Elem(), l.parts()
	rows.SetZero()
	ahead := reflect.New(rows.Type())
	if len(l.Listing.Subjects) == 0 { // a page of one customer's is rarely full
		ahead.Elem().Set(reflect.MakeSlice(rows.Type(), 0, min(l.Listing.Limit, usualPage)))
	}
	var first *Later
	err := c.eachPart(l, parts[:1], l.Listing.Limit, func(q SQL, args []any, want int) (int, error) {
		first = c.SelectLater(q, ahead.Interface(), args...)
		return want, nil
	})
	return func(ctx context.Context) error {
		if err != nil || first == nil {
			return err
		}
		if err := first.Wait(ctx); err != nil {
			return err
		}
		n := take(rows, ahead.Elem(), l.Listing.Limit)
		return c.eachPart(l, parts[1:], l.Listing.Limit-n, func(q SQL, args []any, want int) (int, error) {
			more := reflect.New(rows.Type())
			err := c.Select(ctx, q, more.Interface(), args...)
			return take(rows, more.Elem(), want), err
		})
	}
}

// usualPage is how many rows have room before the first comes: those of a page of the default size.
const usualPage = page.DefaultLimit + 1

// take adds the first of some rows to others, and returns how many.
func take(rows, more reflect.Value, want int) int {
	part := more.Slice(0, min(more.Len(), want))
	if rows.Len() == 0 {
		rows.Set(part)
	} else {
		rows.Set(reflect.AppendSlice(rows, part))
	}
	return part.Len()
}

// EachPart calls read with each statement of a page, in order, until the page is full. read may take want records and
// returns how many it took. It is for those whose rows are not the records; the errors are those of [Conn.SelectList].
func (c Conn) EachPart(l ListSpec, read func(q SQL, args []any, want int) (n int, err error)) error {
	return c.eachPart(l, l.parts(), l.Listing.Limit, read)
}

func (c Conn) eachPart(l ListSpec, parts []part, want int, read func(q SQL, args []any, want int) (n int, err error)) error {
	if l.Listing.Where.IsFalse() {
		return nil
	}
	for _, part := range parts {
		if want <= 0 {
			return nil
		}
		q, args, err := l.statement(c.db.dialect, part)
		if err != nil {
			return err
		}
		n, err := read(q, args, want)
		if err != nil {
			return err
		}
		want -= n
	}
	return nil
}

// CountList counts the records of a list up to a limit; the page, sort and position do not matter. A result of atMost
// means that many or more.
func (c Conn) CountList(ctx context.Context, l ListSpec, atMost int) (int64, error) {
	if l.Listing.Where.IsFalse() || atMost <= 0 {
		return 0, nil
	}
	var b binder
	where, err := l.where(&b)
	if err != nil {
		return 0, err
	}
	var n int64
	text := "SELECT count(*) FROM (SELECT 1 AS one FROM " + l.From + " WHERE " + where + " LIMIT " + strconv.Itoa(atMost) + ") AS counted"
	return n, c.Get(ctx, dynamic(c.db.dialect, l.Name+"_count", text), &n, b.args...)
}

// part is one of the statements of a page: the records with a sort key, or those whose key is blank.
type part uint8

const (
	byID    part = iota // sorted by id alone
	present             // records with a sort key
	blank               // records without one, by id
)

// parts lists the statements a page may need, in order. Two statements with an index each beat one that sorts, and
// the second runs only where the first has run out.
func (l *ListSpec) parts() []part {
	s := l.Listing.Sort
	switch {
	case s.Field == "" || s.Field == "id":
		return []part{byID}
	case l.Listing.After != nil && l.Listing.After.Blank:
		return []part{blank}
	case slices.Contains(l.NotNull, s.Field):
		return []part{present}
	}
	return []part{present, blank}
}

func (l *ListSpec) statement(d Dialect, p part) (SQL, []any, error) {
	var b binder
	where, err := l.where(&b)
	if err != nil {
		return SQL{}, nil, err
	}
	from, id := l.From, l.Alias+".id"
	dir, cmp := "", " > "
	if l.Listing.Sort.Desc {
		dir, cmp = " DESC", " < "
	}
	order := id + dir
	after := l.Listing.After
	var s sorting
	if p != byID {
		if s, err = l.sortColumn(&b); err != nil {
			return SQL{}, nil, err
		}
	}
	switch p {
	case byID:
	case blank:
		where += " AND " + s.isBlank
	case present:
		from, order = s.from, s.expr+dir+", "+s.id+dir
		where += s.isPresent
	}
	switch {
	case after == nil || p == blank && !after.Blank:
	case p == present:
		key, err := s.position(after.Key)
		if err != nil {
			return SQL{}, nil, err
		}
		where += " AND (" + s.expr + ", " + s.id + ")" + cmp + "(" + b.Arg(key) + ", " + b.Arg(after.ID) + ")"
	default:
		where += " AND " + id + cmp + b.Arg(after.ID)
	}
	text := "SELECT " + l.Select + " FROM " + from + " WHERE " + where + " ORDER BY " + order +
		" LIMIT " + strconv.Itoa(l.Listing.Limit)
	if l.Around != nil {
		text = l.Around(text)
	}
	return dynamic(d, l.Name, text), b.args, nil
}

// where is the condition of the list; the tenant is argument 1.
func (l *ListSpec) where(b *binder) (string, error) {
	where := l.Alias + ".tenant_id = " + b.Arg(l.Tenant)
	if l.Where != "" {
		where += " AND " + l.Where
	}
	if l.Also != nil {
		if also := l.Also(b); also != "" {
			where += " AND " + also
		}
	}
	if l.Listing.Where.IsTrue() {
		return where, nil
	}
	cond, err := l.Listing.Where.SQL(l.Columns, b)
	return where + " AND " + cond, err
}

// sorting is how one field is sorted by.
type sorting struct {
	from      string // the list's tables, and what gives the order in front of them
	expr      string // the sort key
	id        string // the id beside it
	isPresent string // condition of records with a key, with AND in front; "" when all have one
	isBlank   string // condition of records without one
	position  func(key []byte) (any, error)
}

func (l *ListSpec) sortColumn(b *binder) (sorting, error) {
	field := l.Listing.Sort.Field
	col, ok := l.Columns.Column(field)
	if !ok || col.Can&rule.CanSort == 0 {
		return sorting{}, fault.Field("sort", "cannot sort by %q", field)
	}
	if key, custom := strings.CutPrefix(field, schema.CustomPrefix); custom {
		return l.sortCustom(b, key), nil
	}
	s := sorting{from: l.From, expr: col.Expr, id: l.Alias + ".id", isBlank: col.Expr + " IS NULL", isPresent: " AND " + col.Expr + " IS NOT NULL"}
	if slices.Contains(l.NotNull, field) {
		s.isPresent = ""
	}
	s.position = func(key []byte) (any, error) {
		v, err := sortValue(key)
		switch {
		case err != nil || col.Type != rule.TypeNone && v.Type() != col.Type:
			return nil, errPosition
		case col.Encode != nil:
			return col.Encode(v), nil
		}
		return v, nil
	}
	return s, nil
}

// sortCustom sorts by the index of custom fields, which is read in its order and joined with the records.
func (l *ListSpec) sortCustom(b *binder, key string) sorting {
	of := "x.tenant_id = $1 AND x.entity = " + b.Arg(l.Columns.Entity.Name) + " AND x.field = " + b.Arg(key)
	here := of + " AND x.record_id = " + l.Alias + ".id"
	s := sorting{
		from: "crm_field_index x CROSS JOIN " + l.From, expr: "x.sort_key", id: "x.record_id",
		isPresent: " AND " + here,
		isBlank:   "NOT EXISTS (SELECT 1 FROM crm_field_index x WHERE " + here + ")",
		position: func(key []byte) (any, error) {
			v, err := sortValue(key)
			return SortKey(v), err
		},
	}
	postgres := l.Columns.Dialect.Name() == Postgres
	if strings.HasPrefix(l.From, "(") { // a search, which has few records: each is asked for its key
		s.from = l.From + " CROSS JOIN crm_field_index x"
		if postgres {
			// Held to the primary key: without statistics the index that is sorted by key looks as good, and is read whole.
			look := "SELECT * FROM crm_field_index x WHERE " + of + " AND x.record_id >= " + l.Alias + ".id AND x.record_id <= " + l.Alias + ".id ORDER BY x.record_id LIMIT 1"
			s.from, s.isPresent = l.From+" CROSS JOIN LATERAL ("+look+") x", ""
			s.isBlank = "(SELECT y.record_id FROM (" + look + ") y) IS NULL"
		}
		return s
	}
	if postgres {
		// It is held to one look per id: without statistics it would rather read all of the tenant's records and sort them.
		table, rest, _ := strings.Cut(l.From, " "+l.Alias)
		s.from = "crm_field_index x CROSS JOIN LATERAL (SELECT * FROM " + table + " WHERE tenant_id = $1 AND id = x.record_id LIMIT 1) " + l.Alias + rest
		s.isPresent = " AND " + of
	}
	return s
}

var errPosition = fault.Field("cursor", "the cursor belongs to another query: begin again without one")

func sortValue(key []byte) (rule.Value, error) {
	var v rule.Value
	if err := v.UnmarshalBinary(key); err != nil || v.IsBlank() {
		return v, errPosition
	}
	return v, nil
}

// dynamic is a statement made at run time.
func dynamic(d Dialect, name, text string) SQL {
	text = "/*" + name + "*/ " + text
	if d.Name() != SQLite {
		return SQL{Name: name, Postgres: text}
	}
	q := SQL{Name: name}
	q.SQLite, q.order = ordinals(text)
	return q
}

// binder collects arguments as $1, $2 ….
type binder struct{ args []any }

// Arg implements [rule.Binder].
func (b *binder) Arg(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// IDs adds one argument per id and returns them as "$2, $3", for an IN.
func IDs(b rule.Binder, ids []ident.ID) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = b.Arg(id)
	}
	return strings.Join(out, ", ")
}
