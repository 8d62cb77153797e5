package cel

import (
	"errors"
	"strings"
	"sync"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// part is one top-level clause, compiled alone.
type part struct {
	span
	prog *program
}

// partsOnce compiles the clauses when they are first asked for.
type partsOnce struct {
	once sync.Once
	list []part
}

func (p *program) clauses() []part {
	p.parts.once.Do(func() {
		for _, s := range split(p.expr) {
			prog, issues := p.engine.build(p.scope, s.text)
			if len(issues) > 0 { // the text was cut in a wrong place: explain it as a whole
				p.parts.list = []part{{trim(p.expr, 0, len(p.expr)), p}}
				return
			}
			p.parts.list = append(p.parts.list, part{s, prog})
		}
	})
	return p.parts.list
}

// Explain implements [rule.Program].
func (b *bound) Explain(rec rule.Record, in rule.Input) *rule.Trace {
	vars := newInputs(b.scope, rec, in)
	out := &rule.Trace{Source: b.src}
	out.Outcome, _ = b.eval(vars)
	for _, p := range b.clauses() {
		out.Clauses = append(out.Clauses, p.explain(vars))
	}
	return out
}

func (p part) explain(in *inputs) rule.Clause {
	c := rule.Clause{Text: p.text, From: p.from, Fields: p.prog.Fields()}
	var err error
	c.Outcome, err = p.prog.eval(in)
	if len(c.Fields) == 1 {
		c.Field = c.Fields[0]
		c.Value = shown(in, c.Field)
	} else {
		c.Value = shownAll(in, c.Fields)
	}
	c.Need = p.need(in)
	if c.Outcome == rule.Unknown {
		c.Reason = p.reason(in, err)
	}
	return c
}

// shown formats the value of a field, a personal one as its class.
func shown(in *inputs, field string) string {
	slot := in.scope.slots[field]
	v := in.rec.Value(slot)
	if f := in.scope.env.Fields[slot]; f.Class != personal.None && !v.IsBlank() {
		return "[" + string(f.Class) + "]"
	}
	return v.String()
}

// shownAll lists the values of several fields with their names, blank ones left out.
func shownAll(in *inputs, fields []string) string {
	var out []string
	for _, f := range fields {
		if v := shown(in, f); v != "" {
			out = append(out, f+": "+v)
		}
	}
	return strings.Join(out, ", ")
}

func (p part) reason(in *inputs, err error) string {
	switch {
	case errors.Is(err, errCurrency):
		return "currency"
	case err != nil && strings.Contains(err.Error(), "cost limit"):
		return "budget"
	}
	for _, f := range p.prog.fields {
		if in.rec.Value(in.scope.slots[f]).IsBlank() {
			return "blank"
		}
	}
	return "error"
}

// need says what would pass, from the clause's own comparison; "" when the clause is not one comparison.
func (p part) need(in *inputs) string {
	c := converter{program: p.prog, in: in}
	e, want := p.prog.root, true
	for e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.LogicalNot {
		e, want = e.AsCall().Args()[0], !want
	}
	pred := c.condition(e)
	if c.err != nil {
		return ""
	}
	return pred.Need(want)
}
