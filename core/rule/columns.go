package rule

// Ability says what a database can do with a column.
type Ability uint8

// The abilities, as flags.
const (
	CanEqual Ability = 1 << iota // equality and IN
	CanRange                     // ordering comparisons, prefixes
	CanSort                      // keyset sorting
	CanMatch                     // substring tests
	CanAll   = CanEqual | CanRange | CanSort | CanMatch
)

// Column tells how a database reaches one field.
type Column struct {
	Expr   string          // SQL expression, from code only, never from a rule or a user
	Second string          // for money: the expression of the currency; Expr is the minor units
	Encode func(Value) any // turns a value into an argument of this column; nil passes Value.Native. Not used for money
	Type   Type            // the field's type; values of another type are refused. TypeNone checks nothing
	Can    Ability         // what rules and lists may do with it; 0 hides the field
}

// Columns maps the fields of one entity for one database. Each dialect exposes its own.
type Columns interface {
	// Column returns how to reach a field; ok is false for one that has no column.
	Column(field string) (c Column, ok bool)
	// TextTest must return the SQL of a test on text: "starts", "ends" or "contains", over two SQL expressions,
	// comparing bytes.
	TextTest(test, expr, arg string) string
	// HasElement must return the SQL that tests whether a list column has an element.
	HasElement(expr, arg string) string
}

// Binder collects the arguments of a statement. Arg returns the placeholder of the argument it was given.
type Binder interface {
	// Arg must keep the argument and return its placeholder, such as $3.
	Arg(v any) string
}
