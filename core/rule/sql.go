package rule

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/rapport-crm/rapport/core/fault"
)

// SQL renders the condition under which the predicate is true; it selects exactly the records for which
// [Predicate.Eval] answers [Yes]. The empty string is never returned: a true predicate is "1=1".
//
// Comparisons stand alone and are never wrapped, so that an index on the column stays usable; what a blank value means
// under a negation is settled by rendering the negation itself. The result may be joined with AND without parentheses.
//
// Errors: Invalid for a field without a column, for one the database cannot compare that way, for a value of another
// type than the column's, and for text that is not valid UTF-8 or holds a NUL byte.
func (p Predicate) SQL(cols Columns, b Binder) (string, error) {
	w := sqlWriter{cols: cols, args: b}
	w.Grow(128)
	w.predicate(p, true, opAnd)
	if w.err != nil {
		return "", w.err
	}
	return w.String(), nil
}

type sqlWriter struct {
	strings.Builder
	cols Columns
	args Binder
	err  error
}

func (w *sqlWriter) put(parts ...string) {
	for _, s := range parts {
		w.WriteString(s)
	}
}

// predicate writes the condition under which p is true, or for want == false the one under which p is false. Both are
// not true where p is unknown. within is the operator around it.
func (w *sqlWriter) predicate(p Predicate, want bool, within op) {
	switch {
	case w.err != nil:
		return
	case p.n == nil || p.n.op == opTrue:
		w.constant(want)
	case p.n.op == opFalse:
		w.constant(!want)
	case p.n.op == opOpen:
		w.constant(false)
	case p.n.op == opNot:
		w.predicate(p.n.kids[0], !want, within)
	case p.n.op == opAnd || p.n.op == opOr:
		w.join(p.n, want, within)
	case p.n.op == opIf:
		w.choose(p.n.kids, want)
	default:
		w.leaf(p.n, want)
	}
}

func (w *sqlWriter) constant(b bool) {
	if b {
		w.put("1=1")
	} else {
		w.put("1=0")
	}
}

func (w *sqlWriter) join(n *node, want bool, within op) {
	o, word := opAnd, " AND "
	if (n.op == opOr) == want {
		o, word = opOr, " OR "
	}
	if o != within {
		w.put("(")
	}
	for i, k := range n.kids {
		if i > 0 {
			w.put(word)
		}
		w.predicate(k, want, o)
	}
	if o != within {
		w.put(")")
	}
}

// choose writes both ways of an If, each under its own condition. CASE would take the second for an unknown one.
func (w *sqlWriter) choose(kids []Predicate, want bool) {
	for i, start := range []string{"((", " OR ("} {
		w.put(start)
		w.predicate(kids[0], i == 0, opAnd)
		w.put(" AND ")
		w.predicate(kids[1+i], want, opAnd)
		w.put(")")
	}
	w.put(")")
}

func (w *sqlWriter) leaf(n *node, want bool) {
	need := CanEqual
	switch n.op {
	case opLt, opLe, opGt, opGe:
		need = CanRange
	case opStarts, opEnds, opContains:
		need = CanMatch
	}
	c, ok := w.column(n.field, need)
	if !ok {
		return
	}
	switch {
	case n.other != "":
		w.columns(n, c, want)
	case n.op == opIn:
		w.in(n, c, want)
	case n.op == opHas:
		w.has(n, c, want)
	case n.op == opIs:
		w.put(c.Expr, " = ", w.arg(n.field, c, Bool(want)))
	case need == CanMatch:
		w.match(n, c, want)
	case n.value.IsBlank():
		w.blank(n.op, c, want)
	default:
		w.compare(n, c, want)
	}
}

func (w *sqlWriter) column(field string, need Ability) (Column, bool) {
	c, ok := w.cols.Column(field)
	if !ok || c.Can&need == 0 {
		word := "filtered"
		if ok && c.Can != 0 {
			word = "compared that way"
		}
		w.err = fault.Field(field, "the field cannot be %s in a list", word)
		return c, false
	}
	return c, true
}

// blank compares with the blank value: equality asks for NULL, an ordering is never true or false.
func (w *sqlWriter) blank(o op, c Column, want bool) {
	switch {
	case o != opEq && o != opNe:
		w.put("1=0")
	case (o == opEq) == want:
		w.put(c.Expr, " IS NULL")
	default:
		w.put(c.Expr, " IS NOT NULL")
	}
}

// signs are the SQL operators; negated is the operator of the false form.
var (
	signs   = [...]string{opEq: " = ", opNe: " <> ", opLt: " < ", opLe: " <= ", opGt: " > ", opGe: " >= "}
	negated = [...]op{opEq: opNe, opNe: opEq, opLt: opGe, opLe: opGt, opGt: opLe, opGe: opLt}
)

