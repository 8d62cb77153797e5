package schema

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Notation says how values are written as text, in a file or a form. Its zero value reads dates as 2006-01-02, and
// neither amounts nor external ids, which need what it leaves out.
type Notation struct {
	Date     string // layout of days in the form of package time. Defaults to [time.DateOnly]
	Currency string // ISO 4217 code of amounts, which are written as numbers
	System   string // name of the system that external ids belong to
}

// FieldExt names the input of a draft that takes the record's id in another system.
const FieldExt = "ext"

// input reads text into one field of a draft.
type input struct {
	Field
	at  int
	set func(dst reflect.Value, v rule.Value) bool // false for a value that the field's Go type cannot hold; nil for external ids
}

// newInput returns how a field of U is read from text: one that is assigned, one of the same Go name that the domain itself
// acts on, the id, or external ids. ok is false for what no text stands for.
func (e *Entity) newInput(t reflect.Type, f reflect.StructField, at int) (in input, ok bool) {
	in.at = at
	switch {
	case f.Type == extType || f.Type == reflect.SliceOf(extType):
		in.Field = Field{Name: FieldExt, Type: rule.TypeText, Class: personal.None, Origin: Core}
		return in, f.Name == "Ext"
	case f.Name == "ID":
		in.Field = Field{Name: "id", Type: rule.TypeID, Class: personal.None, Origin: Core, Label: "Id"}
	default:
		to, known := t.FieldByName(f.Name)
		i := slices.IndexFunc(e.nodes, func(n *node) bool { return known && slices.Equal(n.index, to.Index) })
		if i < 0 {
			return in, false
		}
		in.Field = e.nodes[i].Field
	}
	in.ReadOnly = false // a draft sets what nobody may change later
	in.Type, in.set = storer(f.Type)
	return in, in.set != nil
}

// Inputs lists the fields that [Patch.Parse] can fill, in the order of U. Custom fields are not among them: they are the
// tenant's.
func (p *Patch[T, U]) Inputs() []Field {
	out := make([]Field, len(p.inputs))
	for i := range p.inputs {
		out[i] = p.inputs[i].Field
	}
	return out
}

// Parse reads text into a field of u: one of [Patch.Inputs], or a custom field as the tenant's entity has it. Empty text
// leaves the field as it is.
//
// Errors: Invalid of the field's name, for text that is no value of its type or that it does not allow. What else a record
// wants of the value is for [Entity.Validate] to say. The text is never part of a fault.
func (p *Patch[T, U]) Parse(u *U, f Field, text string, n Notation) error {
	v := reflect.ValueOf(u).Elem()
	if strings.HasPrefix(f.Name, CustomPrefix) && p.custom >= 0 {
		x, err := ParseValue(f, text, n)
		if err == nil && !x.IsBlank() {
			sets := at[[]Set](v.Field(p.custom))
			*sets = append(*sets, NewSet(f.Name, x))
		}
		return err
	}
	i := slices.IndexFunc(p.inputs, func(in input) bool { return in.Name == f.Name })
	if i < 0 {
		return fault.Field(f.Name, "cannot be filled from text")
	}
	in := &p.inputs[i]
	dst := v.Field(in.at)
	if in.set == nil {
		return setExt(dst, text, n)
	}
	x, err := ParseValue(in.Field, text, n)
	if err == nil && !x.IsBlank() && !in.set(dst, x) {
		err = fault.Field(in.Name, "is too large a number")
	}
	return err
}

// setExt adds an external id to a draft.
func setExt(dst reflect.Value, id string, n Notation) error {
	x := ident.Ext{System: n.System, ID: id}
	switch {
	case id == "":
	case n.System == "":
		return fault.Field(FieldExt, "wants the name of the system that the id belongs to")
	case dst.Type() == extType:
		*at[ident.Ext](dst) = x
	default:
		list := at[[]ident.Ext](dst)
		*list = append(*list, x)
	}
	return nil
}

var extType = reflect.TypeFor[ident.Ext]()

// storer is the reverse of accessor for the fields of drafts: how a value is stored in a Go type; nil for one that no
// value stands for.
func storer(t reflect.Type) (rule.Type, func(dst reflect.Value, v rule.Value) bool) {
	typ, get := accessor(t)
	if get == nil || t == textType {
		return typ, nil
	}
	if t.Kind() == reflect.Pointer {
		_, set := storer(t.Elem())
		return typ, func(dst reflect.Value, v rule.Value) bool {
			x := reflect.New(t.Elem())
			dst.Set(x)
			return set(x.Elem(), v)
		}
	}
	return typ, stores[typ]
}

