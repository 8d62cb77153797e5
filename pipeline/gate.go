package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

// pass asks every entry gate of a stage about rec. Gates see the record with the changes of the same write; stage,
// category and probability are still those it comes from (blank at creation).
//
// A gate lets pass only on yes: no and unknown both refuse. The fault holds the clauses of all gates that refuse,
// in order, so that a caller mends them at once.
func (m *Module) pass(c *work.Call, st Stage, rec *Opportunity, zone *time.Location) ([]Evidence, error) {
	if len(st.Entry) == 0 {
		return nil, nil
	}
	in, env := rule.Input{Now: c.Now, Zone: zone}, c.Entity.Env(nil)
	var seen []Evidence
	var against []fault.Clause
	for _, g := range st.Entry {
		prog, err := m.engine.Rules.Compile(env, g.source())
		if err != nil {
			against = append(against, broken(g, err))
			continue
		}
		tr := prog.Explain(c.Entity.Record(rec), in)
		if tr.Outcome == rule.Yes {
			seen = append(seen, evidence(g, tr)...)
			continue
		}
		against = append(against, objections(c, g, tr)...)
	}
	if len(against) > 0 {
		return nil, gateFault(st, against)
	}
	return seen, nil
}

func gateFault(st Stage, against []fault.Clause) error {
	f := fault.New(fault.Gate, "stage %s cannot be entered: %s", st.Key, say(against[0]))
	f.Field, f.Clauses, f.Reason = against[0].Field, against, against[0].ID
	return f
}

// say puts one objection into a sentence. Values are left out: messages go to logs.
func say(cl fault.Clause) string {
	switch {
	case cl.Outcome == rule.Unknown.String() && cl.Field != "" && cl.Value == "":
		return fmt.Sprintf("gate %s cannot tell: %s is blank", cl.ID, cl.Field)
	case cl.Outcome == rule.Unknown.String() && cl.Field != "" && cl.Need == "":
		return fmt.Sprintf("gate %s cannot tell by this %s", cl.ID, cl.Field)
	case cl.Field != "" && cl.Need != "":
		return fmt.Sprintf("gate %s: %s: need %s", cl.ID, cl.Field, cl.Need)
	}
	return fmt.Sprintf("gate %s: %s", cl.ID, cl.Rule)
}

// broken is the objection of a gate that no longer compiles, for example because its custom field was retired.
func broken(g Gate, err error) fault.Clause {
	need := "a gate that compiles: define the pipeline anew and switch to that version"
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Message != "" {
		need += " (" + f.Message + ")"
	}
	return fault.Clause{ID: g.ID, Rule: g.Expr, Need: need, Outcome: rule.Unknown.String(), Message: g.Message}
}

func objections(c *work.Call, g Gate, tr *rule.Trace) []fault.Clause {
	var out []fault.Clause
	for _, cl := range tr.Clauses {
		if cl.Outcome == rule.Yes {
			continue
		}
		x := fault.Clause{
			ID: g.ID, Rule: cl.Text, Field: cl.Field, Value: cl.Value, Need: cl.Need,
			Outcome: cl.Outcome.String(), Message: g.Message,
		}
		if slices.ContainsFunc(cl.Fields, func(f string) bool { return c.CheckField(f) != nil }) {
			x.Value = Hidden
		}
		out = append(out, x)
	}
	if len(out) == 0 { // the rule as a whole is not yes although each part is: never let pass
		out = append(out, fault.Clause{ID: g.ID, Rule: g.Expr, Outcome: tr.Outcome.String(), Message: g.Message})
	}
	return out
}

func evidence(g Gate, tr *rule.Trace) []Evidence {
	out := make([]Evidence, len(tr.Clauses))
	for i, cl := range tr.Clauses {
		out[i] = Evidence{Gate: g.ID, Clause: cl.Text, Field: cl.Field, Outcome: cl.Outcome.String()}
		if cl.Field != "" {
			out[i].Value = cl.Value
		}
	}
	return out
}