func (w *sqlWriter) compare(n *node, c Column, want bool) {
	o := n.op
	if !want {
		o = negated[o]
	}
	if n.value.typ == TypeMoney {
		w.money(o, n, c)
		return
	}
	a := w.arg(n.field, c, n.value)
	if o == opNe {
		w.put("(", c.Expr, " <> ", a, " OR ", c.Expr, " IS NULL)")
		return
	}
	w.put(c.Expr, signs[o], a)
}

// money compares within one currency. Another currency differs, but is neither more nor less.
func (w *sqlWriter) money(o op, n *node, c Column) {
	if !w.typed(n.field, c, n.value) || c.Second == "" {
		w.fail(n.field, "the field holds no money")
		return
	}
	minor, cur := w.args.Arg(n.value.num), ""
	if o == opNe {
		cur = w.args.Arg(n.value.text)
		w.put("(", c.Expr, " <> ", minor, " OR ", c.Second, " <> ", cur, " OR ", c.Expr, " IS NULL)")
		return
	}
	cur = w.args.Arg(n.value.text)
	w.put("(", c.Second, " = ", cur, " AND ", c.Expr, signs[o], minor, ")")
}

func (w *sqlWriter) in(n *node, c Column, want bool) {
	var blank bool
	vals := make([]Value, 0, len(n.list))
	for _, v := range n.list {
		switch {
		case v.IsBlank():
			blank = true
		case v.typ == TypeMoney:
			w.predicate(anyOf(n), want, opIn)
			return
		default:
			vals = append(vals, v)
		}
	}
	if len(vals) == 0 {
		w.blank(opEq, c, want)
		return
	}
	null := blank == want // the form takes blank fields as well
	if null {
		w.put("(")
	}
	w.put(c.Expr)
	if !want {
		w.put(" NOT")
	}
	for i, v := range vals {
		if i == 0 {
			w.put(" IN (")
		} else {
			w.put(",")
		}
		w.put(w.arg(n.field, c, v))
	}
	w.put(")")
	if null {
		w.put(" OR ", c.Expr, " IS NULL)")
	}
}

// anyOf spells an IN as equalities, for types of two columns.
func anyOf(n *node) Predicate {
	parts := make([]Predicate, len(n.list))
	for i, v := range n.list {
		parts[i] = Eq(n.field, v)
	}
	return Any(parts...)
}

func (w *sqlWriter) has(n *node, c Column, want bool) {
	a := w.args.Arg(n.value.text)
	w.checkText(n.field, n.value)
	test := w.cols.HasElement(c.Expr, a)
	if want {
		w.put(test)
		return
	}
	w.put("(NOT (", test, ") OR ", c.Expr, " IS NULL)")
}

// textTests are the names of the tests in [Columns].
var textTests = [...]string{opStarts: "starts", opEnds: "ends", opContains: "contains"}

func (w *sqlWriter) match(n *node, c Column, want bool) {
	a := w.arg(n.field, c, n.value)
	test := w.cols.TextTest(textTests[n.op], c.Expr, a)
	if want {
		w.put(test)
		return
	}
	w.put("NOT (", test, ")")
}

// arg binds a value for a column.
func (w *sqlWriter) arg(field string, c Column, v Value) string {
	if !w.typed(field, c, v) || !w.checkText(field, v) {
		return ""
	}
	if c.Type == TypeFloat && v.typ == TypeInt {
		v = Float(v.Float())
	}
	if c.Encode != nil {
		return w.args.Arg(c.Encode(v))
	}
	return w.args.Arg(v.Native())
}

func (w *sqlWriter) typed(field string, c Column, v Value) bool {
	if c.Type == TypeNone || c.Type == v.typ || c.Type == TypeFloat && v.typ == TypeInt {
		return true
	}
	w.fail(field, "want a value of type "+c.Type.String()+", have "+v.typ.String())
	return false
}

func (w *sqlWriter) checkText(field string, v Value) bool {
	switch {
	case v.typ == TypeText && (strings.IndexByte(v.text, 0) >= 0 || !utf8.ValidString(v.text)):
		w.fail(field, "the value must be valid UTF-8 without NUL bytes")
	case v.typ == TypeFloat && (math.IsNaN(v.flt) || math.IsInf(v.flt, 0)):
		w.fail(field, "the value must be a finite number")
	default:
		return true
	}
	return false
}

func (w *sqlWriter) fail(field, message string) {
	if w.err == nil {
		w.err = fault.Field(field, "%s", message)
	}
}