// stores put a value of each type into a field that accessor gives this type.
var stores = map[rule.Type]func(dst reflect.Value, v rule.Value) bool{
	rule.TypeBool: func(dst reflect.Value, v rule.Value) bool { dst.SetBool(v.Bool()); return true },
	rule.TypeInt:  setInt,
	rule.TypeFloat: func(dst reflect.Value, v rule.Value) bool {
		dst.SetFloat(v.Float())
		return !dst.OverflowFloat(v.Float())
	},
	rule.TypeText:  func(dst reflect.Value, v rule.Value) bool { dst.SetString(v.Text()); return true },
	rule.TypeTime:  func(dst reflect.Value, v rule.Value) bool { *at[time.Time](dst) = v.Time(); return true },
	rule.TypeDate:  func(dst reflect.Value, v rule.Value) bool { *at[date.Date](dst) = v.Date(); return true },
	rule.TypeMoney: func(dst reflect.Value, v rule.Value) bool { *at[money.Amount](dst) = v.Money(); return true },
	rule.TypeID:    func(dst reflect.Value, v rule.Value) bool { *at[ident.ID](dst) = v.ID(); return true },
	rule.TypeTexts: setList,
}

func setInt(dst reflect.Value, v rule.Value) bool {
	n := v.Int()
	if dst.CanInt() {
		dst.SetInt(n)
		return !dst.OverflowInt(n)
	}
	dst.SetUint(uint64(n)) //nolint:gosec // a negative number overflows, as the next line finds
	return n >= 0 && !dst.OverflowUint(uint64(n))
}

func setList(dst reflect.Value, v rule.Value) bool {
	list := v.Texts()
	dst.Set(reflect.MakeSlice(dst.Type(), len(list), len(list)))
	for i, s := range list {
		dst.Index(i).SetString(s)
	}
	return true
}

// ParseValue reads text as a value of the field's type; empty text is blank. Numbers have a decimal point and no grouping;
// truth is true, yes or 1, and false, no or 0; instants are written as in RFC 3339; the elements of lists stand between
// bars.
//
// Errors: Invalid of the field's name. The text is never part of it.
func ParseValue(f Field, text string, n Notation) (rule.Value, error) {
	if text == "" {
		return rule.Blank, nil
	}
	v, want := n.value(f, text)
	if want != "" {
		return rule.Blank, fault.Field(f.Name, "%s", want)
	}
	return v, nil
}

// value returns what is wanted instead where the text is no value.
func (n Notation) value(f Field, s string) (v rule.Value, want string) {
	switch f.Type {
	case rule.TypeText:
		if len(f.Enum) > 0 && !slices.Contains(f.Enum, s) {
			return v, "want one of " + strings.Join(f.Enum, ", ")
		}
		return rule.Text(s), ""
	case rule.TypeBool:
		switch strings.ToLower(s) {
		case "true", "yes", "1":
			return rule.Bool(true), ""
		case "false", "no", "0":
			return rule.Bool(false), ""
		}
		return v, "want true or false, yes or no, 1 or 0"
	case rule.TypeInt:
		x, err := strconv.ParseInt(s, 10, 64)
		return rule.Int(x), unless(err, "want a whole number")
	case rule.TypeFloat:
		x, err := strconv.ParseFloat(s, 64)
		if strings.Trim(s, "+-.0123456789eE") != "" { // also takes Inf, NaN and 0x1p4
			err = strconv.ErrSyntax
		}
		return rule.Float(x), unless(err, "want a number, such as 12.5")
	case rule.TypeTime:
		t, err := time.Parse(time.RFC3339Nano, s)
		if err == nil && t.IsZero() {
			err = strconv.ErrRange
		}
		return rule.Time(t), unless(err, "want an instant, such as 2026-03-02T09:00:00Z")
	case rule.TypeDate:
		d, err := n.day(s)
		return rule.Date(d), unless(err, "want a date like "+sample.Format(n.layout()))
	case rule.TypeMoney:
		a, err := money.ParseDecimal(s, n.Currency)
		return rule.Money(a), unless(err, "want an amount in "+strconv.Quote(n.Currency)+", such as 1200.50, with no more decimals than it has")
	case rule.TypeID:
		id, err := ident.Parse(s)
		return rule.ID(id), unless(err, "want an id like 0190e6a2-7b1c-7def-8a34-0123456789ab")
	case rule.TypeTexts:
		if list := pieces(s); len(list) > 0 {
			v = rule.Texts(list)
		}
		return v, ""
	case rule.TypeNone:
	}
	return v, "cannot be filled from text"
}

func unless(err error, words string) string {
	if err == nil {
		return ""
	}
	return words
}

// sample shows how dates are written: its day cannot be taken for a month.
var sample = time.Date(2026, time.December, 31, 0, 0, 0, 0, time.UTC)

func (n Notation) layout() string {
	if n.Date == "" {
		return time.DateOnly
	}
	return n.Date
}

func (n Notation) day(s string) (date.Date, error) {
	t, err := time.Parse(n.layout(), s)
	d := date.FromTime(t, time.UTC)
	if err == nil && d.IsZero() { // the first day of the year 1 is the zero time
		err = strconv.ErrRange
	}
	return d, err
}

// pieces cuts a list at its bars.
func pieces(s string) []string {
	var out []string
	for _, p := range strings.Split(s, "|") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}
