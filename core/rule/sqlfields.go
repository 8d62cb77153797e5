package rule

// columns compares two fields.
func (w *sqlWriter) columns(n *node, c Column, want bool) {
	need := CanRange
	if n.op == opEq || n.op == opNe {
		need = CanEqual
	}
	d, ok := w.column(n.other, need)
	switch {
	case !ok:
		return
	case c.Type != d.Type || (c.Second == "") != (d.Second == "") || !alike(c, d):
		w.fail(n.field, "the field cannot be compared with "+n.other+" in a list")
		return
	}
	o := n.op
	if !want {
		o = negated[o]
	}
	switch {
	case o == opEq:
		w.pairs(c, d, " = ", " AND ")
		return
	case o == opNe:
		w.pairs(c, d, " <> ", " OR ")
		return
	case c.Second != "":
		w.put("(", c.Second, " = ", d.Second, " AND ", c.Expr, signs[o], d.Expr, ")")
		return
	}
	w.put(c.Expr, signs[o], d.Expr)
}

// alike reports whether two columns keep their values in one form: both in the database's own, or both encoded in an
// order that can be compared, which a blind index is not.
func alike(c, d Column) bool {
	if c.Encode == nil || d.Encode == nil {
		return c.Encode == nil && d.Encode == nil
	}
	return c.Can&d.Can&CanRange != 0
}

// pairs writes equality or difference of two columns, in which two blanks are equal.
func (w *sqlWriter) pairs(c, d Column, sign, word string) {
	w.put("(")
	if c.Second != "" {
		w.put("(", c.Expr, sign, d.Expr, word, c.Second, sign, d.Second, ")")
	} else {
		w.put(c.Expr, sign, d.Expr)
	}
	if sign == " = " {
		w.put(" OR (", c.Expr, " IS NULL AND ", d.Expr, " IS NULL))")
		return
	}
	w.put(" OR (", c.Expr, " IS NULL) <> (", d.Expr, " IS NULL))")
}
